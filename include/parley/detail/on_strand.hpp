#pragma once

#include <parley/detail/meeting.hpp>
#include <parley/detail/strand.hpp>
#include <parley/export.hpp>
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
// Within one context, which frees both sides, the caller's handler crosses too; between two
// contexts it stays in its own, and a `meeting` connects them.

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

/// A call: its operation, and the way back to the caller. Owned by the strand's side.
template <class T>
class crossing : public called_operation {
public:
    using value_type = typename completion<T>::value;

    using called_operation::called_operation;
    virtual ~crossing() = default;
    /// On the strand, once: resumes the caller.
    virtual void finish(std::exception_ptr error, value_type value = value_type()) = 0;
};

/// The call of a caller in the strand's own context.
template <class T, class Handler>
class crossing_within final : public crossing<T>,
                              public std::enable_shared_from_this<crossing_within<T, Handler>> {
    using executor_type = std::decay_t<decltype(asio::prefer(
        std::declval<const asio::associated_executor_t<Handler, asio::any_io_executor>&>(),
        asio::execution::outstanding_work.tracked))>;
    using value_type = typename crossing<T>::value_type;

public:
    crossing_within(Handler&& completed, strand where)
        : crossing<T>(std::move(where)), handler_(std::move(completed)),
          caller_(asio::prefer(asio::get_associated_executor(handler_, this->where().executor()),
                               asio::execution::outstanding_work.tracked)) {}

    void finish(std::exception_ptr error, value_type value) override {
        auto executor = *caller_;
        asio::post(executor, [way = this->shared_from_this(), error = std::move(error),
                              value = std::move(value)]() mutable {
            Handler upcall = std::move(way->handler_);
            way->caller_.reset();
            way.reset();
            complete_handler<T>(std::move(upcall), std::move(error), std::move(value));
        });
    }

private:
    Handler handler_;
    std::optional<executor_type> caller_; // keeps the caller's context running until then
};

/// A meeting with its outcome.
template <class T>
class meeting_for final : public meeting {
public:
    using value_type = typename completion<T>::value;
    struct outcome {
        std::exception_ptr error;
        value_type value{};
    };

    using meeting::meeting;
    void complete(std::exception_ptr error, value_type value) {
        meeting::complete([&] { came_.emplace(outcome{std::move(error), std::move(value)}); });
    }
    /// For a caller that was resumed.
    std::optional<outcome> take() noexcept { return std::move(came_); }

private:
    std::optional<outcome> came_;
};

/// The call of a caller in another context. Belongs to the strand's context.
template <class T>
class crossing_between final : public crossing<T> {
public:
    crossing_between(strand where, std::shared_ptr<meeting_for<T>> with)
        : crossing<T>(std::move(where)), with_(std::move(with)) {}
    ~crossing_between() override { with_->target_leaves(); }

    void finish(std::exception_ptr error, typename crossing<T>::value_type value) override {
        with_->complete(std::move(error), std::move(value));
    }

private:
    const std::shared_ptr<meeting_for<T>> with_;
};

/// The caller of a meeting. Belongs to the caller's context.
template <class T, class Handler>
class met_caller {
public:
    met_caller(std::shared_ptr<meeting_for<T>> at, Handler&& completed)
        : at_(std::move(at)), handler_(std::move(completed)) {}
    met_caller(met_caller&&) = default;
    met_caller& operator=(met_caller&&) = delete;
    ~met_caller() {
        if (at_) at_->caller_leaves();
    }

    void operator()() {
        Handler upcall = std::move(handler_);
        const auto at = std::exchange(at_, nullptr);
        at->caller_leaves();
        auto came = at->take();
        if (came)
            complete_handler<T>(std::move(upcall), std::move(came->error), std::move(came->value));
        else
            complete_handler<T>(std::move(upcall), aborted(), typename completion<T>::value());
    }

private:
    std::shared_ptr<meeting_for<T>> at_;
    Handler handler_;
};

template <class T, class Handler, class Begin>
void cross_within(Handler handler, strand target, Begin begin) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    const auto way =
        std::make_shared<crossing_within<T, Handler>>(std::move(handler), std::move(target));
    // The caller's signal may outlive the context: its slot holds no reference to the call.
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr<called_operation>(way)](asio::cancellation_type type) {
            const auto pending = weak.lock();
            if (!pending) return;
            pending->where().post([weak, type] {
                if (const auto held = weak.lock()) held->cancel(type);
            });
        });
    // Inline where possible: then only the way back takes a turn of the scheduler.
    way->where().dispatch([way, begin = std::move(begin)]() mutable { begin(std::move(way)); });
}

template <class T, class Handler, class Begin>
void cross_between(const asio::any_io_executor& caller, Handler handler, strand target,
                   Begin begin) {
    const auto met = std::make_shared<meeting_for<T>>(caller, target);
    auto way = std::make_shared<crossing_between<T>>(std::move(target), met);
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr<meeting>(met)](asio::cancellation_type type) {
            if (const auto pending = weak.lock()) pending->cancel(type);
        });
    met->wait(caller, met_caller<T, Handler>(met, std::move(handler)));
    try {
        // From here on the operation may end, and its context be destroyed, at any time.
        std::weak_ptr<called_operation> operation = way;
        met->start(
            std::move(operation),
            [way = std::move(way), begin = std::move(begin)]() mutable { begin(std::move(way)); });
    } catch (...) {
        met->complete(std::current_exception(), typename completion<T>::value());
    }
}

/// Calls `begin(way)` on the strand, which must finish the way in the end. The caller, on any
/// executor, is resumed on its own.
template <class T, class Handler, class Begin>
void cross(Handler handler, strand target, Begin begin) {
    const asio::any_io_executor caller = asio::get_associated_executor(handler, target.executor());
    if (same_context(caller, target.executor()))
        cross_within<T>(std::move(handler), std::move(target), std::move(begin));
    else
        cross_between<T>(caller, std::move(handler), std::move(target), std::move(begin));
}

// Runs the operation and finishes the way itself: co_spawn would take one more turn of the
// scheduler for an operation that never suspends. The exception is moved to the caller:
// ThreadSanitizer does not see how libstdc++ counts the references to it.
template <class T>
awaitable<void> cross_over(std::shared_ptr<crossing<T>> way,
                           std::function<awaitable<T>()> operation) {
    // The default state accepts terminal only: let the inner operations choose.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    std::exception_ptr error;
    typename completion<T>::value value{};
    try {
        if constexpr (std::is_void_v<T>)
            co_await operation();
        else
            value = co_await operation();
    } catch (...) {
        error = std::current_exception();
    }
    way->finish(std::move(error), std::move(value));
}

template <class T>
void begin_crossing(std::shared_ptr<crossing<T>> way, std::function<awaitable<T>()> operation) {
    if (!way->may_begin()) return way->finish(aborted());
    const auto executor = way->where().executor();
    auto own_slot = way->slot();
    asio::co_spawn(executor, cross_over<T>(way, std::move(operation)),
                   asio::bind_cancellation_slot(
                       // Keeps the signal while it is in use.
                       own_slot, [way](std::exception_ptr) {}));
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
        [](auto handler, strand target, std::function<awaitable<T>()> work) {
            cross<T>(std::move(handler), std::move(target),
                     [work = std::move(work)](std::shared_ptr<crossing<T>> way) mutable {
                         begin_crossing<T>(std::move(way), std::move(work));
                     });
        },
        asio::use_awaitable, std::move(where), std::move(operation));
}

extern template PARLEY_EXPORT awaitable<void> on_strand<void>(strand,
                                                              std::function<awaitable<void>()>);

} // namespace parley::detail
