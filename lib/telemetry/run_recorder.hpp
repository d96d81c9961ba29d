#pragma once

#include <parley/telemetry.hpp>

#include "core/clock.hpp"
#include "telemetry/labels.hpp"

#include <cstdint>
#include <vector>

namespace parley {

/// Makes metrics of the runs of one client, which end in the order in which they began. Pure; it
/// does nothing without a telemetry, which must outlive it.
class run_recorder {
public:
    using run_id = std::uint64_t; ///< ascending

    explicit run_recorder(telemetry::impl* to) noexcept : to_(to) {}

    bool counts() const noexcept { return to_ != nullptr; }
    /// Its message is being sent.
    void begin(run_id id, time_point now);
    /// The current run has had no text yet. Asked for every event.
    bool awaits_text() const noexcept { return !runs_.empty() && !runs_.front().answered; }
    void text(time_point now);
    /// Those that began before one that has finished or failed were dropped.
    void end(run_id id, run_result how, time_point now);
    /// The session is lost.
    void lose(time_point now);

private:
    struct entry {
        run_id id;
        time_point begun;
        bool answered = false;
    };

    telemetry::impl* const to_;
    std::vector<entry> runs_; // under way: few, in their order
};

} // namespace parley
