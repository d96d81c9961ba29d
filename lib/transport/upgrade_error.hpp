#pragma once

#include <parley/error.hpp>

#include "core/clock.hpp"
#include "core/response_head.hpp"

namespace parley {

/// The error for an answer that is no 101, with its `Retry-After`. None for a 101, and while the
/// answer is incomplete.
result<void> head_error(const response_head& head, wall_time now);

} // namespace parley
