#pragma once

#include <parley/status.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::simulation {

/// Everything that can go wrong in a simulated run.
enum class fault {
    lookup_fails,
    tcp_refused,
    tls_fails,
    connect_stalls,
    upgrade_refused,
    upgrade_unauthorized,
    upgrade_not_websocket,
    ticket_unreachable,
    ticket_reset,
    ticket_stalls,
    ticket_server_error,
    ticket_retry_after,
    ticket_malformed,
    ticket_unauthorized,
    ticket_short_lived,
    ticket_without_date,
    session_silent,
    session_rejected,
    session_refused,
    tools_refused,
    tools_unanswered,
    reset_while_reading,
    reset_while_writing,
    write_stalls,
    inbound_stalls,
    drip,
    half_open,
    close_with_code,
    close_unfinished,
    malformed_message,
    binary_message,
    stray_message,
    duplicate_message,
    heartbeat_flood,
    tool_request_repeated,
    call_id_again,
    call_id_number,
    parameters_in_text,
    odd_field,
    text_cut,
    tool_burst,
    tool_unknown,
    tool_throws,
    tool_hangs,
    tool_deaf,
    run_unfinished,
    chat_error,
    thread_update_fails,
    server_restart,
    clock_step,
    sleep,
    loop_stall,
    slow_consumer,
    cancellation,
    destruction,
    count_
};

std::string_view to_string(fault) noexcept;

/// What was seen, in one run or in all of them.
class coverage {
public:
    static constexpr std::size_t faults = static_cast<std::size_t>(fault::count_);
    static constexpr std::size_t states = static_cast<std::size_t>(websocket_state::failed) + 1;

    void count(fault what) noexcept { ++faults_[static_cast<std::size_t>(what)]; }
    void count(websocket_state from, websocket_state to) noexcept {
        ++transitions_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
    }
    void add(const coverage& other) noexcept;

    std::uint64_t of(fault what) const noexcept { return faults_[static_cast<std::size_t>(what)]; }
    bool every_fault() const noexcept;
    std::string table() const;

    std::uint64_t steps = 0;
    std::uint64_t simulated_ms = 0;
    std::uint64_t operations = 0;
    std::uint64_t sessions = 0;
    std::uint64_t messages = 0;   // that the server received
    std::uint64_t tool_calls = 0; // that ran
    std::uint64_t tickets = 0;

private:
    std::array<std::uint64_t, faults> faults_{};
    std::array<std::array<std::uint64_t, states>, states> transitions_{};
};

} // namespace parley::simulation
