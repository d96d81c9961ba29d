#pragma once

#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "simulation/coverage.hpp"
#include "simulation/dice.hpp"
#include "support/manual_clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::simulation {

/// Whose turn it is: every executor of a simulation belongs to one of these.
enum class who { nobody, client, user, tools };

/// The whole outside of one run: time, chance, what is ready to run and in which order it does, the
/// trace, and the first broken invariant. One thread.
///
/// Whatever is ready waits in one list, from which the seed picks: handlers posted to an executor,
/// alarms that were rung, and what the network brings. Time moves only when that list is empty.
class world {
public:
    world(std::uint64_t seed, bool traced);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();

private:
    std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>(1);

public:
    asio::io_context& io = *context_;
    const std::shared_ptr<test::manual_clock> time;
    const std::shared_ptr<clock_source> clock; ///< the same time; wakes in the seed's order
    dice faults, work, order, jitter;
    coverage seen;

    time_point now() const { return time->now(); }
    asio::any_io_executor executor(who of);
    who running() const noexcept { return running_; }

    /// Ready now.
    void later(std::function<void()> what) { push(who::nobody, std::move(what)); }
    void push(who of, std::function<void()> what);
    /// Ready then; in the order of the moments.
    void at(time_point when, std::function<void()> what);
    void in(std::chrono::milliseconds delay, std::function<void()> what) {
        at(now() + delay, std::move(what));
    }

    /// Runs one thing that is ready. False when there is none.
    bool step();
    /// Moves time to the next moment at which something becomes ready, but not beyond `limit`.
    void advance(time_point limit);
    /// Nothing is ready, nothing waits for a moment, and the context has no work.
    bool idle();
    std::string left_over();
    /// What was planned for later does not happen.
    void forget_plans() { timed_.clear(); }
    /// Whatever is still on goes, while those whom it looks at are there.
    void shut();

    /// True when this fault is to happen now; counted.
    bool happens(fault what, double percent);
    /// Makes this fault happen without a throw of the dice; false while healed.
    bool inflict(fault what);
    void heal() { healed_ = true; }
    bool healed() const noexcept { return healed_; }
    /// How hard this seed is on the client; a factor of every probability.
    void set_severity(double factor) { severity_ = factor; }

    bool traced() const noexcept { return traced_; }
    void note(std::string line);
    const std::string& trace() const noexcept { return trace_; }

    void broke(std::string invariant, std::string what);
    const std::optional<std::string>& broken() const noexcept { return broken_; }

    /// How long the loop stood still, in all: deadlines move by that.
    std::chrono::milliseconds stalled{0};

private:
    struct ready_item {
        who of = who::nobody;
        std::function<void()> run;
    };

    void settle();

    const time_point begun_;
    const bool traced_;
    bool healed_ = false;
    double severity_ = 1;
    who running_ = who::nobody;
    std::vector<ready_item> ready_;
    std::multimap<time_point, std::function<void()>> timed_;
    std::string trace_;
    std::optional<std::string> broken_;
};

} // namespace parley::simulation
