#include "transport/upgrade_error.hpp"

#include "core/http_status.hpp"
#include "core/retry_after.hpp"
#include "net/network_error.hpp"
#include "transport/websocket_error.hpp"

namespace parley {

namespace {

error_info refused_upgrade(const response_head& head, wall_time now) {
    error_info refused = network_error(
        errc::upgrade_failed, phase::upgrade, retryable_status(head.status()),
        "The server refused the WebSocket with status " + std::to_string(head.status()));
    refused.details.http_status = head.status();
    const auto headers = headers_of(head.text()).value_or(header_list());
    if (const auto after = header_value(headers, "Retry-After"))
        refused.details.retry_after = parse_retry_after(*after, now);
    return refused;
}

} // namespace

result<void> head_error(const response_head& head, wall_time now) {
    switch (head.current()) {
    case response_head::state::complete:
        if (head.status() != 101) return refused_upgrade(head, now);
        break;
    case response_head::state::incomplete:
        break;
    default:
        return handshake_violation(std::string(head.fault()));
    }
    return {};
}

} // namespace parley
