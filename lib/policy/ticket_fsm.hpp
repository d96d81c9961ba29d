#pragma once

#include <parley/config.hpp>
#include <parley/secret.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_source.hpp>

#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace parley {

/// Now, on both clocks.
struct moment {
    time_point steady;
    parley::wall_time wall;
};

/// The fate of a ticket that has arrived.
enum class arrival {
    stale,   ///< requested for an earlier identity: discarded
    for_now, ///< for its waiters only: single-use, or nearly expired
    held     ///< for all callers, while it is valid
};

/// The next step of proactive renewal.
struct renewal_step {
    bool renew = false;                     ///< now; else
    time_point wake_at = time_point::max(); ///< check again then, or when a ticket has arrived

    bool operator==(const renewal_step&) const = default;
};

/// Decides which ticket is held, how long it is valid, and when it is renewed. Pure.
///
/// A ticket's expiry is turned into a deadline on each clock once, when it arrives, both from its
/// lifetime: the server's clock never matters again, a wall clock that is set back cannot lengthen
/// the validity, and one that jumps ahead, or a suspended machine, costs one refresh. A ticket is
/// valid while more than the buffer is left on both clocks (doc/protocol.md 1.4).
///
/// Every change of the identity begins a generation: answers requested in an earlier one are stale.
class ticket_fsm {
public:
    explicit ticket_fsm(const ticket_config& config) : config_(config) {}

    /// The held ticket while it is valid, else null.
    const ticket* serve(moment now) const noexcept;
    /// The same for a caller whose ticket the server rejected, which is dropped if it is held.
    const ticket* serve_other_than(const secret& rejected, moment now);
    /// The held ticket, valid or not, else null.
    const ticket* held() const noexcept;

    /// Time until the held ticket expires (it stops being valid earlier); never negative.
    std::optional<std::chrono::milliseconds> expires_in(moment now) const noexcept;
    /// The expiry by the server's clock.
    std::optional<wall_time> expires_at() const noexcept;
    /// The lifetime of the held ticket when it arrived.
    std::optional<std::chrono::milliseconds> lifetime() const noexcept;

    /// The reason of a request made now, unless the caller has its own.
    ticket_reason reason() const noexcept;

    /// A ticket requested in that generation has arrived.
    arrival arrived(std::uint64_t generation, const ticket& fresh, moment now);

    /// The server says that this ticket is not valid.
    void drop(const secret& refused);
    /// The identity has changed, or the ticket was cleared.
    void begin_generation() noexcept;
    std::uint64_t generation() const noexcept { return generation_; }

    /// When the held ticket is renewed: when less than min(`renewal_threshold`, lifetime / 3) is
    /// left, checked every min(`check_interval`, lifetime / 10) ± 10 %. After a failure not before
    /// the end of the backoff. `jitter` is uniform in [0, 1).
    renewal_step renewal(moment now, double jitter) const noexcept;
    void renewal_failed(const error_details& why, moment now, double jitter) noexcept;

private:
    struct holding {
        ticket value;
        moment deadline;
        std::chrono::nanoseconds lifetime;
    };

    std::chrono::nanoseconds buffer() const noexcept;
    std::chrono::nanoseconds left(moment now) const noexcept;
    std::chrono::nanoseconds check_every() const noexcept;

    ticket_config config_;
    std::optional<holding> held_;
    std::uint64_t generation_ = 1;
    unsigned renewals_failed_ = 0; // in a row
    time_point renew_not_before_ = time_point::min();
};

} // namespace parley
