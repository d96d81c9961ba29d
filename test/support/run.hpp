#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "support/catch.hpp"
#include "support/manual_clock.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley::test {

/// Runs everything that is ready. Time does not move.
inline void poll(asio::io_context& io) {
    do
        io.restart();
    while (io.poll() != 0);
}

/// Moves time forward deadline by deadline, and runs what each releases, as real time would.
inline void pass(asio::io_context& io, manual_clock& clock, manual_clock::duration by) {
    const auto end = clock.now() + by;
    for (poll(io);; poll(io)) {
        const auto next = clock.next_deadline();
        if (!next || *next > end) break;
        clock.advance_to_next();
    }
    clock.advance(end - clock.now());
    poll(io);
}

/// True when nothing is left that the context would ever run: no task, no wait.
inline bool out_of_work(asio::io_context& io) {
    poll(io);
    return io.stopped();
}

/// An operation that a test has started and looks at.
template <class T>
class started {
public:
    bool done() const noexcept { return state_->done; }
    bool failed() const noexcept { return state_->done && state_->error; }
    std::exception_ptr error() const noexcept { return state_->error; }

    /// One that has not begun hears it as soon as it does: until then the signal would meet the
    /// entry of Asio's own co_spawn, which before Asio 1.30.2 throws out of the context's run().
    void cancel(asio::cancellation_type type = asio::cancellation_type::terminal) {
        if (state_->begun)
            state_->signal.emit(type);
        else
            state_->cancelled_before = type;
    }

    /// The outcome: the value, or throws.
    T get() const {
        if (!state_->done) throw std::logic_error("the operation has not completed");
        if (state_->error) std::rethrow_exception(state_->error);
        if constexpr (!std::is_void_v<T>) return *state_->value;
    }

    /// The `client_error` it failed with; empty when it did not, or with anything else.
    std::optional<error_info> failure() const {
        if (!failed()) return std::nullopt;
        try {
            std::rethrow_exception(state_->error);
        } catch (const client_error& thrown) {
            return thrown.info();
        } catch (...) {
            return std::nullopt;
        }
    }

    bool failed_with(errc code) const {
        const auto why = failure();
        return why && why->is(code);
    }

    bool aborted() const {
        if (!failed()) return false;
        try {
            std::rethrow_exception(state_->error);
        } catch (const boost::system::system_error& thrown) {
            return thrown.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }

    struct state {
        bool begun = false;
        bool done = false;
        asio::cancellation_type cancelled_before = asio::cancellation_type::none;
        std::exception_ptr error;
        std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> value;
        asio::cancellation_signal signal;
    };
    explicit started(std::shared_ptr<state> held) : state_(std::move(held)) {}

private:
    std::shared_ptr<state> state_;
};

template <class T>
awaitable<T> begin(std::shared_ptr<typename started<T>::state> held, awaitable<T> operation) {
    held->begun = true;
    if (held->cancelled_before != asio::cancellation_type::none) {
        held->signal.emit(held->cancelled_before);
        // co_spawn also throws out of run() when it fails before it has switched.
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await asio::post(asio::use_awaitable);
        co_await asio::this_coro::throw_if_cancelled(true);
    }
    co_return co_await std::move(operation);
}

/// Starts an operation on the executor of a context that one thread runs.
template <class Executor, class T>
started<T> start(const Executor& executor, awaitable<T> operation) {
    auto held = std::make_shared<typename started<T>::state>();
    auto finish = [held](std::exception_ptr error, auto... value) {
        held->error = std::move(error);
        if constexpr (!std::is_void_v<T>)
            if (!held->error) (held->value.emplace(std::move(value)), ...);
        held->done = true;
    };
    asio::co_spawn(executor, begin<T>(held, std::move(operation)),
                   asio::bind_cancellation_slot(held->signal.slot(), std::move(finish)));
    return started<T>(std::move(held));
}

template <class T>
started<T> start(asio::io_context& io, awaitable<T> operation) {
    return start(io.get_executor(), std::move(operation));
}

/// Runs an operation to its end and returns what it returns, or throws what it throws. Fails the
/// test when it waits for something that does not come without time passing.
template <class T>
T run(asio::io_context& io, awaitable<T> operation) {
    auto one = start(io, std::move(operation));
    poll(io);
    if (!one.done()) FAIL("the operation still waits, and nothing is ready to run");
    return one.get();
}

} // namespace parley::test
