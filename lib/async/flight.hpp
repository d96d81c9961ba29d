#pragma once

#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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
        asio::co_spawn(executor, std::move(operation),
                       asio::bind_cancellation_slot(
                           slot, [pilot = pilot(self)](std::exception_ptr error, auto... value) {
                               pilot.of->land(std::move(error), std::move(value)...);
                           }));
        return self;
    }

    bool done() const noexcept { return done_; }

    /// Returns when it has landed or at `deadline`, whichever comes first.
    awaitable<void> wait_until(time_point deadline) {
        return wait(this->shared_from_this(), deadline);
    }

    /// Waits without a deadline of its own, for operations that have one. Resumed as it lands, and
    /// within the landing.
    awaitable<T> join() { return join(this->shared_from_this()); }

    /// The same without a coroutine, for one that has not landed: `heard` is called once, when it
    /// has, or before that when the slot is told to leave it.
    template <class Heard>
    void when_landed(asio::cancellation_slot slot, Heard heard) {
        park(asio::bind_cancellation_slot(slot, std::move(heard)));
    }

    /// Its outcome, once done: the value, or throws the error.
    T get() const {
        if (error_) std::rethrow_exception(error_);
        if constexpr (!std::is_void_v<T>) return *value_;
    }

    std::exception_ptr error() const noexcept { return error_; } ///< likewise, null with a value

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
        while (!parked_.empty())
            leave(parked_.back());
        signal_.emit(asio::cancellation_type::terminal);
    }

private:
    /// Who waits without a deadline: resumed by the landing itself, not by a turn of the scheduler.
    class waiter {
    public:
        virtual ~waiter() = default;
        virtual void resume() = 0;
    };
    using waiter_ptr = std::shared_ptr<waiter>;

    template <class Handler>
    class parked final : public waiter {
    public:
        explicit parked(Handler&& completed) : completed_(std::move(completed)) {}
        void resume() override {
            auto slot = asio::get_associated_cancellation_slot(completed_);
            if (slot.is_connected()) slot.clear();
            Handler upcall = std::move(completed_);
            std::move(upcall)();
        }

    private:
        Handler completed_;
    };

    /// Goes with the operation. Without an outcome that is with their context, and the waiters go
    /// too: their frames know the flight.
    struct pilot {
        explicit pilot(std::shared_ptr<flight> flown) : of(std::move(flown)) {}
        pilot(pilot&&) = default;
        pilot& operator=(pilot&&) = delete;
        ~pilot() {
            if (!of || of->done_) return;
            const auto lost = std::exchange(of->parked_, {});
            of->error_ = std::make_exception_ptr(std::bad_alloc()); // or nobody asks any more
            of->done_ = true;
        }
        std::shared_ptr<flight> of;
    };

    static awaitable<void> wait(std::shared_ptr<flight> self, time_point deadline) {
        while (!self->done_ && self->landed_.now() < deadline)
            co_await self->landed_.wait_until(deadline);
    }

    static awaitable<T> join(std::shared_ptr<flight> self) {
        while (!self->done_) {
            auto waiting = self->landing(); // no frame of its own
            co_await std::move(waiting);
        }
        co_return self->get();
    }

    auto landing() {
        return asio::async_initiate<const asio::deferred_t, void()>(
            [](auto handler, flight* of) { of->park(std::move(handler)); }, asio::deferred, this);
    }

    template <class Handler>
    void park(Handler handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        const auto mine = std::make_shared<parked<Handler>>(std::move(handler));
        if (slot.is_connected())
            slot.assign([this, who = std::weak_ptr<waiter>(mine)](asio::cancellation_type) {
                if (auto held = who.lock()) leave(std::move(held));
            });
        parked_.push_back(mine); // at last: whoever is here is resumed
    }

    /// Later, as whoever cancels or abandons is in the middle of something.
    void leave(waiter_ptr who) {
        const auto place = std::ranges::find(parked_, who);
        if (place == parked_.end()) return; // it is on its way
        asio::post(landed_.executor(), [who = std::move(who)] { who->resume(); });
        parked_.erase(place); // now that the post has not failed
    }

    template <class... Value>
    void land(std::exception_ptr error, Value... value) {
        if (done_) return; // abandoned
        error_ = std::move(error);
        if constexpr (!std::is_void_v<T>)
            if (!error_) (value_.emplace(std::move(value)), ...);
        done_ = true;
        landed_.notify_all();
        std::exception_ptr thrown; // the last: nobody is left waiting for it
        for (const auto& each : std::exchange(parked_, {})) {
            try {
                each->resume();
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        if (thrown) std::rethrow_exception(thrown);
    }

    condition landed_;
    std::vector<waiter_ptr> parked_;
    asio::cancellation_signal signal_;
    bool done_ = false;
    std::exception_ptr error_;
    std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> value_;
};

extern template class flight<void>;

} // namespace parley
