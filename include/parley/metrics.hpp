#pragma once

#include <chrono>
#include <cstdint>

namespace parley {

/// Counters since the client was made, as a snapshot that any thread may take.
///
/// Each only grows, but for `tool_time_longest`, which is the greatest so far. None is set back by
/// `disconnect`, `init` or a reconnect. The unit is in the name: `bytes_…` are bytes, the two
/// durations milliseconds, all others numbers of what the name says. Each counts what this client
/// did itself: over several clients, also over those that share a ticket_manager, they can be added
/// up.
struct metrics_snapshot {
    std::uint64_t messages_sent = 0;      ///< whole WebSocket messages, heartbeats and answers too
    std::uint64_t messages_received = 0;  ///< the same
    std::uint64_t bytes_sent = 0;         ///< of the WebSocket connections
    std::uint64_t bytes_received = 0;     ///< the same
    std::uint64_t messages_skipped = 0;   ///< received, and not usable
    std::uint64_t connections_opened = 0; ///< sessions that were ready
    std::uint64_t fields_ignored = 0;     ///< optional ones of another type, taken as absent
    std::uint64_t connections_lost = 0;   ///< sessions that were lost, or given up on request
    std::uint64_t reconnect_attempts = 0; ///< to open a lost session again

    /// Requests to the source of tickets that this client began, retries included. One that several
    /// clients wait for counts for the client that began it; the renewal of a shared ticket_manager
    /// is its owner's, and in `ticket_snapshot::requests` alone.
    std::uint64_t tickets_requested = 0;
    std::uint64_t tickets_failed = 0;       ///< refreshes that brought none, their retries included
    std::uint64_t tool_calls = 0;           ///< asked for by the server, repeats included
    std::uint64_t tool_calls_repeated = 0;  ///< answered with the first answer again
    std::uint64_t tool_calls_failed = 0;    ///< answered with an error, whatever it was: the sum of
    std::uint64_t tool_calls_threw = 0;     ///< whose handler threw
    std::uint64_t tool_calls_not_found = 0; ///< of a tool that is not registered
    std::uint64_t tool_calls_timed_out = 0; ///< that took longer than their limit
    std::uint64_t tool_calls_busy = 0;      ///< for which there was no place
    std::uint64_t tool_calls_invalid = 0;   ///< parameters that are no object
    std::uint64_t tool_calls_shut_down = 0; ///< that the end of the client cut short
    std::uint64_t tool_answers_forgotten = 0;      ///< for lack of room: a repeat would run again
    std::chrono::milliseconds tool_time{};         ///< of all runs together
    std::chrono::milliseconds tool_time_longest{}; ///< of one
    std::uint64_t heartbeat_pings = 0;             ///< of the server's
    std::uint64_t heartbeat_pings_unanswered = 0;  ///< there were too many
    std::uint64_t heartbeat_acks = 0;              ///< answers to ours
    std::uint64_t events_dropped = 0;              ///< while nobody had ever taken one
    std::uint64_t handlers_failed = 0;             ///< that threw, of those given to `run`
    std::uint64_t configurations_unanswered = 0;   ///< `configure_tools` of the server's, too many
    std::uint64_t log_failures = 0;                ///< calls of the log sink that threw
};

} // namespace parley
