#pragma once

#include <parley/detail/on_strand.hpp>
#include <parley/detail/saturating.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <variant>

namespace parley {

namespace detail {

// One operation against one timer, both on one strand.
template <class T>
struct race {
    race(strand on, awaitable<T> first)
        : where(std::move(on)), operation(std::move(first)), timer(where.executor()) {}

    strand where;
    awaitable<T> operation;
    asio::steady_timer timer;
    asio::cancellation_signal signal;
    bool done = false;
    std::exception_ptr error;
    std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> value;
};

template <class T>
awaitable<T> run_race(std::shared_ptr<race<T>> both, asio::steady_timer::duration limit) {
    both->timer.expires_after(limit); // whose sum does not overflow
    auto slot = both->signal.slot();
    auto finished = [both](std::exception_ptr error, auto... value) {
        both->error = std::move(error);
        if constexpr (!std::is_void_v<T>)
            if (!both->error) (both->value.emplace(std::move(value)), ...);
        both->done = true;
        both->timer.cancel();
    };
    asio::co_spawn(both->where.executor(), std::move(both->operation),
                   asio::bind_cancellation_slot(slot, std::move(finished)));
    // A cancelled caller must still see the operation end before it is resumed.
    co_await asio::this_coro::throw_if_cancelled(false);
    bool expired = false;
    if (!both->done) {
        auto woken = co_await both->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        expired = !both->done && !std::get<0>(woken);
    }
    if (!both->done) {
        both->signal.emit(asio::cancellation_type::terminal);
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        while (!both->done) {
            both->timer.expires_at(asio::steady_timer::time_point::max());
            co_await both->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    if (expired)
        throw_error(
            error_info(errc::timed_out, "The operation did not complete in the time given."));
    if (both->error) std::rethrow_exception(both->error);
    if constexpr (!std::is_void_v<T>) co_return std::move(*both->value);
}

template <class T>
awaitable<T> start_race(strand where, std::shared_ptr<race<T>> both,
                        asio::steady_timer::duration limit) {
    return on_strand<T>(std::move(where),
                        [both = std::move(both), limit] { return run_race(both, limit); });
}

} // namespace detail

/// Gives an operation a deadline of the caller's own: at it the operation is cancelled (terminal),
/// and `connection_error` (`errc::timed_out`) thrown when it has ended.
/// @code
/// awaitable<std::string> answer_soon(chat_client& client) {
///     const auto said = co_await with_timeout(client.ask("Hi"), std::chrono::seconds(5));
///     co_return said.text;
/// }
/// @endcode
/// A limit of 0 or less is over at once; the greatest value of any unit means never.
///
/// Safe on any executor, several threads included: the operation runs on a strand of the caller's.
///
/// @par Completion    when the operation has ended, on the caller's executor. An operation that
///                    ignores cancellation is waited for.
/// @par Errors        those of the operation; `errc::timed_out`
/// @par Cancellation  any type; passed to the operation as terminal
template <class T, std::integral Rep, class Period>
awaitable<T> with_timeout(awaitable<T> operation, std::chrono::duration<Rep, Period> limit) {
    using duration = asio::steady_timer::duration;
    const auto left = std::max(detail::saturated<duration>(limit), duration::zero());
    auto executor = co_await asio::this_coro::executor;
    auto where = detail::strand::around(executor);
    auto both = std::make_shared<detail::race<T>>(where, std::move(operation));
    auto running = detail::start_race(where, std::move(both), left);
    co_return co_await std::move(running);
}

} // namespace parley
