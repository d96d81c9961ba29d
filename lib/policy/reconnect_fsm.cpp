#include "policy/reconnect_fsm.hpp"

#include "policy/backoff.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

// PROTOCOL.md 3: while reconnecting, the third in a row of a fresh ticket ends it.
constexpr unsigned rejections_at_most = 3;
// PROTOCOL.md 3: after that many disagreements in a row the backoff is another.
constexpr unsigned disagreements_tolerated = 3;
constexpr backoff_config after_disagreements{std::chrono::seconds(30), std::chrono::seconds(300)};

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

bool is_rejection(const close_verdict& verdict) { return verdict.what == reaction::rejection; }

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
    const bool first = state_ != state::dialing;
    state_ = state::ready;
    ready_since_ = now_;
    rejections_ = 0;
    fresh_ticket_ = false;
    if (first) attempt_ = 0; // the attempts of the opening are not those of a reconnect
    return reconnect_action::run{};
}

void reconnect_fsm::count(const close_verdict& verdict, ticket_use used) {
    if (verdict.what == reaction::protocol_disagreement)
        ++disagreements_;
    else
        disagreements_ = 0;
    // A failure of the network between two rejections says nothing about tickets.
    if (is_rejection(verdict) && used == ticket_use::fresh) ++rejections_;

    if (is_rejection(verdict) || verdict.what == reaction::refresh_and_retry)
        fresh_ticket_ = true;
    else if (used != ticket_use::none)
        fresh_ticket_ = false;
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::failed& in) {
    const bool replaced = fresh_ticket_; // this attempt already asked for another ticket
    count(in.verdict, in.used);
    if (in.verdict.what == reaction::end) return stop(in.why);
    if (state_ == state::opening || state_ == state::opening_again) return opening_failed(in);
    if (rejections_ >= rejections_at_most) return stop(rejected(in.why));
    if (!config_.enabled) return asked_for_failed(in, replaced);
    return try_again(in.why);
}

// Nobody reconnects by itself, so that somebody asked for it: as in an opening, the first rejection
// gets one refresh and one more try (PROTOCOL.md 3). Also of a ticket that was renewed long ago and
// never tried; and no more than one, should the source return the same ticket.
reconnect_action_t reconnect_fsm::asked_for_failed(const reconnect_input::failed& in,
                                                   bool replaced) {
    if (!is_rejection(in.verdict)) return stop(in.why);
    return replaced ? stop(rejected(in.why)) : dial();
}

reconnect_action_t reconnect_fsm::opening_failed(const reconnect_input::failed& in) {
    if (is_rejection(in.verdict)) {
        if (state_ == state::opening_again) return stop(rejected(in.why));
        state_ = state::opening_again; // one refresh and one more try, at once
        ++attempt_;
        return reconnect_action::dial{attempt_, true};
    }
    if (!config_.retry_first) return stop(in.why);
    return retry_opening(in.why);
}

reconnect_action_t reconnect_fsm::retry_opening(const error_info& why) {
    const auto delay = next_delay(why);
    // A wait that would pass the deadline fails at once (DESIGN.md 3).
    if (after(now_, delay) >= opening_deadline_) return stop(why);
    opened_again_ = state_ == state::opening_again; // one refresh in the whole of the opening
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
    return reconnect_action::wait{attempt_, delay, wait_until_};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::lost& in) {
    if (now_ - ready_since_ >= config_.stable_after) {
        attempt_ = 0;
        disagreements_ = 0;
    }
    lost_at_ = now_;
    count(in.verdict, ticket_use::held);
    if (in.verdict.what == reaction::end || !config_.enabled) return stop(in.why);
    return try_again(in.why);
}

std::chrono::milliseconds reconnect_fsm::next_delay(const error_info& why) const {
    const auto& backoff =
        disagreements_ >= disagreements_tolerated ? after_disagreements : config_.backoff;
    const unsigned next = state_ == state::opening || state_ == state::opening_again
                              ? attempt_ // the first of the opening had no wait
                              : attempt_ + 1;
    return backoff_delay(backoff, next, jitter_, why.details.retry_after);
}

reconnect_action_t reconnect_fsm::try_again(const error_info& why) {
    if (config_.max_attempts != 0 && attempt_ >= config_.max_attempts)
        return stop(exhausted(why, "number of attempts"));
    const auto delay = next_delay(why);
    if (config_.max_elapsed.count() > 0 && now_ + delay - lost_at_ >= config_.max_elapsed)
        return stop(exhausted(why, "time limit"));
    return wait(state::waiting, delay, why);
}

reconnect_action_t reconnect_fsm::dial() {
    if (state_ == state::opening_wait)
        state_ = opened_again_ ? state::opening_again : state::opening;
    else
        state_ = state::dialing;
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
    return reconnect_action::wait{
        attempt_, std::chrono::ceil<std::chrono::milliseconds>(wait_until_ - now_), wait_until_};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::network_changed&) {
    return waiting() ? cut_short() : reconnect_action::stay{};
}

reconnect_action_t reconnect_fsm::on(const reconnect_input::requested&) {
    if (waiting()) return cut_short();
    if (state_ != state::ready) return reconnect_action::stay{};
    if (now_ - ready_since_ >= config_.stable_after) {
        attempt_ = 0;
        disagreements_ = 0;
    }
    lost_at_ = now_;
    return dial(); // asked for, so it has no wait, and is none of the counted attempts
}

reconnect_action_t reconnect_fsm::stop(error_info why) {
    state_ = state::ended;
    return reconnect_action::stop{std::move(why)};
}

} // namespace parley
