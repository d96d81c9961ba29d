#pragma once

#include <parley/error.hpp>

namespace parley {

// A deadline that passes during a later attempt says little: its cause is the failure of the
// attempt before.

/// True for an error without a status, a close code and a reason.
bool says_nothing(const error_info& why) noexcept;

/// `late`, the error of a deadline, with the details and the sentence of `last`, the error of the
/// last attempt that failed. It is retryable.
error_info out_of_time(error_info late, const error_info& last);

} // namespace parley
