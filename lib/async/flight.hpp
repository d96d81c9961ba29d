#pragma once

#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

/// One operation under way, for as many waiters as there are: a shared awaitable.
///
///     auto refresh = flight<ticket>::start(strand, clock, [self] { return self->fetch(); });
///     ticket held = co_await refresh->join();      // and others, and again
///
/// The operation belongs to the flight and not to a waiter: a cancelled waiter leaves, and the
/// flight and the others go on. Everything on one strand. T is default constructible or void.
template <class T>
class flight : public std::enable_shared_from_this<flight<T>> {
    struct token {};

public:
    flight(token, asio::any_io_executor executor, std::shared_ptr<clock_source> clock)
        : landed_(std::move(executor), std::move(clock)) {}
    flight(const flight&) = delete;
    flight& operator=(const flight&) = delete;

    /// `operation()` starts at once; call it on the strand that `executor` is.
    static std::shared_ptr<flight> start(asio::any_io_executor executor,
                                         std::shared_ptr<clock_source> clock,
                                         std::function<awaitable<T>()> operation) {
        auto self = std::make_shared<flight>(token(), executor, std::move(clock));
        auto slot = self->signal_.slot();
        asio::co_spawn(
            executor, std::move(operation),
            asio::bind_cancellation_slot(slot, [self](std::exception_ptr error, auto... value) {
                self->land(std::move(error), std::move(value)...);
            }));
        return self;
    }

    bool done() const noexcept { return done_; }

    /// Returns when it has landed or at `deadline`, whichever comes first.
    awaitable<void> wait_until(time_point deadline) {
        return wait(this->shared_from_this(), deadline);
    }

    /// Waits without a deadline of its own, for operations that have one.
    awaitable<T> join() { return join(this->shared_from_this()); }

    /// Its outcome, once done: the value, or throws the error.
    T get() const {
        if (error_) std::rethrow_exception(error_);
        if constexpr (!std::is_void_v<T>) return *value_;
    }

    /// Cancels the operation (terminal), for everybody. It lands when it has noticed.
    void cancel() {
        if (!done_) signal_.emit(asio::cancellation_type::terminal);
    }

    /// Lands it now, with that error for everybody, and cancels the operation (terminal): what it
    /// brings is thrown away.
    void abandon(std::exception_ptr error) {
        if (done_) return;
        error_ = std::move(error);
        done_ = true;
        landed_.notify_all();
        signal_.emit(asio::cancellation_type::terminal);
    }

private:
    static awaitable<void> wait(std::shared_ptr<flight> self, time_point deadline) {
        while (!self->done_ && self->landed_.now() < deadline)
            co_await self->landed_.wait_until(deadline);
    }

    static awaitable<T> join(std::shared_ptr<flight> self) {
        while (!self->done_)
            co_await self->landed_.wait_until();
        co_return self->get();
    }

    template <class... Value>
    void land(std::exception_ptr error, Value... value) {
        if (done_) return; // abandoned
        error_ = std::move(error);
        if constexpr (!std::is_void_v<T>)
            if (!error_) (value_.emplace(std::move(value)), ...);
        done_ = true;
        landed_.notify_all();
    }

    condition landed_;
    asio::cancellation_signal signal_;
    bool done_ = false;
    std::exception_ptr error_;
    std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> value_;
};

extern template class flight<void>;

} // namespace parley
