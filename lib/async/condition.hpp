#pragma once

#include <parley/fwd.hpp>

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <utility>

namespace parley {

/// Waiting for a change of state, with a deadline: a condition variable for coroutines.
///
///     while (!ready_) co_await changed_.wait_until(deadline);   // and check the time yourself
///
/// Strand only. There is no suspension between the check of the state and the wait, so no wake-up
/// is lost. Each waiter is owned by a timer of Asio's: destroying the context frees it.
class condition {
public:
    condition(asio::any_io_executor executor, std::shared_ptr<clock_source> clock)
        : executor_(std::move(executor)), clock_(std::move(clock)) {}
    condition(const condition&) = delete;
    condition& operator=(const condition&) = delete;
    /// The remaining waiters keep waiting until their deadline, or until the context frees them.
    ~condition() = default;

    /// Returns when notified, at `until`, or spuriously. A cancelled coroutine throws
    /// `operation_aborted` at the next of these.
    awaitable<void> wait_until(time_point until = time_point::max()) { return wait(this, until); }

    /// Every waiter resumes in a turn of the scheduler of its own. Allocates nothing.
    void notify_all();

    time_point now() const noexcept { return clock_->now(); }

private:
    /// In the frame of the coroutine that waits.
    class waiter : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    public:
        explicit waiter(std::unique_ptr<alarm> rings) : bell(std::move(rings)) {}
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        ~waiter() = default;

        const std::unique_ptr<alarm> bell;
    };

    static awaitable<void> wait(condition* self, time_point until);

    const asio::any_io_executor executor_;
    const std::shared_ptr<clock_source> clock_;
    boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>> waiters_;
};

} // namespace parley
