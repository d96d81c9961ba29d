#pragma once

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

namespace parley::test {

/// Time that stands still until the test moves it.
///
///     auto clock = std::make_shared<manual_clock>();
///     ... start something ...;  io.poll();
///     clock->advance(5s);       io.poll();      // the waits up to then have ended
///
/// A move releases the alarms that are due, by deadline and then by age, each by a post to its own
/// executor: nothing runs inside `advance`. Any thread may move it, look at it and wait on it.
class manual_clock : public clock_source {
public:
    using duration = std::chrono::steady_clock::duration;

    manual_clock();
    ~manual_clock() override;

    time_point now() const noexcept override;
    wall_time wall_now() const noexcept override;
    std::unique_ptr<alarm> make_alarm(asio::any_io_executor executor) override;

    /// Both clocks go on.
    void advance(duration by);
    /// To the next deadline, if there is one. Says whether.
    bool advance_to_next();

    /// The wall clock alone: it was set, or the system slept (the steady clock stops then).
    void set_wall(wall_time to);
    void step_wall(duration by);

    /// Of the waits that are on; one without a deadline does not count in either.
    std::optional<time_point> next_deadline() const;
    std::size_t sleepers() const;

    class state;

private:
    std::shared_ptr<state> state_;
};

} // namespace parley::test
