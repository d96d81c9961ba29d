#pragma once

#include <parley/detail/strand.hpp>
#include <parley/detail/strand_call.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley::detail {

inline std::exception_ptr aborted() {
    return std::make_exception_ptr(
        boost::system::system_error(boost::system::error_code(asio::error::operation_aborted)));
}

// The only way from a caller's executor to our strand and back. A plain co_spawn across executors
// is a use after free before Asio 1.28.2, and loses its handler when it is cancelled before it
// starts, before 1.30.2. Here the caller's slot is used on the caller's executor only, our signal
// is emitted on our strand only, and a cancellation crosses as a posted function with a weak_ptr.
// The caller's handler stays in its own context.

template <class T>
struct completion {
    using signature = void(std::exception_ptr, T);
    using value = T;
};
template <>
struct completion<void> {
    using signature = void(std::exception_ptr);
    using value = std::monostate;
};

template <class T, class Handler>
void complete_handler(Handler handler, std::exception_ptr error,
                      [[maybe_unused]] typename completion<T>::value value) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.clear();
    if constexpr (std::is_void_v<T>)
        std::move(handler)(std::move(error));
    else
        std::move(handler)(std::move(error), std::move(value));
}

/// A call with its outcome.
template <class T>
class strand_call_for final : public strand_call {
public:
    using value_type = typename completion<T>::value;
    struct outcome {
        std::exception_ptr error;
        value_type value{};
    };

    using strand_call::strand_call;
    /// The first outcome counts: also one that comes when nothing of the operation is left.
    void complete(std::exception_ptr error, value_type value = value_type()) {
        strand_call::complete([&] {
            if (!outcome_) outcome_.emplace(outcome{std::move(error), std::move(value)});
        });
    }
    /// For a caller that was resumed.
    std::optional<outcome> take() noexcept { return std::move(outcome_); }

private:
    std::optional<outcome> outcome_;
};

/// The operation of a call. Belongs to the strand's context.
template <class T>
class operation_for final : public called_operation {
public:
    operation_for(strand where, std::shared_ptr<strand_call_for<T>> of)
        : called_operation(std::move(where)), call_(std::move(of)) {}
    ~operation_for() { call_->operation_leaves(); }

    strand_call_for<T>& call() const noexcept { return *call_; }

private:
    const std::shared_ptr<strand_call_for<T>> call_;
};

/// Resumes the caller of a call. Belongs to the caller's context.
template <class T, class Handler>
class caller_for {
public:
    caller_for(std::shared_ptr<strand_call_for<T>> of, Handler&& completed)
        : call_(std::move(of)), handler_(std::move(completed)) {}
    caller_for(caller_for&&) = default;
    caller_for& operator=(caller_for&&) = delete;
    ~caller_for() {
        if (call_) call_->caller_leaves();
    }

    void operator()() {
        Handler upcall = std::move(handler_);
        const auto call = std::exchange(call_, nullptr);
        call->caller_leaves();
        auto came = call->take();
        if (came)
            complete_handler<T>(std::move(upcall), std::move(came->error), std::move(came->value));
        else
            complete_handler<T>(std::move(upcall), aborted(), typename completion<T>::value());
    }

private:
    std::shared_ptr<strand_call_for<T>> call_;
    Handler handler_;
};

// Completes the call itself: co_spawn would take one more turn of the scheduler for an operation
// that never suspends. The exception is moved to the caller: ThreadSanitizer does not see how
// libstdc++ counts the references to it.
template <class T>
awaitable<void> run_operation(std::shared_ptr<operation_for<T>> self,
                              std::function<awaitable<T>()> body) {
    // The default state accepts terminal only: let the inner operations choose.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    std::exception_ptr error;
    typename completion<T>::value value{};
    try {
        if constexpr (std::is_void_v<T>)
            co_await body();
        else
            value = co_await body();
    } catch (...) {
        error = std::current_exception();
    }
    self->call().complete(std::move(error), std::move(value));
}

template <class T>
void begin_operation(std::shared_ptr<operation_for<T>> self, std::function<awaitable<T>()> body) {
    if (self->cancelled()) return self->call().complete(aborted());
    const auto executor = self->where().executor();
    auto own_slot = self->slot();
    try {
        asio::co_spawn(executor, run_operation<T>(self, std::move(body)),
                       asio::bind_cancellation_slot(
                           // Keeps the signal while it is in use.
                           own_slot, [self](std::exception_ptr) {}));
    } catch (...) { // out of memory
        self->call().complete(std::current_exception());
    }
}

template <class T, class Handler>
void call_on_strand(Handler handler, strand where, std::function<awaitable<T>()> body) {
    const asio::any_io_executor caller = asio::get_associated_executor(handler, where.executor());
    const auto call = std::make_shared<strand_call_for<T>>(caller, where);
    auto operation = std::make_shared<operation_for<T>>(std::move(where), call);
    auto slot = asio::get_associated_cancellation_slot(handler);
    // The caller's signal may outlive the context: its slot holds no reference to the call.
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr<strand_call>(call)](asio::cancellation_type type) {
            if (const auto pending = weak.lock()) pending->cancel(type);
        });
    call->wait(caller, caller_for<T, Handler>(call, std::move(handler)));
    try {
        // From here on the operation may end, and its context be destroyed, at any time.
        std::weak_ptr<called_operation> weak = operation;
        call->start(std::move(weak),
                    [operation = std::move(operation), body = std::move(body)]() mutable {
                        begin_operation<T>(std::move(operation), std::move(body));
                    });
    } catch (...) {
        call->complete(std::current_exception());
    }
}

/// Runs `operation()` (T is void, or default constructible) on `where` for a caller on any
/// executor, which is resumed on its own. Any type of cancellation reaches the operation; so does
/// the end of the caller's context, as terminal. When the strand's context ends first, the caller
/// gets `operation_aborted`. Call it from a function that is no coroutine: the closure must not be
/// part of a co_await expression (g++ 12 destroys it twice).
///
/// The operation is type-erased, so that this is compiled once for each T and not for each call.
template <class T>
awaitable<T> on_strand(strand where, std::function<awaitable<T>()> operation) {
    return asio::async_initiate<const asio::use_awaitable_t<>, typename completion<T>::signature>(
        [](auto handler, strand target, std::function<awaitable<T>()> body) {
            call_on_strand<T>(std::move(handler), std::move(target), std::move(body));
        },
        asio::use_awaitable, std::move(where), std::move(operation));
}

extern template PARLEY_EXPORT awaitable<void> on_strand<void>(strand,
                                                              std::function<awaitable<void>()>);

} // namespace parley::detail
