#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "simulation/world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace parley::simulation {

/// How an operation ended.
struct outcome {
    bool ok = false;
    bool aborted = false;
    std::optional<errc> code;
    std::string text; ///< all that was said

    bool is(errc wanted) const noexcept { return code == wanted; }
};

inline outcome outcome_of(const std::exception_ptr& error) {
    outcome out;
    out.ok = !error;
    if (out.ok) return out;
    try {
        std::rethrow_exception(error);
    } catch (const client_error& thrown) {
        if (thrown.code().category() == category())
            out.code = static_cast<errc>(thrown.code().value());
        out.text = std::string(thrown.what()) + thrown.message() + thrown.details().to_string();
    } catch (const boost::system::system_error& thrown) {
        out.aborted = thrown.code() == asio::error::operation_aborted;
        out.text = thrown.what();
    } catch (const std::exception& thrown) {
        out.text = thrown.what();
    } catch (...) {
        out.text = "an exception that is not a std::exception";
    }
    return out;
}

/// A call of the user's that is on, or was.
struct operation {
    std::string name;
    unsigned client = 0;
    time_point begun{};
    std::chrono::milliseconds stalled_before{0};
    std::optional<std::chrono::milliseconds> bound; ///< none: it waits for events
    bool of_run = false; ///< its time begins anew with what comes of a run
    bool started = false;
    bool done = false;
    bool cancelled = false;
    asio::cancellation_signal signal;
};

/// Checks that the caller is resumed on its own executor (I1).
class caller_check {
public:
    caller_check(world& in, who of) : world_(in), of_(of) {}
    caller_check(const caller_check&) = delete;
    caller_check& operator=(const caller_check&) = delete;
    ~caller_check() {
        if (world_.running() != of_) world_.broke("I1", "a caller is resumed on another executor");
    }

private:
    world& world_;
    who of_;
};

template <class T>
awaitable<T> as_the_user(world* in, std::shared_ptr<operation> one, awaitable<T> what) {
    one->started = true;
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    const caller_check check(*in, who::user);
    co_return co_await std::move(what);
}

/// Starts one for the user. `then` is told how it ended, and what it brought.
template <class T, class Then>
void launch(world& in, std::shared_ptr<operation> one, awaitable<T> what, Then then) {
    ++in.seen.operations;
    auto slot = one->signal.slot();
    auto finish = [&in, one, then = std::move(then)](std::exception_ptr error, auto... value) {
        if (std::exchange(one->done, true)) in.broke("I1", one->name + " completed twice");
        const auto how = outcome_of(error);
        if (in.traced())
            in.note("user: " + one->name + (how.ok ? " done" : " failed: " + how.text));
        if constexpr (std::is_void_v<T>)
            then(how, static_cast<void*>(nullptr));
        else
            (then(how, how.ok ? &value : nullptr), ...);
    };
    if (in.traced()) in.note("user: " + one->name);
    asio::co_spawn(in.executor(who::user), as_the_user(&in, one, std::move(what)),
                   asio::bind_cancellation_slot(slot, std::move(finish)));
}

} // namespace parley::simulation
