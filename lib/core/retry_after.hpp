#pragma once

#include "core/clock.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace parley {

/// `Retry-After` as a lower bound: seconds, a fraction rounded up, or a date; at most 300 s. What
/// is negative, in the past or unreadable is none. `now` is the server's `Date` when it is known.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, wall_time now);

} // namespace parley
