#include "connection/status_board.hpp"

#include <utility>

namespace parley {

void status_board::enter(websocket_state state, phase step) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    step_ = step;
    if (state != websocket_state::waiting) retry_at_.reset();
}

void status_board::enter(phase step) {
    const std::lock_guard lock(mutex_);
    step_ = step;
}

void status_board::attempt(unsigned number) {
    const std::lock_guard lock(mutex_);
    attempt_ = number;
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
}

void status_board::sent_message(std::size_t bytes) noexcept {
    add(messages_sent_, 1);
    add(bytes_sent_, bytes);
}

void status_board::round_trip(std::chrono::microseconds took) noexcept {
    round_trip_.store(took.count(), std::memory_order_relaxed);
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

} // namespace parley
