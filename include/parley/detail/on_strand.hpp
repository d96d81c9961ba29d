#pragma once

#include <parley/detail/strand.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace parley::detail {

inline std::exception_ptr aborted() {
    return std::make_exception_ptr(
        boost::system::system_error(boost::system::error_code(asio::error::operation_aborted)));
}

// The only way from a caller's executor to ours and back. A plain co_spawn across executors is a
// use after free before Asio 1.28.2, and loses its handler when it is cancelled before it starts,
// before 1.30.2. Here the caller's slot is touched on the caller's executor alone, our signal is
// emitted on our strand alone, and what goes over is a post with a weak_ptr.

template <class T>
struct completion {
    using signature = void(std::exception_ptr, T);
};
template <>
struct completion<void> {
    using signature = void(std::exception_ptr);
};

template <class Handler>
struct crossing {
    using executor_type = std::decay_t<decltype(asio::prefer(
        std::declval<const asio::associated_executor_t<Handler, asio::any_io_executor>&>(),
        asio::execution::outstanding_work.tracked))>;

    crossing(Handler&& completed, strand where)
        : target(std::move(where)), handler(std::move(completed)),
          caller(asio::prefer(asio::get_associated_executor(handler, target.executor()),
                              asio::execution::outstanding_work.tracked)) {}

    strand target;
    Handler handler;
    std::optional<executor_type> caller; // keeps the caller's context at work until the end
    asio::cancellation_signal signal;    // strand only, as are those below
    bool cancel_requested = false;
    bool started = false;
};

/// The way of a call whose caller can be cancelled, before it has begun too. His signal may outlive
/// both contexts: his slot holds nothing of ours.
template <class Handler>
std::shared_ptr<crossing<Handler>> cross_to(Handler handler, strand target) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto way = std::make_shared<crossing<Handler>>(std::move(handler), std::move(target));
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr(way)](asio::cancellation_type type) {
            const auto pending = weak.lock();
            if (!pending) return;
            pending->target.post([weak, type] {
                const auto held = weak.lock();
                if (!held) return;
                if (held->started)
                    held->signal.emit(type);
                else
                    held->cancel_requested = true;
            });
        });
    return way;
}

template <class Handler, class... Results>
void cross_back(std::shared_ptr<crossing<Handler>> way, std::exception_ptr error,
                Results... results) {
    auto executor = *way->caller;
    asio::post(executor, [way = std::move(way), error = std::move(error),
                          ... results = std::move(results)]() mutable {
        // On the caller's executor: first its slot, then our state, then the upcall.
        auto slot = asio::get_associated_cancellation_slot(way->handler);
        if (slot.is_connected()) slot.clear();
        Handler handler = std::move(way->handler);
        way->caller.reset();
        way.reset();
        std::move(handler)(std::move(error), std::move(results)...);
    });
}

// The operation, and the way back from its end: co_spawn would take a turn of the scheduler more
// for one that never suspends. What is thrown is handed over whole, or a reference would stay on
// this side, and ThreadSanitizer does not see how libstdc++ counts them.
template <class T, class Handler>
awaitable<void> cross_over(std::shared_ptr<crossing<Handler>> way,
                           std::function<awaitable<T>()> operation) {
    // The default state hears terminal only: let the inner operations choose.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    std::exception_ptr error;
    if constexpr (std::is_void_v<T>) {
        try {
            co_await operation();
        } catch (...) {
            error = std::current_exception();
        }
        cross_back(std::move(way), std::move(error));
    } else {
        T value{};
        try {
            value = co_await operation();
        } catch (...) {
            error = std::current_exception();
        }
        cross_back(std::move(way), std::move(error), std::move(value));
    }
}

/// Runs `operation()` (T is void, or default constructible) on `where` for a caller on any
/// executor, who is resumed on his own. Any type of cancellation reaches the operation. Call it
/// from a function that is no coroutine: the closure must not be part of a co_await expression (g++
/// 12 destroys it twice).
///
/// The operation is type-erased, so that this is compiled once for each T and not for each call.
template <class T>
awaitable<T> on_strand(strand where, std::function<awaitable<T>()> operation) {
    return asio::async_initiate<const asio::use_awaitable_t<>, typename completion<T>::signature>(
        [](auto handler, strand target, std::function<awaitable<T>()> work) {
            auto way = cross_to(std::move(handler), target);
            // Maybe at once, on this thread: then only the way back is a turn of the scheduler.
            target.dispatch([target, way, work = std::move(work)]() mutable {
                if (way->cancel_requested) {
                    if constexpr (std::is_void_v<T>)
                        return cross_back(std::move(way), aborted());
                    else
                        return cross_back(std::move(way), aborted(), T());
                }
                way->started = true;
                auto own_slot = way->signal.slot();
                asio::co_spawn(target.executor(), cross_over<T>(way, std::move(work)),
                               asio::bind_cancellation_slot(
                                   // Nobody waits for this, but the signal is in use until here.
                                   own_slot, [way](std::exception_ptr) {}));
            });
        },
        asio::use_awaitable, std::move(where), std::move(operation));
}

extern template awaitable<void> on_strand<void>(strand, std::function<awaitable<void>()>);

} // namespace parley::detail
