#pragma once

#include <parley/detail/strand.hpp>

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <concepts>
#include <memory>
#include <type_traits>

namespace parley {

/// Waiting for a change of state, with a deadline: what a condition variable is to threads.
///
///     while (!ready_) co_await changed_.wait_until(deadline);   // and look at the time yourself
///
/// Strand only. There is no suspension between the look at the state and the wait, so that no
/// wake-up is lost. The parked wait is a timer of Asio's: destroying the context frees it. It holds
/// next to nothing while nobody waits.
class bare_condition {
    template <class T>
    static constexpr bool known_executor =
        std::same_as<T, asio::any_io_executor> || std::same_as<T, detail::strand>;

public:
    /// Refers to both, which outlive it: members beside it. Nothing that would be converted.
    template <class Executor, class Clock>
        requires known_executor<std::remove_const_t<Executor>> &&
                     std::same_as<std::remove_const_t<Clock>, std::shared_ptr<clock_source>>
    bare_condition(Executor& executor, Clock& clock) : executor_(executor), clock_(clock) {}
    bare_condition(const bare_condition&) = delete;
    bare_condition& operator=(const bare_condition&) = delete;
    ~bare_condition() { // waiters that are left are frames that wait for their context to free them
        for (registration* each = first_; each; each = each->next_)
            each->in_ = nullptr;
    }

    /// Returns when notified, at `until`, or for no reason. A cancelled coroutine throws
    /// `operation_aborted` at the next of these.
    awaitable<void> wait_until(time_point until = time_point::max()) { return wait(this, until); }

    void notify_all() {
        for (registration* each = first_; each; each = each->next_)
            each->bell_->ring();
    }

    time_point now() const noexcept { return clock_->now(); }
    const asio::any_io_executor& executor() const noexcept { return executor_; }
    bool has_waiters() const noexcept { return first_ != nullptr; }

private:
    /// Who waits, oldest first, linked through their frames.
    class registration {
    public:
        explicit registration(bare_condition& in)
            : bell_(in.clock_->make_alarm(in.executor_)), in_(&in), before_(in.last_) {
            (before_ ? before_->next_ : in.first_) = this;
            in.last_ = this;
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() {
            if (!in_) return;
            (before_ ? before_->next_ : in_->first_) = next_;
            (next_ ? next_->before_ : in_->last_) = before_;
        }
        alarm& bell() { return *bell_; }

    private:
        friend bare_condition;
        const std::unique_ptr<alarm> bell_;
        bare_condition* in_; // null: it is gone
        registration* before_;
        registration* next_ = nullptr;
    };

    static awaitable<void> wait(bare_condition* self, time_point until) {
        registration mine(*self);
        co_await mine.bell().wait_until(until);
    }

    const asio::any_io_executor& executor_;
    const std::shared_ptr<clock_source>& clock_;
    registration* first_ = nullptr;
    registration* last_ = nullptr;
};

} // namespace parley
