#pragma once

#include "core/clock.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace parley {

/// Parses `Retry-After`, a lower bound: seconds, with a fraction rounded up, or a date; at most 300
/// s. Nothing for a negative, past or invalid value. `now` is the server's `Date` when it is known.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, wall_time now);

} // namespace parley
