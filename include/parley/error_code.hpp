#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>

#include <boost/system/error_code.hpp>

#include <string_view>
#include <type_traits>

namespace parley {

/// Every way in which an operation of this library fails. The hundreds say which exception carries
/// it; a cancelled operation is none of these: it stays `boost::asio::error::operation_aborted`.
enum class errc {
    // 100: ticket_error. No ticket could be had.
    ticket_request_failed = 100, ///< the ticket server could not be reached, or hung up
    ticket_timeout = 101,        ///< the ticket server did not answer within `request_timeout`
    ticket_http_status = 102,    ///< an HTTP status that is no success, and not 401 or 403
    ticket_refused = 103,        ///< `{"success": false}`
    ticket_malformed = 104,      ///< the answer has no usable `ticket` or `expiresAt`
    ticket_too_long = 105,       ///< longer than the 8 KiB that a ticket may have
    ticket_redirected = 106,     ///< a redirect, which is never followed
    ticket_certificate = 107,    ///< the ticket server's certificate is not trusted
    ticket_cleared = 108,        ///< `clear()` was called while the request was in flight
    ticket_source_failed = 109,  ///< a ticket_source threw something of its own
    ticket_absent = 110,         ///< there is no ticket to validate

    // 200: authentication_error. The server knows us and says no.
    authentication_failed = 200, ///< 401 or 403 from the ticket endpoint
    ticket_rejected = 201,       ///< a fresh ticket was rejected by the WebSocket endpoint
    session_refused = 202, ///< `authentication_error` with a code that a fresh ticket does not cure

    // 300: connection_error. The ticket was had and the connection was not.
    resolve_failed = 300,       ///< the host name has no address
    resolve_timeout = 301,      ///< name lookup took longer than `resolve_timeout`
    connect_failed = 302,       ///< no address accepted a TCP connection
    connect_timeout = 303,      ///< no address answered within `connect_timeout`
    proxy_failed = 304,         ///< the proxy refused the tunnel
    tls_failed = 305,           ///< the TLS handshake failed
    tls_timeout = 306,          ///< the TLS handshake took longer than `tls_timeout`
    certificate_rejected = 307, ///< the server's certificate is not trusted
    upgrade_failed = 308,       ///< the WebSocket upgrade was answered with another status
    upgrade_timeout = 309,      ///< the upgrade took longer than `upgrade_timeout`
    session_timeout = 310,      ///< no `session_established` within `session_timeout`
    connection_closed = 311,    ///< the server closed the connection
    connection_reset = 312,     ///< the connection broke without a close
    connection_silent = 313,    ///< no byte arrived within the heartbeat's time
    not_connected = 314,        ///< there is no session: call `init` first
    not_sent = 315,             ///< the deadline passed, and nothing was sent
    sent_unconfirmed = 316,     ///< sent at least in part; whether it was processed is unknown
    timed_out = 317,            ///< the operation's own deadline passed
    empty_ticket = 318,         ///< `connect` was given an empty ticket
    reconnect_exhausted = 319,  ///< `max_attempts` or `max_elapsed` of reconnecting is used up
    disconnected = 320,         ///< the client was disconnected meanwhile
    answer_timeout = 321,       ///< no event of the run within `timeouts::answer`
    too_many_runs = 322, ///< `limits::unfinished_runs` messages wait or run; nothing was sent

    // 400: connection_error. The peer does not speak the protocol.
    protocol_violation = 400,  ///< a frame that RFC 6455 forbids, or a malformed HTTP response
    handshake_violation = 401, ///< a 101 that RFC 6455 section 4.1 makes the client refuse
    message_too_large = 402,   ///< a message over `limits::message_bytes`
    message_timeout = 403,     ///< a message was not complete within `limits::message_time`

    // 500: tool_configuration_error.
    tool_duplicate = 500,         ///< two tools of one name
    tool_schema_invalid = 501,    ///< a parameter schema that is no JSON object or array
    tools_not_acknowledged = 502, ///< no `tools_configured` within `timeouts::acknowledge`
    tools_refused = 503,          ///< the server answered the configuration with `error`
    tool_unknown = 504,           ///< no tool of that name is registered
    tool_name_invalid = 505,      ///< an empty tool name, or one that is not UTF-8

    // 600: client_error. The server reports a failure of the work itself.
    chat_failed = 600,            ///< `chat_error` ended the run
    thread_update_rejected = 601, ///< the thread update was answered with a failure
    answer_too_large = 602,       ///< the answer of an `ask` is over `limits::answer_bytes`

    // 900: client_error. The call is wrong.
    invalid_configuration = 900, ///< a setting that cannot work
    invalid_url = 901,           ///< not a URL that this client connects to
    plaintext_refused = 902,     ///< `ws` or `http` beyond loopback without `allow_plaintext`; a
                                 ///< program with an option for that names its own option
    invalid_header = 903,        ///< a header value with bytes that HTTP forbids
    invalid_json = 904,          ///< not valid JSON
    invalid_utf8 = 905,          ///< not valid UTF-8
    too_large = 906,             ///< larger than the limit it is held to
};

/// The enumerator's own name, for logs and scripts: `to_string(errc::not_sent) == "not_sent"`.
PARLEY_EXPORT std::string_view to_string(errc) noexcept;

/// The category of errc, `parley`.
PARLEY_EXPORT const boost::system::error_category& category() noexcept;

/// What compares with the `code()` of an error; found by argument-dependent lookup.
inline boost::system::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), category()};
}

} // namespace parley

template <>
struct boost::system::is_error_code_enum<parley::errc> : std::true_type {};
