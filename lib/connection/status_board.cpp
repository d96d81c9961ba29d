#include "connection/status_board.hpp"

#include <utility>

namespace parley {

static_assert(static_cast<int>(send_state::aborted) - static_cast<int>(send_state::sent) ==
              static_cast<int>(send_outcome::aborted));

status_board::status_board(const clock_source& clock, std::shared_ptr<telemetry::impl> to)
    : telemetry_source(std::move(to)), clock_(clock), recorder_(counted().get()) {
    telemetry_source::enter();
}

void status_board::enter(websocket_state state, phase step) {
    switch (state) {
    case websocket_state::connecting:
    case websocket_state::reconnecting:
        if (step == phase::ticket)
            recorder_.begin(state == websocket_state::connecting ? attempt_kind::first
                                                                 : attempt_kind::reconnect,
                            clock_.now());
        break;
    case websocket_state::ready:
        recorder_.entered(step, clock_.now());
        break;
    case websocket_state::waiting:
        break;
    default:
        recorder_.given_up();
    }
    const std::lock_guard lock(mutex_);
    state_ = state;
    step_ = step;
    if (state != websocket_state::waiting) retry_at_.reset();
}

void status_board::enter(phase step) {
    recorder_.entered(step, clock_.now());
    const std::lock_guard lock(mutex_);
    step_ = step;
}

void status_board::attempt(unsigned number) {
    const std::lock_guard lock(mutex_);
    attempt_ = number;
}

void status_board::attempt_failed(const error_info& why, loss_reason reason) {
    recorder_.failed(why, reason);
}

void status_board::session_lost(const error_info& why, loss_reason reason) {
    recorder_.lost(why, reason, clock_.now());
}

void status_board::failed(error_info why) {
    auto last = std::make_unique<const error_info>(std::move(why));
    const std::lock_guard lock(mutex_);
    last_error_.swap(last);
}

void status_board::retry_at(std::optional<std::chrono::steady_clock::time_point> when) {
    const std::lock_guard lock(mutex_);
    retry_at_ = when;
}

void status_board::queued(const send_queue& queue) noexcept {
    queued_messages_.store(queue.messages(), std::memory_order_relaxed);
    queued_bytes_.store(queue.bytes(), std::memory_order_relaxed);
    if (!counted()) return;
    for (std::size_t at = 0; at < sends_.size(); ++at)
        sends_[at].store(
            queue.settled(static_cast<send_state>(static_cast<std::size_t>(send_state::sent) + at)),
            std::memory_order_relaxed);
}

void status_board::sent_message(std::size_t bytes) noexcept {
    add(messages_sent_, 1);
    add(bytes_sent_, bytes);
}

void status_board::round_trip(std::chrono::microseconds took) noexcept {
    round_trip_.store(took.count(), std::memory_order_relaxed);
    if (counted()) counted()->observe<metric::heartbeat_round_trip>(took);
}

websocket_state status_board::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

websocket_status status_board::snapshot() const {
    websocket_status now_is;
    {
        const std::lock_guard lock(mutex_);
        now_is.state = state_;
        now_is.phase = step_;
        now_is.attempt = attempt_;
        if (last_error_) now_is.last_error = *last_error_;
        now_is.retry_at = retry_at_;
    }
    now_is.queued_messages = queued_messages_.load(std::memory_order_relaxed);
    now_is.queued_bytes = queued_bytes_.load(std::memory_order_relaxed);
    now_is.bytes_sent = bytes_sent_.load(std::memory_order_relaxed);
    now_is.bytes_received = bytes_received_.load(std::memory_order_relaxed);
    now_is.messages_sent = messages_sent_.load(std::memory_order_relaxed);
    now_is.messages_received = messages_received_.load(std::memory_order_relaxed);
    const auto took = round_trip_.load(std::memory_order_relaxed);
    if (took >= 0) now_is.round_trip = std::chrono::microseconds(took);
    return now_is;
}

void status_board::add_counters(metric_readings& to) const noexcept {
    to.add<metric::messages>(messages_sent_, direction::sent);
    to.add<metric::messages>(messages_received_, direction::received);
    to.add<metric::bytes>(bytes_sent_, direction::sent);
    to.add<metric::bytes>(bytes_received_, direction::received);
    for (std::size_t at = 0; at < sends_.size(); ++at)
        to.add<metric::sends>(sends_[at], static_cast<send_outcome>(at));
}

void status_board::add_gauges(metric_readings& to) const noexcept {
    to.add<metric::sessions>(1, state());
    to.add<metric::send_queue_messages>(queued_messages_);
    to.add<metric::send_queue_bytes>(queued_bytes_);
}

} // namespace parley
