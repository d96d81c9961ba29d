#pragma once

namespace parley {

/// doc/protocol.md 1.7: whether a request that was answered with this status is worth another try.
/// The one table for the ticket, the upgrade, the proxy's tunnel and a thread update.
constexpr bool retryable_status(int status) noexcept {
    switch (status) {
    case 408: // Request Timeout
    case 425: // Too Early
    case 429: // Too Many Requests
        return true;
    case 501: // Not Implemented
    case 505: // HTTP Version Not Supported
        return false;
    default: // RFC 9110 section 15: an unknown 5xx counts as 500; proxies answer 520 to 530
        return status >= 500 && status <= 599;
    }
}

} // namespace parley
