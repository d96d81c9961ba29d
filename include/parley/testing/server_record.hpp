#pragma once

#include <parley/export.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::testing {

/// What a `chat_server` has seen and done since it was started.
struct counters {
    std::size_t connections{0};       ///< TCP connections accepted
    std::size_t tls_handshakes{0};    ///< completed
    std::size_t tls_failures{0};      ///< ended by either side
    std::size_t ticket_requests{0};   ///< arrived, whatever became of them
    std::size_t tickets_issued{0};    ///< answered with a ticket
    std::size_t tickets_refused{0};   ///< answered otherwise, or not at all
    std::size_t validations{0};       ///< requests to validate a ticket
    std::size_t thread_updates{0};    ///< requests to update a conversation
    std::size_t upgrades{0};          ///< WebSocket upgrades asked for
    std::size_t upgrades_rejected{0}; ///< of them not answered with 101
    std::size_t sessions_opened{0};   ///< `session_established` sent
    std::size_t sessions_rejected{0}; ///< `authentication_error` or a close in its place
    std::size_t sessions_open_now{0}; ///< WebSockets between their 101 and their end
    std::size_t configure_tools{0};   ///< received
    std::size_t update_tools{0};      ///< received

    /// `update_context_helpers` received.
    std::size_t context_updates{0};
    std::size_t chat_messages{0};   ///< received
    std::size_t runs_finished{0};   ///< `chat_finished` and `chat_error` sent
    std::size_t tool_requests{0};   ///< `tool_call_request` sent
    std::size_t tool_responses{0};  ///< `tool_call_response` received
    std::size_t heartbeat_pings{0}; ///< received
    std::size_t heartbeat_pongs{0}; ///< received
    std::size_t stop_runs{0};       ///< received
    std::size_t websocket_pings{0}; ///< received
    std::size_t websocket_pongs{0}; ///< received
    std::size_t frames_received{0}; ///< text and binary messages
    std::size_t protocol_errors{0}; ///< violations of the protocol by clients
    std::size_t internal_errors{0}; ///< exceptions of the server itself, a script's included
};

/// One message of a client.
struct received_frame {
    std::uint64_t session{0}; ///< number of the session, from 1
    bool binary{false};       ///< whether it was a binary frame
    std::string type;         ///< empty when it has none
    std::string text;         ///< verbatim
};

/// One HTTP request of a client. It holds the client's secrets: for tests only.
struct PARLEY_EXPORT received_request {
    std::string method;                                       ///< as `POST`
    std::string target;                                       ///< path and query
    std::vector<std::pair<std::string, std::string>> headers; ///< in order
    std::string body;                                         ///< verbatim
    std::string server_name; ///< the name asked for in TLS (SNI); empty without

    /// The value of a header, letter case ignored; empty when it is absent.
    std::string_view header(std::string_view name) const noexcept;
};

} // namespace parley::testing
