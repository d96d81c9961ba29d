// Sending: a message is written once, or its sender gets the error.

#include "async/asio_errors.hpp"
#include "connection/websocket_manager_impl.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace parley {

namespace {

[[noreturn]] void throw_unconfirmed() {
    throw_error(
        error_info(errc::sent_unconfirmed,
                   "The message was sent at least in part; whether it arrived is unknown."));
}

} // namespace

/// One whose sender waits for the outcome.
class websocket_manager::impl::queued_message : public outgoing {
public:
    queued_message(std::string text, asio::any_io_executor strand,
                   std::shared_ptr<clock_source> clock, std::function<void(send_progress)> progress)
        : outgoing(send_lane::data, std::move(text)), done_(std::move(strand), std::move(clock)),
          progress_(std::move(progress)) {}

    awaitable<void> wait_until(time_point until) { return done_.wait_until(until); }

private:
    void on_writing() override {
        if (progress_) progress_(send_progress::writing);
    }
    void on_settled() override {
        if (progress_ && state() == send_state::sent) progress_(send_progress::written);
        progress_ = nullptr;
        done_.notify_all();
    }

    condition done_;
    std::function<void(send_progress)> progress_;
};

void websocket_manager::impl::enqueue(std::shared_ptr<outgoing> added) {
    queue_->push(now(), std::move(added));
    board_->queued(*queue_);
    if (session_) session_->write();
}

void websocket_manager::impl::send_control(std::string frame) {
    // Control frames belong to a session.
    if (!session_ || !session_->live()) return;
    enqueue(std::make_shared<outgoing>(send_lane::control, std::move(frame)));
}

void websocket_manager::impl::send_answer(std::string frame, std::uint64_t id) {
    if (!active()) return;
    enqueue(std::make_shared<outgoing>(send_lane::answer, std::move(frame), id));
}

awaitable<void> websocket_manager::impl::send(std::string frame, time_point deadline,
                                              std::function<void(send_progress)> progress) {
    auto finishing = finish_send(begin_send(std::move(frame), std::move(progress)), deadline);
    co_await std::move(finishing);
}

std::shared_ptr<outgoing>
websocket_manager::impl::begin_send(std::string frame,
                                    std::function<void(send_progress)> progress) {
    if (state_ == state::abandoned) throw_aborted();
    if (state_ != state::open)
        throw_error(error_info(errc::not_connected, "There is no session: call init first."));
    auto one =
        std::make_shared<queued_message>(std::move(frame), strand_, clock_, std::move(progress));
    enqueue(one);
    return one;
}

awaitable<void> websocket_manager::impl::finish_send(std::shared_ptr<outgoing> begun,
                                                     time_point deadline) {
    const auto self = shared_from_this();
    const auto one = std::static_pointer_cast<queued_message>(std::move(begun));
    bool cancelled = false;
    try {
        while (!one->settled() && now() < deadline)
            co_await one->wait_until(deadline);
    } catch (const boost::system::system_error&) {
        cancelled = true;
    }
    if (!one->settled() && queue_->remove(one)) {
        board_->queued(*queue_);
        if (cancelled) throw_aborted();
        throw_error(error_info(errc::not_sent, "The message was not sent in time."));
    }
    if (cancelled) {
        // Its writing has begun: it is sent to the end.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        while (!one->settled() && now() < deadline)
            co_await one->wait_until(deadline);
    }
    switch (one->state()) {
    case send_state::sent:
        co_return;
    case send_state::not_sent:
        throw_error(
            error_info(errc::not_sent, "The connection ended before the message was sent."));
    case send_state::aborted:
        throw_aborted();
    default: // unconfirmed, or still being written at the deadline
        throw_unconfirmed();
    }
}

} // namespace parley
