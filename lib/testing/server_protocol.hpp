#pragma once

#include <parley/json_text.hpp>

#include "testing/outgoing.hpp"
#include "testing/server_context.hpp"
#include "testing/session_script.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::testing {

/// The server's side of one session (doc/protocol.md 2): the input, and the replies to it.
/// No I/O, no clock.
class server_protocol {
public:
    using time_point = std::chrono::steady_clock::time_point;

    server_protocol(server_context& context, session_fault::values fault, std::uint64_t session,
                    std::string conversation);

    const session_fault::values& fault() const noexcept { return fault_; }

    /// The 101 is out, and `fault().established_delay` over.
    std::vector<outgoing> opened();
    std::vector<outgoing> received(std::string text);
    std::vector<outgoing> received_binary(std::string bytes);
    /// `ping_time` is JSON text, or empty.
    outgoing heartbeat_ping(const std::string& ping_time);
    /// The n-th message from now ends in `outgoing::drop`.
    void drop_after(unsigned messages) { messages_left_ = messages; }

    /// What the running answer sends now, if anything.
    std::optional<outgoing> next(time_point now);
    std::optional<time_point> paused_until() const { return script_.paused_until(); }

private:
    /// Counts down to a drop.
    bool drops_now();
    std::vector<outgoing> dispatch(const std::string& type, const json_text& frame,
                                   std::string text);
    std::vector<outgoing> configured(std::string_view acknowledgement,
                                     std::size_t counters::* which, const json_text& frame);
    void chat_message(const json_text& frame, std::string text);
    void tool_response(const json_text& frame);
    void heartbeat_pong(const json_text& frame);
    void check_echo(const json_text& frame);
    std::vector<outgoing> heartbeat(const json_text& frame);
    std::vector<outgoing> refused(const std::string& what);
    void violation(const std::string& what);

    server_context& context_;
    const session_fault::values fault_;
    const std::uint64_t session_;
    session_script script_;
    bool established_{false};
    std::optional<unsigned> messages_left_;
    std::vector<std::string> tool_names_;
    std::map<std::string, std::string> pings_; ///< `timestamp` → `pingTime`, of ours not answered
    std::uint64_t ping_number_{0};
};

} // namespace parley::testing
