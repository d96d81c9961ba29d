#include "transport/websocket_error.hpp"

#include "core/http_status.hpp"
#include "core/redactor.hpp"
#include "core/retry_after.hpp"
#include "net/network_error.hpp"

#include <utility>

namespace parley {

namespace {

error_info session_error(errc what, std::string sentence, std::string reason, unsigned close_code) {
    error_info ended =
        network_error(what, phase::session, true, std::move(sentence), std::move(reason));
    ended.details.close_code = close_code;
    return ended;
}

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

error_info handshake_violation(std::string reason) {
    return network_error(errc::handshake_violation, phase::upgrade, true,
                         "The server's answer to the WebSocket upgrade is not valid",
                         std::move(reason));
}

result<void> head_error(const response_head& head, wall_time now) {
    if (!head.fault().empty()) return handshake_violation(std::string(head.fault()));
    const bool complete = head.current() == response_head::state::complete;
    if (complete && head.status() != 101) return refused_upgrade(head, now);
    return {};
}

error_info protocol_violation(std::string reason, unsigned code) {
    return session_error(errc::protocol_violation, "The server violated the WebSocket protocol",
                         std::move(reason), code);
}

error_info too_large(std::string reason) {
    return session_error(errc::message_too_large,
                         "The server sent a message that is larger than the limit",
                         std::move(reason), 1009);
}

error_info closed_by_peer(unsigned code, std::string_view text) {
    const unsigned reported = code == 0 ? 1005 : code;
    error_info ended =
        session_error(errc::connection_closed, "The server closed the connection", {}, reported);
    ended.details.server_text = redactor().quote(text).text(); // the connection knows secrets
    ended.details.retryable = reported != 1000;                // doc/protocol.md 3.1
    return ended;
}

error_info broken_connection(phase where, std::string reason) {
    return network_error(errc::connection_reset, where, true, "The connection broke",
                         std::move(reason));
}

} // namespace parley
