#pragma once

#include <parley/ticket.hpp>

#include "core/url.hpp"
#include "websocket/connect_request.hpp"

#include <string>
#include <string_view>

namespace parley {

// The URLs of a chat server (doc/protocol.md 1.1), which are all made from the configured one.

/// Parses the configured URL, whose path may end with `/ws`. Throws as server_url::parse does, and
/// `invalid_url` for a URL that names an endpoint or has a `ticket` in its query.
server_url parse_server_url(std::string_view text, bool allow_plaintext);

inline constexpr std::string_view tickets_path = "/api/v1/tickets";
inline constexpr std::string_view validation_path = "/api/v1/tickets/validate";
/// `/api/v1/threads/{provider_res_id}`
std::string thread_path(std::string_view provider_res_id);

/// `{base}/ws`
std::string websocket_path(const server_url& server);
/// `wss://host/p/ws?ticket=…`: without the ticket and the values of the query, for people.
std::string websocket_text(const server_url& server);
/// The upgrade to `{base}/ws?{query}&ticket={ticket}`, with the cookies of the ticket.
connect_request session_request(const server_url& server, const ticket& with);

} // namespace parley
