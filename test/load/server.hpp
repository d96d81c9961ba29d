#pragma once

#include "load/tally.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace parley::load {

/// A chat_server in a process of its own, which harms its clients at random until it is asked for
/// what it has seen. To be made before this process has threads.
class server_process {
public:
    server_process(std::uint32_t seed, unsigned sessions);
    ~server_process(); ///< ends it
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;

    const std::string& url() const noexcept { return url_; }
    /// Faults begin, or end.
    void harm(bool yes);
    /// Stops it, once what was sent to it has arrived.
    server_tally tally();

private:
    std::string line();

    pid_t child_ = -1;
    int commands_ = -1;
    int answers_ = -1;
    std::string url_;
    std::string unread_;
};

} // namespace parley::load
