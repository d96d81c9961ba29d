#pragma once

#include <parley/error.hpp>
#include <parley/export.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parley {

/// What a connection is doing.
enum class websocket_state {
    idle,         ///< not connected yet
    connecting,   ///< the first attempt, up to the ready session
    ready,        ///< messages flow
    waiting,      ///< lost; the next attempt waits for its backoff
    reconnecting, ///< lost; an attempt is in progress
    closing,      ///< `disconnect` sends the queue and closes
    closed,       ///< disconnected
    failed        ///< ended permanently
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(websocket_state) noexcept;

/// What a connection is doing, as a snapshot that any thread may take.
struct websocket_status {
    websocket_state state = websocket_state::idle; ///< what it is doing
    parley::phase phase = parley::phase::none;     ///< the phase of the attempt
    unsigned attempt = 0; ///< of the connection attempts since the session was last stable
    std::optional<error_info> last_error; ///< of the last loss or failed attempt
    std::optional<std::chrono::steady_clock::time_point> retry_at; ///< when the next attempt begins
    std::size_t queued_messages = 0;                               ///< waiting to be sent
    std::size_t queued_bytes = 0;                                  ///< of these messages
    std::optional<std::chrono::microseconds> round_trip;           ///< of the last heartbeat
    std::uint64_t bytes_sent = 0;                                  ///< since the object was made
    std::uint64_t bytes_received = 0;                              ///< the same
    std::uint64_t messages_sent = 0;                               ///< whole WebSocket messages
    std::uint64_t messages_received = 0;                           ///< the same
};

/// The status of a whole client.
struct connection_status {
    bool connected = false;                        ///< whether the session is ready
    bool is_reconnecting = false;                  ///< whether a lost session is being opened again
    unsigned reconnect_attempts = 0;               ///< since the session was last stable
    websocket_state state = websocket_state::idle; ///< what the connection is doing
    bool has_valid_ticket = false;                 ///< as ticket_manager::is_valid
    std::optional<std::chrono::milliseconds> ticket_expires_in; ///< nullopt when none is held
    websocket_status websocket;                                 ///< the connection in detail
};

} // namespace parley
