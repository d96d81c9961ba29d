#pragma once

#include <parley/status.hpp>

#include "core/clock.hpp"
#include "policy/send_queue.hpp"
#include "telemetry/connection_recorder.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace parley {

/// The published status of a connection, and its metrics. Any thread reads it; its strand alone
/// writes it.
class status_board final : private telemetry_source {
public:
    /// The clock must outlive it. Null telemetry: it makes no metrics.
    status_board(const clock_source& clock, std::shared_ptr<telemetry::impl> to);
    status_board(const status_board&) = delete;
    status_board& operator=(const status_board&) = delete;
    ~status_board() { leave(); }

    void enter(websocket_state state, phase step);
    void enter(phase step);
    void attempt(unsigned number);
    void failed(error_info why);
    // For the metrics alone:
    void attempt_failed(const error_info& why, loss_reason reason);
    void session_lost(const error_info& why, loss_reason reason);
    void retry_at(std::optional<std::chrono::steady_clock::time_point> when);

    void queued(const send_queue& queue) noexcept;
    void received(std::size_t bytes) noexcept { add(bytes_received_, bytes); }
    void received_message() noexcept { add(messages_received_, 1); }
    void sent_message(std::size_t bytes) noexcept;
    void round_trip(std::chrono::microseconds took) noexcept;

    websocket_state state() const;
    websocket_status snapshot() const;

private:
    using counter = std::atomic<std::uint64_t>;

    // One writer: no read-modify-write is needed.
    static void add(counter& to, std::uint64_t more) noexcept {
        to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }

    void add_counters(metric_readings& to) const noexcept override;
    void add_gauges(metric_readings& to) const noexcept override;

    const clock_source& clock_;
    connection_recorder recorder_; // strand only
    mutable std::mutex mutex_;     // never held across a suspension
    websocket_state state_ = websocket_state::idle;
    phase step_ = phase::none;
    unsigned attempt_ = 0;
    std::unique_ptr<const error_info> last_error_;
    std::optional<std::chrono::steady_clock::time_point> retry_at_;
    counter queued_messages_{0}, queued_bytes_{0};
    counter bytes_sent_{0}, bytes_received_{0}, messages_sent_{0}, messages_received_{0};
    std::array<counter, 4> sends_{}; // by their outcome
    std::atomic<std::int64_t> round_trip_{-1};
};

} // namespace parley
