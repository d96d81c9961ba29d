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

/// The mailbox between the strand that produces events and whoever awaits them. Bounded through
/// back-pressure: the producer asks `full` before it reads more, so that nothing is dropped.
class event_queue {
public:
    /// Before the first `next` nobody may be there to make room. `drop_oldest`: until then it is
    /// never full, the oldest go for the newest, and a notice that only says again what the one
    /// before it says is dropped at once.
    enum class before_first { wait, drop_oldest };

    event_queue(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                const limits_config& limits, before_first unread = before_first::wait);
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;
    ~event_queue();

    /// Strand only. Always takes it; after `close` it is dropped. True: for the first time an older
    /// one had to go for it.
    bool push(event&& happened);
    std::uint64_t dropped() const; ///< before the first `next`; any thread
    bool full() const;             ///< any thread
    /// Strand only: returns when not full, or closed.
    awaitable<void> wait_for_room();

    /// From any thread and executor, on which it resumes: at once when an event is there, nullopt
    /// when closed and drained. Cancelled: no event is lost.
    awaitable<std::optional<event>> next();
    /// `next` for a caller that may outlive this: then it is aborted.
    std::function<awaitable<std::optional<event>>()> taker() const;

    /// No more events: who waits gets what is left, then nullopt. Strand only.
    void close();
    /// Takes events again, after those that are left. Strand only.
    void reopen();
    /// Who waits gets `operation_aborted`: the owner is gone. Strand only.
    void abort();

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace parley
