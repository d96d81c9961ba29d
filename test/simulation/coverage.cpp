#include "simulation/coverage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parley::simulation {

std::string_view to_string(fault which) noexcept {
    constexpr std::array<std::string_view, coverage::faults> names{
        "lookup fails",
        "TCP refused",
        "TLS fails",
        "connect stalls",
        "upgrade refused",
        "upgrade unauthorized",
        "upgrade is no WebSocket",
        "ticket server unreachable",
        "ticket answer reset",
        "ticket request stalls",
        "ticket server error",
        "ticket Retry-After",
        "ticket malformed",
        "ticket unauthorized",
        "ticket short-lived",
        "ticket without Date",
        "session silent",
        "session rejected",
        "session refused",
        "tools refused",
        "tools unanswered",
        "reset while reading",
        "reset while writing",
        "write stalls",
        "inbound stalls",
        "drip",
        "half-open",
        "close with a code",
        "close unfinished",
        "malformed message",
        "binary message",
        "stray message",
        "duplicate message",
        "heartbeat flood",
        "tool request repeated",
        "callId used again",
        "callId a number",
        "parameters in a text",
        "odd optional field",
        "text cut in a character",
        "tool burst",
        "tool unknown",
        "tool throws",
        "tool hangs",
        "tool deaf to cancellation",
        "run unfinished",
        "chat_error",
        "thread update fails",
        "server restart",
        "clock step",
        "sleep",
        "loop stall",
        "slow consumer",
        "cancellation",
        "destruction",
    };
    return names[static_cast<std::size_t>(which)];
}

void coverage::add(const coverage& other) noexcept {
    for (std::size_t i = 0; i < faults; ++i)
        faults_[i] += other.faults_[i];
    for (std::size_t i = 0; i < states; ++i)
        for (std::size_t j = 0; j < states; ++j)
            transitions_[i][j] += other.transitions_[i][j];
    steps += other.steps;
    simulated_ms += other.simulated_ms;
    operations += other.operations;
    sessions += other.sessions;
    messages += other.messages;
    tool_calls += other.tool_calls;
    tickets += other.tickets;
}

bool coverage::every_fault() const noexcept {
    return std::ranges::all_of(faults_, [](std::uint64_t n) { return n > 0; });
}

std::string coverage::table() const {
    std::string out = "faults\n";
    for (std::size_t i = 0; i < faults; ++i)
        out += fmt::format("  {:<28}{:>10}\n", to_string(static_cast<fault>(i)), faults_[i]);
    out += "transitions of the connection\n";
    for (std::size_t i = 0; i < states; ++i)
        for (std::size_t j = 0; j < states; ++j)
            if (transitions_[i][j] > 0)
                out += fmt::format("  {:<28}{:>10}\n",
                                   fmt::format("{} -> {}",
                                               parley::to_string(static_cast<websocket_state>(i)),
                                               parley::to_string(static_cast<websocket_state>(j))),
                                   transitions_[i][j]);
    out += fmt::format("{} steps, {:.1f} h simulated, {} operations, {} sessions, {} messages, "
                       "{} tool calls, {} tickets\n",
                       steps, static_cast<double>(simulated_ms) / 3'600'000.0, operations, sessions,
                       messages, tool_calls, tickets);
    return out;
}

} // namespace parley::simulation
