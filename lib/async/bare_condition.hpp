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
/// wake-up is lost. What waits belongs to a timer of Asio's: destroying the context frees it. It
/// holds next to nothing while nobody waits.
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
    /// Waiters that are left are frames that wait for their context to free them.
    ~bare_condition();

    /// Returns when notified, at `until`, or for no reason. A cancelled coroutine throws
    /// `operation_aborted` at the next of these.
    awaitable<void> wait_until(time_point until = time_point::max()) { return wait(this, until); }

    /// Whoever waits goes on in a turn of the scheduler of his own.
    void notify_all();
    /// Those who have been notified go on here and now. Not where anything is held or half done;
    /// what they do may let go of this.
    static void run_notified(const std::shared_ptr<bare_condition>& self);

    time_point now() const noexcept { return clock_->now(); }
    const asio::any_io_executor& executor() const noexcept { return executor_; }
    bool has_waiters() const noexcept { return first_ != nullptr; }

private:
    class registration;

    static awaitable<void> wait(bare_condition* self, time_point until);

    const asio::any_io_executor& executor_;
    const std::shared_ptr<clock_source>& clock_;
    registration* first_ = nullptr; // the oldest
    registration* last_ = nullptr;
};

} // namespace parley
