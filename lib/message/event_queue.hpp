#pragma once

#include <parley/config.hpp>
#include <parley/event.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace parley {

/// The queue between the strand that produces events and the callers that await them. Bounded by
/// back-pressure: the producer asks `full` before it reads more, so that nothing is dropped.
class event_queue {
public:
    /// Before the first `next` there may be no reader. `wait`: the queue fills up. `drop_oldest`:
    /// it is never full until then, drops the oldest events for new ones, and drops at once a
    /// notice that repeats the one before it.
    enum class before_first { wait, drop_oldest };

    event_queue(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                const limits_config& limits, before_first unread = before_first::wait);
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;
    ~event_queue();

    /// Strand only. Takes the event, or drops it after `close`. True: an older event was dropped
    /// for it, for the first time.
    bool push(event&& happened);
    std::uint64_t dropped() const; ///< before the first `next`; any thread
    bool full() const;             ///< any thread
    /// Strand only: returns when not full, or closed.
    awaitable<void> wait_for_room();

    /// From any thread and executor, on which it resumes: the oldest event, without a suspension
    /// when there is one; nullopt when closed and drained. Cancelled: no event is lost.
    awaitable<std::optional<event>> next();
    /// `next` for a caller that may outlive this: then it is aborted.
    std::function<awaitable<std::optional<event>>()> taker() const;

    /// No more events: waiters get the events that are left, then nullopt. Strand only.
    void close();
    /// Takes events again, after those that are left. Strand only.
    void reopen();
    /// The owner is gone: waiters get `operation_aborted`. Strand only.
    void abort();

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace parley
