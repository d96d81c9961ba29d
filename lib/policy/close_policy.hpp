#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>

namespace parley {

// The meaning of a connection's end (doc/protocol.md 3.1), by numbers and sources, never by text.

enum class reaction {
    retry,                 ///< try again after the backoff
    refresh_and_retry,     ///< the same, with a fresh ticket
    end,                   ///< it will not get better
    protocol_disagreement, ///< a retry; three in a row slow down
    rejection,             ///< the ticket was not taken, before the session was ready
    gateway_rejection,     ///< the same by a status of the upgrade: a gateway may have said it
    gateway_verdict        ///< no better now, but not in the chat server's own words: ends an
                           ///< opening, and is tried again slowly after a first ready session
};

struct close_verdict {
    reaction what = reaction::retry;
    loss_reason reason = loss_reason::reset; ///< if a session was lost by it
    bool operator==(const close_verdict&) const = default;
};

/// The table of doc/protocol.md 3.1. `was_ready`: it ended a ready session, not an attempt.
close_verdict classify_close(const error_info& why, bool was_ready,
                             reconnect_config::normal_close on_normal_close);

/// The verdict that the user's `reconnect_config::classify` has changed. A disagreement that is
/// retried keeps its slower backoff, which protects the server.
close_verdict override_close(close_verdict by_table, close_action chosen, bool was_ready) noexcept;

/// Whether an idle connection may have ended like that because it was idle: without a code, or
/// with one that says nothing but that it is over. The end of a ready session.
bool may_be_idle_timeout(const error_info& why) noexcept;

} // namespace parley
