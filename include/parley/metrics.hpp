#pragma once

#include <chrono>
#include <cstdint>

namespace parley {

/// Counters since the client was made, as a snapshot that any thread may take.
///
/// Each only grows; `tool_time_longest` is the greatest so far. `disconnect`, `init` and a
/// reconnect do not reset them. The unit is in the name: `bytes_…` are bytes, the two durations
/// milliseconds, all others plain numbers. Each counts the actions of this client: the counters of
/// several clients, also of clients that share a ticket_manager, can be
/// added up.
struct metrics_snapshot {
    std::uint64_t messages_sent = 0;      ///< whole WebSocket messages, heartbeats and answers too
    std::uint64_t messages_received = 0;  ///< the same
    std::uint64_t bytes_sent = 0;         ///< of the WebSocket connections
    std::uint64_t bytes_received = 0;     ///< the same
    std::uint64_t messages_skipped = 0;   ///< received and unusable
    std::uint64_t connections_opened = 0; ///< sessions that were ready
    std::uint64_t fields_ignored = 0;     ///< optional ones of another type, taken as absent
    std::uint64_t connections_lost = 0;   ///< sessions that were lost, or replaced on request
    std::uint64_t reconnect_attempts = 0; ///< to open a lost session again

    /// Requests to the ticket source that this client began, retries included. A request shared by
    /// several clients counts for the client that began it; the renewal of a shared ticket_manager
    /// counts for its owner, in `ticket_snapshot::requests` only.
    std::uint64_t tickets_requested = 0;
    std::uint64_t tickets_failed = 0;         ///< refreshes without a ticket, after their retries
    std::uint64_t tool_calls = 0;             ///< requested by the server, repeats included
    std::uint64_t tool_calls_repeated = 0;    ///< answered with the first answer again
    std::uint64_t tool_calls_failed = 0;      ///< answered with an error: the sum of the next six
    std::uint64_t tool_calls_threw = 0;       ///< whose handler threw
    std::uint64_t tool_calls_not_found = 0;   ///< of a tool that is not registered
    std::uint64_t tool_calls_timed_out = 0;   ///< that took longer than their limit
    std::uint64_t tool_calls_busy = 0;        ///< while too many were running or waiting
    std::uint64_t tool_calls_invalid = 0;     ///< parameters that are not an object
    std::uint64_t tool_calls_shut_down = 0;   ///< ended by the end of the client
    std::uint64_t tool_answers_forgotten = 0; ///< for lack of space: a repeat would run again
    std::chrono::milliseconds tool_time{};    ///< of all runs together
    std::chrono::milliseconds tool_time_longest{}; ///< of one
    std::uint64_t heartbeat_pings = 0;             ///< of the server
    std::uint64_t heartbeat_pings_unanswered = 0;  ///< over the limit of the rate
    std::uint64_t heartbeat_acks = 0;              ///< replies to our pings
    std::uint64_t events_dropped = 0;              ///< before the first one was taken
    std::uint64_t handlers_failed = 0;             ///< that threw, of those given to `run`
    std::uint64_t configurations_unanswered = 0;   ///< `configure_tools` over the limit of the rate
    std::uint64_t log_failures = 0;                ///< calls of the log sink that threw
};

} // namespace parley
