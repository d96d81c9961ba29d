#pragma once

#include "policy/reconnect_fsm.hpp"

#include <chrono>
#include <memory>
#include <utility>

/// A reconnect_fsm and what is said to it.
namespace parley::test::reconnect_transcript {

using namespace std::chrono_literals;

namespace in = reconnect_input;
namespace out = reconnect_action;
using action = reconnect_action_t;

inline const time_point t0{1'000h};

inline error_info failure(errc code) {
    error_details details;
    details.retryable = true;
    return error_info(code, "failed", details);
}

inline error_info retry_after(std::chrono::seconds delay) {
    auto why = failure(errc::upgrade_failed);
    why.details.retry_after = delay;
    return why;
}

inline in::failed failed(reaction what, ticket_use used = ticket_use::held,
                         error_info why = failure(errc::connect_failed)) {
    return {close_verdict{what, loss_reason::reset}, std::move(why), used};
}

inline in::lost lost(reaction what, error_info why = failure(errc::connection_reset)) {
    return {close_verdict{what, loss_reason::reset}, std::move(why)};
}

inline in::lost lost_quietly() {
    auto ended = lost(reaction::retry);
    ended.quiet = true;
    return ended;
}

inline out::stop stopped(errc code) { return {std::make_shared<const error_info>(failure(code))}; }

/// Everything at one moment, with the largest jitter, so that delays are their bounds.
class transcript {
public:
    explicit transcript(reconnect_config config = reconnect_config()) : fsm(config) {}

    action say(const reconnect_event& happened) { return fsm.resume(now, 1.0, happened); }

    /// A session that was ready for `age` and is lost.
    action lose(reaction what = reaction::retry, std::chrono::seconds age = 1min) {
        fsm.resume(now - age, 1.0, in::start{now});
        fsm.resume(now - age, 1.0, in::ready());
        return say(lost(what));
    }

    /// The wait is over, and the attempt fails.
    action fail_again(const in::failed& how) {
        say(in::elapsed());
        return say(how);
    }

    out::wait wait(unsigned attempt, std::chrono::milliseconds delay) const {
        return {attempt, delay, now + delay, nullptr};
    }

    time_point now = t0;
    reconnect_fsm fsm;
};

} // namespace parley::test::reconnect_transcript
