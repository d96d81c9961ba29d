#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/close_policy.hpp"

#include <chrono>
#include <variant>

namespace parley {

// When a connection is tried, tried again, and given up (PROTOCOL.md 3).
//
//   idle --start--> opening --ready--> ready --lost, requested--> waiting <--+
//                    |  ^ one rejection: a fresh ticket, at once     |       | failed
//                    |  |                                   elapsed  v       |
//                    v                                            dialing ---+--ready--> ready
//                  stop
//
// `start` is the first attempt, `init`: nothing is tried again there but a rejection, once, unless
// `retry_first`. Afterwards every attempt has its backoff, and `max_attempts`, `max_elapsed`, a
// third rejection in a row of a ticket not tried before, or an error that will not get better end
// it. A request or a change of the network cuts a wait short, down to what Retry-After asks for.

/// What the ticket of a failed attempt was.
enum class ticket_use {
    none,  ///< there was none: the attempt failed before
    held,  ///< one that had been tried before
    fresh, ///< one that had not
};

namespace reconnect_input {
struct start {
    time_point deadline; ///< of the opening in all
};
struct ready {}; ///< the session is ready
struct failed {  ///< the attempt ended before that
    close_verdict verdict;
    error_info why;
    ticket_use used = ticket_use::held;
};
struct lost { ///< the ready session ended
    close_verdict verdict;
    error_info why;
};
struct elapsed {};         ///< the wait is over
struct network_changed {}; ///< what failed may work now
struct requested {};       ///< somebody asks for a new session now
} // namespace reconnect_input

using reconnect_event =
    std::variant<reconnect_input::start, reconnect_input::ready, reconnect_input::failed,
                 reconnect_input::lost, reconnect_input::elapsed, reconnect_input::network_changed,
                 reconnect_input::requested>;

namespace reconnect_action {
struct stay { ///< go on with what is being done
    bool operator==(const stay&) const = default;
};
struct dial { ///< get a ticket and connect
    unsigned attempt = 1;
    bool fresh_ticket = false; ///< the one used last was not taken, or is suspect
    bool operator==(const dial&) const = default;
};
struct wait {             ///< then say `elapsed`
    unsigned attempt = 1; ///< that comes after it
    std::chrono::milliseconds delay{};
    time_point until;
    bool operator==(const wait&) const = default;
};
struct run { ///< the session is there
    bool operator==(const run&) const = default;
};
struct stop { ///< it ends, with this
    error_info why;
    bool operator==(const stop& other) const { return why.code == other.why.code; }
};
} // namespace reconnect_action

using reconnect_action_t =
    std::variant<reconnect_action::stay, reconnect_action::dial, reconnect_action::wait,
                 reconnect_action::run, reconnect_action::stop>;

class reconnect_fsm {
public:
    explicit reconnect_fsm(const reconnect_config& config) : config_(config) {}

    /// `jitter` is a sample from [0, 1).
    reconnect_action_t resume(time_point now, double jitter, const reconnect_event& happened);

    /// Of the attempts since the session was last stable.
    unsigned attempt() const noexcept { return attempt_; }

private:
    enum class state { idle, opening, opening_again, opening_wait, ready, waiting, dialing, ended };

    reconnect_action_t on(const reconnect_input::start& in);
    reconnect_action_t on(const reconnect_input::ready& in);
    reconnect_action_t on(const reconnect_input::failed& in);
    reconnect_action_t on(const reconnect_input::lost& in);
    reconnect_action_t on(const reconnect_input::elapsed& in);
    reconnect_action_t on(const reconnect_input::network_changed& in);
    reconnect_action_t on(const reconnect_input::requested& in);

    reconnect_action_t asked_for_failed(const reconnect_input::failed& in, bool replaced);
    reconnect_action_t opening_failed(const reconnect_input::failed& in);
    reconnect_action_t retry_opening(const error_info& why);
    reconnect_action_t try_again(const error_info& why);
    reconnect_action_t wait(state in, std::chrono::milliseconds delay, const error_info& why);
    reconnect_action_t cut_short();
    reconnect_action_t dial();
    reconnect_action_t stop(error_info why);
    std::chrono::milliseconds next_delay(const error_info& why) const;
    void count(const close_verdict& verdict, ticket_use used);
    bool waiting() const noexcept {
        return state_ == state::waiting || state_ == state::opening_wait;
    }

    reconnect_config config_;
    state state_ = state::idle;
    time_point now_{};
    double jitter_ = 0;

    unsigned attempt_ = 0;
    unsigned disagreements_ = 0; // in a row
    unsigned rejections_ = 0;    // in a row, of fresh tickets
    bool fresh_ticket_ = false;  // for the next attempt
    bool opened_again_ = false;  // the opening has had its one refresh
    time_point opening_deadline_{};
    time_point ready_since_{};
    time_point lost_at_{};
    time_point wait_until_{};
    time_point not_before_{}; // Retry-After
};

} // namespace parley
