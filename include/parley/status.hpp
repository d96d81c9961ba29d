#pragma once

#include <parley/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parley {

enum class websocket_state {
    idle,         ///< not connected yet
    connecting,   ///< the first attempt, up to the ready session
    ready,        ///< messages flow
    waiting,      ///< lost; the next attempt waits for its backoff
    reconnecting, ///< lost; an attempt is under way
    closing,      ///< `disconnect` drains and closes
    closed,       ///< disconnected
    failed        ///< ended for good
};

std::string_view to_string(websocket_state) noexcept;

/// What a connection is doing, as a snapshot that any thread may take.
struct websocket_status {
    websocket_state state = websocket_state::idle;
    parley::phase phase = parley::phase::none;
    unsigned attempt = 0; ///< of the connection attempts since the session was last stable
    std::optional<error_info> last_error;
    std::optional<std::chrono::steady_clock::time_point> retry_at;
    std::size_t queued_messages = 0;
    std::size_t queued_bytes = 0;
    std::optional<std::chrono::microseconds> round_trip; ///< of the last heartbeat
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
};

/// The whole client's.
struct connection_status {
    bool connected = false;
    bool is_reconnecting = false;
    unsigned reconnect_attempts = 0;
    websocket_state state = websocket_state::idle;
    bool has_valid_ticket = false;
    std::optional<std::chrono::milliseconds> ticket_expires_in;
    websocket_status websocket;
};

} // namespace parley
