#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace parley::load {

/// What the server's process has seen; it crosses a pipe as lines of text.
struct server_tally {
    std::size_t sessions = 0;
    std::size_t ticket_requests = 0;
    std::size_t violations = 0;
    std::size_t internal_errors = 0;
    std::size_t faults = 0;
    std::string first_violation;
    std::unordered_map<std::uint64_t, unsigned> messages; ///< number -> how often it arrived
};

} // namespace parley::load
