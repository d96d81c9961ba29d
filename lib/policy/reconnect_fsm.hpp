#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/close_policy.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <variant>

namespace parley {

// When a connection is tried, tried again, and given up (doc/protocol.md 3).
//
//   idle --start--> opening --ready--> ready --lost, requested--> waiting <--+
//                    |  ^ one rejection: a fresh ticket, at once     |       | failed
//                    |  |                                   elapsed  v       |
//                    v                                            dialing ---+--ready--> ready
//                  stop                                              |  ^
//                                    a held ticket is not taken: a fresh one, at once, once
//
// `start` is the first attempt, `init`: nothing is tried again there but a rejection, once, unless
// `retry_first`. Afterwards every attempt has its backoff, but for the one with a fresh ticket in
// place of a held one that was not taken. `max_attempts`, `max_elapsed`, a third rejection in a row
// of a fresh ticket, or a final word of the chat server end it. A verdict that may be a gateway's
// is tried again by a slower backoff. A request or a change of the network cuts a wait short, down
// to what Retry-After asks for.
//
// A session that an idle timeout has cut is no unstable one. After two of them the heartbeat comes
// more often than the shortest of them lived.

/// Where the ticket of a failed attempt came from.
enum class ticket_use {
    none,  ///< there was none: the attempt failed before
    held,  ///< not fetched for this attempt
    fresh, ///< fetched for it; in place of a rejected one also when it is the same again
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
    bool quiet = false; ///< no message of either side was under way, and nothing was said
};
struct elapsed {};         ///< the wait is over
struct network_changed {}; ///< an attempt may succeed now
struct requested {};       ///< a caller asks for a new session now
} // namespace reconnect_input

using reconnect_event =
    std::variant<reconnect_input::start, reconnect_input::ready, reconnect_input::failed,
                 reconnect_input::lost, reconnect_input::elapsed, reconnect_input::network_changed,
                 reconnect_input::requested>;

namespace reconnect_action {
struct stay { ///< nothing changes
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
    /// The cause of the attempt; null for a wait that is only shortened.
    std::shared_ptr<const error_info> why;
    bool operator==(const wait& other) const {
        return attempt == other.attempt && delay == other.delay && until == other.until;
    }
};
struct run { ///< the session is there
    bool operator==(const run&) const = default;
};
struct stop { ///< it ends, with this
    std::shared_ptr<const error_info> why;
    bool operator==(const stop& other) const { return why->code == other.why->code; }
};
} // namespace reconnect_action

using reconnect_action_t =
    std::variant<reconnect_action::stay, reconnect_action::dial, reconnect_action::wait,
                 reconnect_action::run, reconnect_action::stop>;

class reconnect_fsm {
    enum class state { idle, opening, opening_wait, ready, waiting, dialing, ended };

public:
    explicit reconnect_fsm(const reconnect_config& config) : config_(config) {}

    /// `jitter` is a sample from [0, 1).
    reconnect_action_t resume(time_point now, double jitter, const reconnect_event& happened);

    /// The session is ready, by the inputs so far.
    bool ready() const noexcept { return state_ == state::ready; }
    /// The next attempt waits for `elapsed`.
    bool waiting() const noexcept {
        return state_ == state::waiting || state_ == state::opening_wait;
    }
    /// Of the attempts since the session was last stable.
    unsigned attempt() const noexcept { return attempt_; }
    /// Why the last attempt failed, since the session was last ready; null when none has.
    const error_info* last_failure() const noexcept { return last_failure_.get(); }
    /// The heartbeat's interval, which is `configured` until idle timeouts have shown that it is
    /// too long; 0 stays 0, for none.
    std::chrono::milliseconds
    heartbeat_interval(std::chrono::milliseconds configured) const noexcept;

private:
    reconnect_action_t on(const reconnect_input::start& in);
    reconnect_action_t on(const reconnect_input::ready& in);
    reconnect_action_t on(const reconnect_input::failed& in);
    reconnect_action_t on(const reconnect_input::lost& in);
    reconnect_action_t on(const reconnect_input::elapsed& in);
    reconnect_action_t on(const reconnect_input::network_changed& in);
    reconnect_action_t on(const reconnect_input::requested& in);

    reconnect_action_t failed_in_opening(const reconnect_input::failed& in);
    reconnect_action_t rejected_in_opening(const reconnect_input::failed& in);
    reconnect_action_t failed_again(const reconnect_input::failed& in);
    reconnect_action_t rejected_again(const reconnect_input::failed& in);
    reconnect_action_t retry_opening(const error_info& why);
    reconnect_action_t try_again(const error_info& why, const backoff_config& pace, unsigned step);
    reconnect_action_t try_again(const error_info& why);
    reconnect_action_t try_again_slowly(const error_info& why);
    reconnect_action_t wait(state in, std::chrono::milliseconds delay, const error_info& why);
    reconnect_action_t cut_short();
    reconnect_action_t dial();
    reconnect_action_t dial_with_fresh_ticket();
    reconnect_action_t stop(error_info why);
    const backoff_config& pace() const noexcept;
    error_info out_of_opening_time(const error_info& why) const;
    void end_of_session();
    void count(const close_verdict& verdict, ticket_use used);
    void learn_idle_timeout();
    void start_counting_anew() noexcept;

    reconnect_config config_;
    state state_ = state::idle;
    time_point now_{};
    double jitter_ = 0;

    unsigned attempt_ = 0;
    unsigned attempt_at_loss_ = 0;
    unsigned disagreements_ = 0;      // in a row
    unsigned gateway_verdicts_ = 0;   // verdicts that may be a gateway's, beside `attempt_`
    unsigned rejections_ = 0;         // in a row, of fresh tickets, in the server's own words
    unsigned gateway_rejections_ = 0; // the others between them
    bool fresh_ticket_ = false;       // for the next attempt
    bool refreshed_ = false;          // a rejected ticket was replaced: once an opening or attempt
    std::unique_ptr<const error_info> last_failure_; // most sessions have none
    std::optional<time_point::duration> quiet_life_; // of the lost session, if it ended quietly
    unsigned idle_timeouts_ = 0;                     // that were seen
    time_point::duration shortest_life_ = time_point::duration::max(); // of those sessions
    time_point opening_deadline_{};
    time_point ready_since_{};
    time_point lost_at_{};
    time_point wait_until_{};
    time_point not_before_{}; // Retry-After
};

} // namespace parley
