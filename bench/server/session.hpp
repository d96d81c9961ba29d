#pragma once

#include "server/channel.hpp"
#include "server/frames.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What the server has counted; printed when it ends.
struct tally {
    std::uint64_t tickets = 0;
    std::uint64_t upgrades = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t bytes_in = 0;  ///< of messages, without frame headers
    std::uint64_t bytes_out = 0; ///< written to sockets
    std::vector<double> round_trips_us;
};

/// What all sessions share.
struct server_state {
    burst_frames plain;
    burst_frames varied;
    burst_frames compressed;
    tally counted;
    unsigned restart_ms = 0; ///< asked for by a client: go away for so long

    server_state();
};

/// One connection: HTTP first, then a WebSocket whose behaviour the path chooses.
///
/// `/idle` says nothing, `/stream-N` answers a chat_message with N text deltas, `/varied-N` with
/// N that differ in a number, `/deflate-N` with N compressed ones, `/echo` with one chat_finished
/// of 120 bytes, `/tool-N` runs a tool N times and measures, `/restart-MS` makes the whole server
/// go away for so long.
class session {
public:
    session(int socket, SSL_CTX* tls, server_state& shared)
        : channel_(socket, tls), shared_(shared) {}

    int socket() const noexcept { return channel_.socket(); }
    /// Reads what is there and writes what can be. False: it is over.
    bool serve(bool readable);
    bool wants_to_write() const noexcept { return sent_ < out_.size() || burst_left_ > 0; }

private:
    enum class mode { idle, stream, echo, tool, restart };
    using clock = std::chrono::steady_clock;

    bool take_input();
    bool take_request();
    void answer_request(std::string_view head);
    void upgrade(std::string_view head, std::string_view target);
    void choose(std::string_view target);
    bool take_frame();
    void take_message(const client_frame& message);
    void start_burst();
    void call_tool();
    void take_tool_answer();
    bool flush();
    bool flush_burst();

    channel channel_;
    server_state& shared_;
    std::string in_;
    std::string out_;
    std::size_t sent_ = 0;
    bool upgraded_ = false;
    bool closing_ = false; // once `out_` is written
    mode mode_ = mode::idle;
    bool compressed_ = false;
    bool varied_ = false;
    std::uint64_t count_ = 0;

    const burst_frames* burst_ = nullptr;
    std::uint64_t burst_left_ = 0; // bytes
    std::size_t burst_at_ = 0;     // within the period

    std::uint64_t calls_ = 0;
    clock::time_point called_{};
};

} // namespace bench
