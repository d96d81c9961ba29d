#pragma once

#include <parley/chat_message.hpp>
#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/secret.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_manager.hpp>

#include "core/clock.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/cookies.hpp"
#include "http/http_client.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

// The bodies of the HTTP requests of doc/protocol.md 1, and the parsing of the responses. No I/O.

/// doc/protocol.md 1.3: bytes of a ticket, and of all its cookies.
inline constexpr std::size_t longest_ticket = 8 * 1024;

/// The headers of the identity, those that are set.
std::vector<std::pair<std::string, std::string>> identity_headers(const auth_data& auth);

/// Request bodies; absent fields are left out. They throw `client_error` (`invalid_utf8`) naming
/// the field. The second holds the ticket: never log it.
std::string ticket_body(const auth_data& auth, std::string_view user_agent, wall_time now);
std::string validation_body(const secret& ticket, const auth_data& auth);

/// Nullopt is sent as `null`, and detaches.
std::string entity_update_body(const std::optional<std::string>& entity_id,
                               const std::optional<std::string>& entity_type);
/// What the patch does not set is left out, an inner nullopt is sent as `null`.
std::string metadata_update_body(const metadata_patch& patch);

/// A response, and what is needed to judge it.
class server_response : public http_response {
public:
    server_response(http_response from, wall_time at) : http_response(std::move(from)), now(at) {}

    wall_time now;                      ///< our clock
    cookies::cookie_scope cookie_scope; ///< of the WebSocket, to which the cookies would go
    redactor gate;                      ///< knows the secrets that the server may repeat
};

/// The error of an HTTP exchange, as the error of a ticket request: a code of the ticket block.
error_info to_ticket_error(error_info of_exchange);

/// The ticket, or the error. Its details have phase, status, `retryable`, `retry_after` and the
/// server's texts; the caller adds URL and attempt.
result<ticket> parse_ticket_response(const server_response& answer);

/// The definitive answer, or an error that says nothing about the ticket.
result<ticket_validation> parse_validation_response(const server_response& answer);

/// `thread_update_rejected` for a failure, `authentication_failed` for 401 and 403.
result<void> parse_update_response(const server_response& answer);

} // namespace parley
