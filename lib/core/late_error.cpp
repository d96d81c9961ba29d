#include "core/late_error.hpp"

#include <utility>

namespace parley {

bool says_nothing(const error_info& why) noexcept {
    const auto& details = why.details;
    return !details.http_status && !details.close_code && details.server_code.empty() &&
           details.server_text.empty() && details.reason.empty();
}

error_info out_of_time(error_info late, const error_info& last) {
    const auto sentence = last.message.empty() ? last.code.message() : last.message;
    late.details = last.details;
    late.details.retryable = true;
    if (late.details.reason.empty()) late.details.reason = sentence;
    late.message += " The last attempt that failed: " + sentence;
    return late;
}

} // namespace parley
