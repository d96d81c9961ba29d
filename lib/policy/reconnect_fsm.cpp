#include "policy/reconnect_fsm.hpp"

#include "core/late_error.hpp"
#include "policy/backoff.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

// doc/protocol.md 3.2: while reconnecting, the third in a row of a fresh ticket ends it.
constexpr unsigned rejections_at_most = 3;
// doc/protocol.md 3.3: after that many disagreements in a row the backoff is another.
constexpr unsigned disagreements_tolerated = 3;
constexpr backoff_config after_disagreements{std::chrono::seconds(30), std::chrono::seconds(300)};
// doc/protocol.md 1.8, after a ready session.
constexpr backoff_config after_gateway_verdict{std::chrono::seconds(5), std::chrono::seconds(300)};
// doc/protocol.md 3.4: the heartbeat learns from the second idle timeout on.
constexpr unsigned idle_timeouts_tolerated = 2;
constexpr std::chrono::seconds shortest_heartbeat{2};
// A session shorter than any idle timeout that is set in practice was not cut by one: a
// server that fails again and again must not be asked without a growing backoff.
constexpr std::chrono::milliseconds shortest_idle_timeout{1'500};

error_info rejected(const error_info& why) {
    error_details details = why.details;
    details.retryable = false;
    return error_info(errc::ticket_rejected, "The server rejected a fresh ticket.",
                      std::move(details));
}

error_info exhausted(const error_info& why, std::string_view limit) {
    error_details details = why.details;
    details.retryable = false;
    if (details.reason.empty()) details.reason = why.message;
    return error_info(errc::reconnect_exhausted,
                      "The connection was lost, and reconnecting reached its " +
                          std::string(limit) + '.',
                      std::move(details));
}

bool is_rejection(const close_verdict& verdict) {
    return verdict.what == reaction::rejection || verdict.what == reaction::gateway_rejection;
}

error_info with_advice(error_info why) {
    why.message += " With reconnect.retry_first, init would keep trying until its deadline.";
    return why;
}

} // namespace

reconnect_action_t reconnect_fsm::resume(time_point now, double jitter,
                                         const reconnect_event& happened) {
    now_ = now;
    jitter_ = jitter;
    return std::visit([this](const auto& in) { return on(in); }, happened);
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::start& in) {
    *this = reconnect_fsm(config_);
    state_ = state::opening;
    opening_deadline_ = in.deadline;
    attempt_ = 1;
    return reconnect_action::dial{attempt_, false};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::ready&) {
    // The attempts of the opening are not those of a reconnect.
    if (state_ == state::opening) start_counting_anew();
    if (quiet_life_ && attempt_ == attempt_at_loss_ + 1) learn_idle_timeout();
    state_ = state::ready;
    ready_since_ = now_;
    rejections_ = 0;
    gateway_rejections_ = 0;
    fresh_ticket_ = false;
    quiet_life_.reset();
    last_failure_.reset();
    return reconnect_action::run{};
}

void reconnect_fsm::learn_idle_timeout() {
    ++idle_timeouts_;
    shortest_life_ = std::min(shortest_life_, *quiet_life_);
    start_counting_anew();
}

void reconnect_fsm::start_counting_anew() noexcept {
    attempt_ = 0;
    disagreements_ = 0;
    gateway_verdicts_ = 0;
}

std::chrono::milliseconds
reconnect_fsm::heartbeat_interval(std::chrono::milliseconds configured) const noexcept {
    if (idle_timeouts_ < idle_timeouts_tolerated || configured.count() <= 0) return configured;
    const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(shortest_life_);
    // Half of it, not less than two seconds; where these would come too late, they are of no use.
    const auto least = std::min<std::chrono::milliseconds>(shortest_heartbeat, life * 3 / 4);
    return std::min(configured, std::max(life / 2, least));
}

void reconnect_fsm::count(const close_verdict& verdict, ticket_use used) {
    if (verdict.what == reaction::protocol_disagreement)
        ++disagreements_;
    else
        disagreements_ = 0;
    // A failure of the network between two rejections says nothing about tickets.
    if (used == ticket_use::fresh) {
        if (verdict.what == reaction::rejection) ++rejections_;
        if (verdict.what == reaction::gateway_rejection) ++gateway_rejections_;
    }
    if (is_rejection(verdict) || verdict.what == reaction::refresh_and_retry)
        fresh_ticket_ = true;
    else if (used != ticket_use::none)
        fresh_ticket_ = false;
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::failed& in) {
    count(in.verdict, in.used);
    auto next = state_ == state::opening ? failed_in_opening(in) : failed_again(in);
    last_failure_ = std::make_unique<const error_info>(in.why);
    return next;
}

reconnect_action_t reconnect_fsm::failed_in_opening(const reconnect_input::failed& in) {
    switch (in.verdict.what) {
    case reaction::end:
    case reaction::gateway_verdict:
        return stop(in.why);
    case reaction::rejection:
    case reaction::gateway_rejection:
        return rejected_in_opening(in);
    default:
        break;
    }
    if (now_ >= opening_deadline_) return stop(out_of_opening_time(in.why));
    return config_.retry_first ? retry_opening(in.why) : stop(with_advice(in.why));
}

reconnect_action_t reconnect_fsm::rejected_in_opening(const reconnect_input::failed& in) {
    if (refreshed_) return stop(rejected(in.why));
    ++attempt_;
    return dial_with_fresh_ticket(); // one refresh and one more try
}

// The deadline has cut this attempt short: the error of the attempt before it is the cause.
error_info reconnect_fsm::out_of_opening_time(const error_info& why) const {
    return last_failure_ && says_nothing(why) ? out_of_time(why, *last_failure_) : why;
}

reconnect_action_t reconnect_fsm::failed_again(const reconnect_input::failed& in) {
    if (in.verdict.what == reaction::end) return stop(in.why);
    if (is_rejection(in.verdict)) return rejected_again(in);
    if (!config_.enabled) return stop(in.why); // it was asked for, once
    if (in.verdict.what == reaction::gateway_verdict) return try_again_slowly(in.why);
    return try_again(in.why);
}

reconnect_action_t reconnect_fsm::rejected_again(const reconnect_input::failed& in) {
    // Without automatic reconnects a caller has asked for this one: as in an opening, the first
    // rejection gets one refresh, also of a ticket that was never tried.
    const bool curable = in.used == ticket_use::held || !config_.enabled;
    if (state_ == state::dialing && !refreshed_ && curable) return dial_with_fresh_ticket();
    if (!config_.enabled || rejections_ >= rejections_at_most) return stop(rejected(in.why));
    const bool slowly = in.verdict.what == reaction::gateway_rejection &&
                        rejections_ + gateway_rejections_ >= rejections_at_most;
    return slowly ? try_again_slowly(in.why) : try_again(in.why);
}

reconnect_action_t reconnect_fsm::retry_opening(const error_info& why) {
    // The first attempt of the opening had no wait.
    const auto delay = backoff_delay(pace(), attempt_, jitter_, why.details.retry_after);
    // A wait that would pass the deadline fails at once.
    if (after(now_, delay) >= opening_deadline_) return stop(why);
    return wait(state::opening_wait, delay, why);
}

reconnect_action_t reconnect_fsm::wait(state in, std::chrono::milliseconds delay,
                                       const error_info& why) {
    state_ = in;
    ++attempt_;
    wait_until_ = after(now_, delay);
    not_before_ = now_;
    if (why.details.retry_after)
        not_before_ = std::min(wait_until_, after(now_, *why.details.retry_after));
    return reconnect_action::wait{attempt_, delay, wait_until_,
                                  std::make_shared<const error_info>(why)};
}

void reconnect_fsm::end_of_session() {
    if (is_over(after(ready_since_, config_.stable_after), now_)) start_counting_anew();
    lost_at_ = now_;
    attempt_at_loss_ = attempt_;
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::lost& in) {
    end_of_session();
    const auto life = time_between(ready_since_, now_);
    if (in.quiet && in.verdict.what == reaction::retry && life >= shortest_idle_timeout)
        quiet_life_ = life;
    count(in.verdict, ticket_use::held);
    if (in.verdict.what == reaction::end || !config_.enabled) return stop(in.why);
    return try_again(in.why);
}

const backoff_config& reconnect_fsm::pace() const noexcept {
    return disagreements_ >= disagreements_tolerated ? after_disagreements : config_.backoff;
}

reconnect_action_t reconnect_fsm::try_again(const error_info& why) {
    return try_again(why, pace(), attempt_ + 1);
}

reconnect_action_t reconnect_fsm::try_again_slowly(const error_info& why) {
    return try_again(why, after_gateway_verdict, ++gateway_verdicts_);
}

/// `step` is the attempt's number for the backoff.
reconnect_action_t reconnect_fsm::try_again(const error_info& why, const backoff_config& by,
                                            unsigned step) {
    if (config_.max_attempts != 0 && attempt_ >= config_.max_attempts)
        return stop(exhausted(why, "number of attempts"));
    const auto delay = backoff_delay(by, step, jitter_, why.details.retry_after);
    const bool bounded = config_.max_elapsed.count() > 0;
    if (bounded && is_over(after(lost_at_, config_.max_elapsed), after(now_, delay)))
        return stop(exhausted(why, "time limit"));
    return wait(state::waiting, delay, why);
}

reconnect_action_t reconnect_fsm::dial_with_fresh_ticket() {
    refreshed_ = true;
    return reconnect_action::dial{attempt_, true};
}

reconnect_action_t reconnect_fsm::dial() {
    if (state_ == state::opening_wait) {
        state_ = state::opening;
    } else {
        state_ = state::dialing;
        refreshed_ = false;
    }
    return reconnect_action::dial{attempt_, fresh_ticket_};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::elapsed&) {
    if (!waiting()) return reconnect_action::stay{};
    return dial();
}

reconnect_action_t reconnect_fsm::cut_short() {
    if (now_ >= not_before_) return dial();
    if (wait_until_ <= not_before_) return reconnect_action::stay{};
    wait_until_ = not_before_;
    reconnect_action::wait rest;
    rest.attempt = attempt_;
    rest.delay = std::chrono::ceil<std::chrono::milliseconds>(time_between(now_, wait_until_));
    rest.until = wait_until_;
    return rest;
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::network_changed&) {
    return waiting() ? cut_short() : reconnect_action::stay{};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::requested&) {
    if (waiting()) return cut_short();
    if (state_ != state::ready) return reconnect_action::stay{};
    end_of_session();
    return dial(); // a requested attempt has no wait, and does not count
}

reconnect_action_t reconnect_fsm::stop(error_info why) {
    state_ = state::ended;
    return reconnect_action::stop{std::make_shared<const error_info>(std::move(why))};
}

} // namespace parley
