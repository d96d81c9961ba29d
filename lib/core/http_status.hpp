#pragma once

namespace parley {

/// Whether a response with this status is worth another try (doc/protocol.md 1.7): the one table
/// for tickets, the upgrade, the proxy's tunnel and thread updates.
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
