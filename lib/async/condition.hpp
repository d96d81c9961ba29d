#pragma once

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <list>
#include <memory>
#include <utility>

namespace parley {

/// Waiting for a change of state, with a deadline: what a condition variable is to threads.
///
///     while (!ready_) co_await changed_.wait_until(deadline);   // and look at the time yourself
///
/// Strand only. There is no suspension between the look at the state and the wait, so that no
/// wake-up is lost. The parked wait is a timer of Asio's: destroying the context frees it.
class condition {
public:
    condition(asio::any_io_executor executor, std::shared_ptr<clock_source> clock)
        : executor_(std::move(executor)), clock_(std::move(clock)) {}
    condition(const condition&) = delete;
    condition& operator=(const condition&) = delete;

    /// Returns when notified, at `until`, or for no reason. A cancelled coroutine throws
    /// `operation_aborted` at the next of these.
    awaitable<void> wait_until(time_point until = time_point::max()) {
        if (!state_) state_ = std::make_shared<state>(executor_, clock_);
        return wait(state_, until); // the frame keeps the state, not this object
    }

    void notify_all() {
        if (!state_) return;
        for (alarm* waiting : state_->waiting)
            waiting->ring();
    }

    time_point now() const noexcept { return clock_->now(); }
    bool has_waiters() const noexcept { return state_ && !state_->waiting.empty(); }

private:
    struct state {
        state(asio::any_io_executor on, std::shared_ptr<clock_source> from)
            : executor(std::move(on)), clock(std::move(from)) {}
        asio::any_io_executor executor;
        std::shared_ptr<clock_source> clock;
        std::list<alarm*> waiting; // oldest first; who leaves, leaves in no time
    };

    class registration {
    public:
        explicit registration(state& in) : in_(in), bell_(in.clock->make_alarm(in.executor)) {
            place_ = in_.waiting.insert(in_.waiting.end(), bell_.get());
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() { in_.waiting.erase(place_); }
        alarm& bell() { return *bell_; }

    private:
        state& in_;
        std::unique_ptr<alarm> bell_;
        std::list<alarm*>::iterator place_;
    };

    static awaitable<void> wait(std::shared_ptr<state> held, time_point until) {
        registration mine(*held);
        co_await mine.bell().wait_until(until);
    }

    const asio::any_io_executor executor_;
    const std::shared_ptr<clock_source> clock_;
    std::shared_ptr<state> state_; // made for the first who waits: most have none
};

} // namespace parley
