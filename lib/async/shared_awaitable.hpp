#pragma once

#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

/// One operation in flight, any number of waiters, one outcome for all of them.
///
///     auto refresh = shared_awaitable<ticket>::start(strand, clock, [self] { return fetch(self);
///     }); ticket fresh = co_await refresh->join();      // this waiter, others, and again later
///
/// - The operation starts at once, on the strand, and belongs to no waiter. The owner may drop its
///   pointer: the operation goes on.
/// - Each waiter gets the outcome, a value or an exception, in a turn of the scheduler of its own.
///   Completing allocates nothing. A waiter that comes later gets the outcome without suspending.
/// - A cancelled waiter leaves alone with `operation_aborted`: the operation and the other waiters
///   go on. With `join_or_cancel` the last waiter that leaves cancels the operation.
/// - `cancel` (terminal) ends the operation; the waiters get its outcome. `abandon` completes at
///   once with an error, and discards the operation's own outcome.
/// - Out of memory is reported to the caller of `start` or `join` that needed the memory.
/// - All members are for the strand. A caller on another executor, thread or context joins through
///   `detail::on_strand`, which resumes it on its own executor.
/// - The context owns the operation and the waiters, and may be destroyed at any time.
template <class T>
class shared_awaitable : public std::enable_shared_from_this<shared_awaitable<T>> {
    struct token {};
    using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>>;

public:
    shared_awaitable(token, asio::any_io_executor strand, std::shared_ptr<clock_source> clock)
        : changed_(std::move(strand), std::move(clock)) {}
    shared_awaitable(const shared_awaitable&) = delete;
    shared_awaitable& operator=(const shared_awaitable&) = delete;

    /// Runs `operation()` up to its first suspension.
    static std::shared_ptr<shared_awaitable> start(asio::any_io_executor strand,
                                                   std::shared_ptr<clock_source> clock,
                                                   std::function<awaitable<T>()> operation) {
        auto self = std::make_shared<shared_awaitable>(token(), strand, std::move(clock));
        auto slot = self->cancellation_.slot();
        asio::co_spawn(strand, run(self, std::move(operation)),
                       // Completed by `run`; this keeps the signal while it is in use.
                       asio::bind_cancellation_slot(slot, [self](std::exception_ptr) {}));
        return self;
    }

    bool done() const noexcept { return state_ == state::done || abandoned(); }
    bool abandoned() const noexcept { return state_ == state::abandoned; }
    /// Cancelled, and not done yet.
    bool stopping() const noexcept { return state_ == state::stopping; }

    /// Waits for the outcome.
    awaitable<T> join() { return join(this->shared_from_this(), false); }
    awaitable<T> join_or_cancel() { return join(this->shared_from_this(), true); }

    /// Returns when done, or at `deadline`.
    awaitable<void> wait_until(time_point deadline) {
        return wait(this->shared_from_this(), deadline);
    }

    /// Returns when done, at `deadline`, or after `notify`: for a waiter that also checks state of
    /// the owner's, in a loop.
    awaitable<void> wait_for_change(time_point deadline = time_point::max()) {
        return wait_once(this->shared_from_this(), deadline);
    }
    void notify() { changed_.notify_all(); }

    /// The outcome, once done: returns the value, or throws the error.
    T get() const {
        if (error_) std::rethrow_exception(error_);
        if constexpr (!std::is_void_v<T>) return *value_;
    }

    void cancel() {
        if (done()) return;
        state_ = state::stopping;
        cancellation_.emit(asio::cancellation_type::terminal);
    }

    void abandon(std::exception_ptr error) {
        if (done()) return;
        complete(std::move(error), value_type());
        state_ = state::abandoned;
        cancellation_.emit(asio::cancellation_type::terminal);
    }

private:
    enum class state { running, stopping, abandoned, done };

    static awaitable<void> run(std::shared_ptr<shared_awaitable> self,
                               std::function<awaitable<T>()> operation) {
        std::exception_ptr error;
        value_type value{};
        try {
            auto running = operation();
            if constexpr (std::is_void_v<T>)
                co_await std::move(running);
            else
                value = co_await std::move(running);
        } catch (...) {
            error = std::current_exception();
        }
        self->complete(std::move(error), std::move(value));
    }

    static awaitable<void> wait(std::shared_ptr<shared_awaitable> self, time_point deadline) {
        while (!self->done() && self->changed_.now() < deadline)
            co_await self->changed_.wait_until(deadline);
    }

    static awaitable<void> wait_once(std::shared_ptr<shared_awaitable> self, time_point deadline) {
        if (!self->done()) co_await self->changed_.wait_until(deadline);
    }

    static awaitable<T> join(std::shared_ptr<shared_awaitable> self, bool cancels) {
        ++self->waiters_;
        std::exception_ptr left;
        try {
            while (!self->done())
                co_await self->changed_.wait_until();
        } catch (...) {
            left = std::current_exception();
        }
        --self->waiters_;
        if (!left) co_return self->get();
        if (cancels && self->waiters_ == 0) self->cancel();
        std::rethrow_exception(left);
    }

    void complete(std::exception_ptr error, value_type value) {
        if (done()) return; // abandoned
        error_ = std::move(error);
        value_ = std::move(value);
        state_ = state::done;
        changed_.notify_all();
    }

    condition changed_;
    asio::cancellation_signal cancellation_;
    state state_ = state::running;
    unsigned waiters_ = 0;
    std::exception_ptr error_;
    value_type value_{};
};

} // namespace parley
