#pragma once

#include <chrono>
#include <cstdint>

namespace parley {

/// Plain counters since the client was made, as a snapshot that any thread may take.
struct metrics_snapshot {
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t messages_skipped = 0;
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_lost = 0;
    std::uint64_t reconnect_attempts = 0;
    std::uint64_t tickets_requested = 0;
    std::uint64_t tickets_failed = 0;
    std::uint64_t tool_calls = 0;
    std::uint64_t tool_calls_repeated = 0;
    std::uint64_t tool_calls_failed = 0; ///< answered with an error, whatever it was: the sum of
    std::uint64_t tool_calls_threw = 0;
    std::uint64_t tool_calls_not_found = 0;
    std::uint64_t tool_calls_timed_out = 0;
    std::uint64_t tool_calls_busy = 0;
    std::uint64_t tool_calls_invalid = 0; ///< parameters that are no object
    std::uint64_t tool_calls_shut_down = 0;
    std::uint64_t tool_answers_forgotten = 0;      ///< for lack of room: a repeat would run again
    std::chrono::milliseconds tool_time{};         ///< of all runs together
    std::chrono::milliseconds tool_time_longest{}; ///< of one
    std::uint64_t heartbeat_pings = 0;             ///< of the server's
    std::uint64_t heartbeat_pings_unanswered = 0;  ///< there were too many
    std::uint64_t heartbeat_acks = 0;              ///< answers to ours
    std::uint64_t handlers_failed = 0;
};

} // namespace parley
