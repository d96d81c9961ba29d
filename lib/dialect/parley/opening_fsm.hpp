#pragma once

#include <parley/error.hpp>

#include "core/clock.hpp"
#include "core/redactor.hpp"
#include "policy/token_bucket.hpp"

#include <chrono>
#include <optional>
#include <variant>

namespace parley {

// The opening of a session (doc/protocol.md 2.1), once for each connection:
//
//   idle --opened--> established? --established, no tools--> ready
//                          | established, tools: configure
//                          v
//                    acknowledged? --acknowledged--> ready
//
// A refusal, an `error` while the acknowledgement is awaited, and a deadline end it. Later the
// server may ask for the configuration again. The answers are limited: some servers ask because
// they were answered.

namespace opening_action {
struct none {
    bool operator==(const none&) const = default;
};
struct configure { ///< send `configure_tools`
    bool operator==(const configure&) const = default;
};
struct ready { ///< the session is ready
    bool operator==(const ready&) const = default;
};
struct reject { ///< the ticket was not accepted
    error_info why;
};
struct fail { ///< the opening failed
    error_info why;
};
} // namespace opening_action

using opening_action_t =
    std::variant<opening_action::none, opening_action::configure, opening_action::ready,
                 opening_action::reject, opening_action::fail>;

class opening_fsm {
public:
    opening_fsm(std::chrono::milliseconds session_timeout, std::chrono::milliseconds acknowledge)
        : session_timeout_(session_timeout), acknowledge_(acknowledge) {}

    void opened(time_point now);
    opening_action_t established(time_point now, bool has_configuration);
    opening_action_t acknowledged();
    opening_action_t refused(quotation error, quotation code);
    /// An `error` of the server refuses the configuration that awaits its acknowledgement; at any
    /// other time it does not concern the opening.
    opening_action_t server_error(quotation error, quotation code);
    opening_action_t at(time_point now); ///< the time is `now`
    /// Whether to answer a server that asks for the configuration again: 5 times in a session, and
    /// once more every 10 s after that.
    bool configuration_requested(time_point now) { return answers_.take(now); }
    void lost() { state_ = state::idle; }
    /// From `held` to `released` this side does not read: that time does not count.
    void held(time_point now);
    void released(time_point now);

    bool under_way() const noexcept {
        return state_ == state::established_awaited || state_ == state::acknowledgement_awaited;
    }
    time_point deadline() const noexcept {
        return under_way() && !held_since_ ? deadline_ : time_point::max();
    }

private:
    enum class state { idle, established_awaited, acknowledgement_awaited, ready };

    std::chrono::milliseconds session_timeout_;
    std::chrono::milliseconds acknowledge_;
    state state_ = state::idle;
    time_point deadline_ = time_point::max();
    std::optional<time_point> held_since_;
    token_bucket answers_ = limited();
    static token_bucket limited() { return {5, 0.1}; } // at once, and a second
};

} // namespace parley
