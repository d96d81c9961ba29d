#pragma once

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
    std::uint64_t tool_calls_failed = 0;
    std::uint64_t handlers_failed = 0;
};

} // namespace parley
