#pragma once

#include <parley/fwd.hpp>
#include <parley/ticket.hpp>
#include <parley/websocket_manager.hpp>

#include "core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// The user of a connection: it provides tickets, performs the opening and takes the messages.
/// Everything is called on the connection's strand.
class session_layer {
public:
    virtual ~session_layer() = default;

    /// The ticket of the next attempt, if one is held; else the connection calls `next_ticket`.
    virtual std::optional<ticket> ticket_at_hand() { return std::nullopt; }
    /// The ticket of the next attempt. `rejected` is the one that the server did not take, if that
    /// is why. Throws `client_error`; `retryable` in the details says whether the attempt merely
    /// failed. `deadline` is the attempt's.
    virtual awaitable<ticket> next_ticket(std::optional<ticket> rejected, time_point deadline) = 0;

    /// While `next_ticket` runs: the error of the last attempt to fetch the ticket, if one failed.
    virtual std::optional<error_info> ticket_trouble() const { return std::nullopt; }

    /// The WebSocket is open: begin the opening (doc/protocol.md 2.1), and call `session_ready`,
    /// `session_rejected` or `session_failed` of the connection, now or later. The layer bounds the
    /// opening itself: the connection knows no deadline of it but that of the whole.
    virtual void on_open() = 0;
    virtual void on_text(std::string_view text) = 0; ///< followed by `message_padding` bytes
    virtual void on_binary(std::size_t size) = 0;
    /// Called after the messages that one read brought.
    virtual void after_read() {}

    /// Back-pressure: nothing is read while this is false, until `wait_for_room` returns.
    virtual bool has_room() const = 0;
    virtual awaitable<void> wait_for_room() = 0;

    /// The protocol's own heartbeat, sent beside the WebSocket ping on a ready session; empty for
    /// none.
    virtual std::string heartbeat() = 0;

    /// The session is lost: how many messages were sent whose run had not ended. Called once per
    /// loss, before its event.
    virtual unsigned take_unconfirmed() = 0;
    virtual void on_connection_event(connection_event happened) = 0;
    /// After `connection_failed`, which there may have been no memory for: there is no session any
    /// more.
    virtual void on_end() noexcept {}
    /// The session that is lost was closed with 1009, and this answer was the largest message of
    /// it; 0: another message was. Called after the event of the loss.
    virtual void on_answer_too_large(std::uint64_t /*id*/) {}
};

} // namespace parley
