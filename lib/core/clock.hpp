#pragma once

#include <parley/fwd.hpp>

#include "core/saturating.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace parley {

using time_point = std::chrono::steady_clock::time_point;
using wall_time = std::chrono::system_clock::time_point;

/// One wait at a time, until a point in time or until `ring`, whichever comes first.
class alarm {
public:
    virtual ~alarm();
    /// Returns at `until`, when rung, and when cancelled, and throws for none of these. The caller
    /// learns from its own state which it was (doc/pitfalls.md P17); a cancelled coroutine throws
    /// at its next co_await.
    virtual awaitable<void> wait_until(time_point until) = 0;
    /// Calls `due` once, on the executor and never inline, at `until` or when rung; not at all once
    /// the alarm is set again or destroyed. `due` itself may be destroyed later, with the context.
    /// Strand only.
    virtual void call_at(time_point until, std::function<void()> due) = 0;
    /// Ends the current wait. Strand only; the waiter resumes later, never inline.
    virtual void ring() = 0;

protected:
    alarm() = default;
    alarm(const alarm&) = default;
    alarm& operator=(const alarm&) = default;
};

/// The source of time: elapsed time on the steady clock, dates on the wall clock.
class clock_source {
public:
    virtual ~clock_source();
    virtual time_point now() const noexcept = 0;
    virtual wall_time wall_now() const noexcept = 0;
    virtual std::unique_ptr<alarm> make_alarm(asio::any_io_executor executor) = 0;

protected:
    clock_source() = default;
    clock_source(const clock_source&) = default;
    clock_source& operator=(const clock_source&) = default;
};

} // namespace parley
