#pragma once

#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/telemetry.hpp>

#include "core/clock.hpp"
#include "telemetry/labels.hpp"

#include <optional>

namespace parley {

/// Makes metrics of what a connection does: attempts and their phases, losses, outages. Pure; it
/// does nothing without a telemetry, which must outlive it.
///
///   idle --begin--> attempting --entered ready, failed, given_up--> idle
class connection_recorder {
public:
    explicit connection_recorder(telemetry::impl* to) noexcept : to_(to) {}

    /// An attempt begins, with its ticket.
    void begin(attempt_kind kind, time_point now);
    /// A phase begins, which ends the one before it. `ready` ends the attempt, and an outage.
    void entered(phase step, time_point now);
    /// The attempt failed. `reason` is `rejected` when the server did not take the ticket.
    void failed(const error_info& why, loss_reason reason);
    /// The ready session was lost.
    void lost(const error_info& why, loss_reason reason, time_point now);
    /// The client wants no session any more.
    void given_up();

private:
    struct attempt {
        attempt_kind kind;
        phase step;
        time_point since; ///< of the phase
    };

    void end(attempt_result result);
    void count_rejection(const error_info& why) const;

    telemetry::impl* const to_;
    std::optional<attempt> attempt_;
    std::optional<time_point> lost_at_;
};

} // namespace parley
