#pragma once

#include <parley/error.hpp>

namespace parley {

// A deadline that falls into a later attempt says little by itself: its cause is what the attempt
// before it failed with.

/// True for an error that has neither a status, nor a close code, nor a reason in anybody's words.
bool says_nothing(const error_info& why) noexcept;

/// `late`, which is a deadline's error, with status, attempt, phase, URL and all other details of
/// `last`, the last attempt that failed, and with its sentence. It is worth another try.
error_info out_of_time(error_info late, const error_info& last);

} // namespace parley
