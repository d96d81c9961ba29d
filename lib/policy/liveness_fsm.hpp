#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <variant>

namespace parley {

// When a connection is dead: the watchdog's judgement (doc/pitfalls.md P30).
//
// Every step of connecting has its deadline, but for TCP, where each address has one in the
// transport, and the session's opening, which the layer above bounds. A ready connection is probed
// after `interval` without an inbound byte, and dead when `timeout` after the ping was written none
// has come. A message, a write and a close that the peer has begun have deadlines of their own.
//
// Silence counts only while the reader runs: not while the reader is held back by its consumer,
// and not while our own loop stood still or the machine slept. After such a pause the deadlines
// move by its length, and the peer is asked before it is judged.

namespace liveness_input {
struct entered { ///< a step of connecting begins; `ready` ends the opening
    phase step = phase::none;
    std::optional<std::chrono::milliseconds> interval{}; ///< of the heartbeat, if another is due
};
struct bytes {                  ///< arrived
    bool message_open = false;  ///< a message is incomplete now
    bool message_ended = false; ///< one was completed since the last time
};
struct pong {};
struct pinged {};        ///< the ping that was asked for has been written
struct close_started {}; ///< by the peer
struct write_began {
    std::size_t size = 0;
};
struct write_ended {};
struct paused {}; ///< the reader waits for its consumer
struct resumed {};
struct probe {}; ///< the application asks for a check now
struct tick {    ///< the time is now
    wall_time wall;
};
} // namespace liveness_input

using liveness_event =
    std::variant<liveness_input::entered, liveness_input::bytes, liveness_input::pong,
                 liveness_input::pinged, liveness_input::close_started, liveness_input::write_began,
                 liveness_input::write_ended, liveness_input::paused, liveness_input::resumed,
                 liveness_input::probe, liveness_input::tick>;

namespace liveness_action {
struct watch { ///< look again then
    time_point until = time_point::max();
    bool operator==(const watch&) const = default;
};
struct ping { ///< write a ping, and look again then
    time_point until = time_point::max();
    bool operator==(const ping&) const = default;
};
struct give_up { ///< the connection is dead
    errc why = errc::connection_silent;
    phase step = phase::none;
    bool operator==(const give_up&) const = default;
};
} // namespace liveness_action

using liveness_action_t =
    std::variant<liveness_action::watch, liveness_action::ping, liveness_action::give_up>;

struct liveness_limits {
    explicit liveness_limits(const connection_config& config = {});

    std::chrono::milliseconds resolve;
    std::chrono::milliseconds tls;
    std::chrono::milliseconds proxy;
    std::chrono::milliseconds upgrade;
    std::chrono::milliseconds interval;
    std::chrono::milliseconds timeout;
    std::chrono::milliseconds message;
    std::chrono::milliseconds peer_close{2'000}; ///< doc/pitfalls.md P33
    std::chrono::milliseconds write{35'000};     ///< and a second for each `write_rate` bytes
    std::size_t write_rate = 32 * 1024;
    bool opening_waits = false; ///< for a reader that is held back; else its deadline is hard
};

class liveness_fsm {
public:
    /// `deadline` bounds the connecting as a whole.
    liveness_fsm(const liveness_limits& limits, time_point now, wall_time wall,
                 time_point deadline);

    liveness_action_t resume(time_point now, const liveness_event& happened);

    /// The peer has begun a message and not completed it.
    bool message_open() const noexcept { return message_deadline_ != time_point::max(); }
    /// From the last ping to its pong.
    std::optional<std::chrono::microseconds> round_trip() const noexcept { return round_trip_; }

private:
    enum class heartbeat { off, idle, ping_due, ping_asked, pong_awaited };

    void on(const liveness_input::entered& in);
    void on(const liveness_input::bytes& in);
    void on(const liveness_input::pong& in);
    void on(const liveness_input::pinged& in);
    void on(const liveness_input::close_started& in);
    void on(const liveness_input::write_began& in);
    void on(const liveness_input::write_ended& in);
    void on(const liveness_input::paused& in);
    void on(const liveness_input::resumed& in);
    void on(const liveness_input::probe& in);
    void on(const liveness_input::tick& in);

    std::optional<std::chrono::milliseconds> limit_of(phase step) const;
    void go_idle();
    void excuse(time_point::duration pause);
    time_point opening_deadline() const;
    std::optional<liveness_action::give_up> overdue() const;
    time_point nearest() const;

    liveness_limits limits_;
    time_point now_;
    time_point opening_deadline_;
    time_point step_deadline_ = time_point::max();
    time_point heartbeat_deadline_ = time_point::max();
    time_point message_deadline_ = time_point::max();
    time_point write_deadline_ = time_point::max();
    time_point close_deadline_ = time_point::max();

    phase step_ = phase::none;
    heartbeat heartbeat_ = heartbeat::off;
    std::optional<time_point> paused_at_; // while the reader waits for its consumer
    std::optional<time_point> pinged_at_; // until the pong has come

    time_point promised_ = time_point::max(); // when the last answer wanted to be asked again
    time_point ticked_at_;                    // the last tick, on both clocks
    wall_time wall_;
    std::optional<std::chrono::microseconds> round_trip_;
};

} // namespace parley
