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

/// What becomes of a ticket that has arrived.
enum class arrival {
    stale,   ///< asked for by an identity that is gone: thrown away
    for_now, ///< for those who wait for it, and nobody after them: single-use, or nearly expired
    held     ///< for everybody, while it is valid
};

/// What proactive renewal does next.
struct renewal_step {
    bool renew = false;                     ///< now; else
    time_point wake_at = time_point::max(); ///< look again then, or when a ticket has arrived

    bool operator==(const renewal_step&) const = default;
};

/// Which ticket is held, for how long, and when it is renewed. Pure.
///
/// A ticket's expiry is turned into a deadline on each clock once, when it arrives, both from its
/// lifetime: what the server's clock shows never matters again, a wall clock that is set back
/// cannot lengthen it, and one that jumps ahead, or a machine that slept, costs one refresh. It is
/// valid while more than the buffer is left on both (doc/protocol.md 1.4).
///
/// Every change of identity begins a generation: answers that were asked for in an earlier one are
/// stale.
class ticket_fsm {
public:
    explicit ticket_fsm(const ticket_config& config) : config_(config) {}

    /// The held ticket while it is valid, else null.
    const ticket* serve(moment now) const noexcept;
    /// The same for a caller whose ticket the server did not take; that one is dropped if it is the
    /// one held.
    const ticket* serve_other_than(const secret& rejected, moment now);
    /// The held ticket, valid or not, else null.
    const ticket* held() const noexcept;

    /// Until the held ticket expires, and not until it stops being valid; never negative.
    std::optional<std::chrono::milliseconds> expires_in(moment now) const noexcept;
    /// As the server has it.
    std::optional<wall_time> expires_at() const noexcept;
    /// That the held ticket had when it arrived.
    std::optional<std::chrono::milliseconds> lifetime() const noexcept;

    /// Why a request is made now, when the caller has no reason of its own.
    ticket_reason reason() const noexcept;

    /// A ticket asked for in that generation has arrived.
    arrival arrived(std::uint64_t generation, const ticket& fresh, moment now);

    /// The server says that this ticket is no good.
    void drop(const secret& refused);
    /// The identity has changed, or its ticket is to be forgotten.
    void begin_generation() noexcept;
    std::uint64_t generation() const noexcept { return generation_; }

    /// When the held ticket is renewed: when less than min(`renewal_threshold`, lifetime / 3) is
    /// left, looked at every min(`check_interval`, lifetime / 10) ± 10 %. After a failure not
    /// before the backoff's end. `jitter` is uniform in [0, 1).
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
