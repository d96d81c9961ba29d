#include "policy/liveness_fsm.hpp"

#include <algorithm>

namespace parley {

namespace {

// A timer that fires that late means that our loop stood still; a wall clock that is that far ahead
// of the steady one, which stops in a suspend, means that the machine slept.
constexpr std::chrono::seconds noticeable_pause{2};

void move(time_point& deadline, time_point::duration by) { deadline = after(deadline, by); }

} // namespace

liveness_limits::liveness_limits(const connection_config& config)
    : resolve(config.resolve_timeout), tls(config.tls_timeout), proxy(config.upgrade_timeout),
      upgrade(config.upgrade_timeout), interval(config.heartbeat.interval),
      timeout(config.heartbeat.timeout), message(config.limits.message_time) {}

liveness_fsm::liveness_fsm(const liveness_limits& limits, time_point now, wall_time wall,
                           time_point deadline)
    : limits_(limits), now_(now), opening_deadline_(deadline), ticked_at_(now), wall_(wall) {}

liveness_action_t liveness_fsm::resume(time_point now, const liveness_event& happened) {
    now_ = now;
    std::visit([this](const auto& in) { on(in); }, happened);
    // Between two ticks bytes may wait in the socket that would excuse everything.
    if (std::holds_alternative<liveness_input::tick>(happened)) {
        if (const auto verdict = overdue()) return *verdict;
        if (heartbeat_ == heartbeat::idle && now_ >= heartbeat_deadline_)
            heartbeat_ = heartbeat::ping_due;
    }
    if (heartbeat_ != heartbeat::ping_due) return liveness_action::watch{promised_ = nearest()};
    heartbeat_ = heartbeat::ping_asked; // the write's own deadline bounds the wait for `pinged`
    heartbeat_deadline_ = time_point::max();
    return liveness_action::ping{promised_ = nearest()};
}

std::optional<std::chrono::milliseconds> liveness_fsm::limit_of(phase step) const {
    switch (step) {
    case phase::resolve:
        return limits_.resolve;
    case phase::proxy:
        return limits_.proxy;
    case phase::tls:
        return limits_.tls;
    case phase::upgrade:
        return limits_.upgrade;
    default:
        return std::nullopt;
    }
}

void liveness_fsm::on(const liveness_input::entered& in) {
    step_ = in.step;
    const auto limit = limit_of(step_);
    step_deadline_ = limit ? after(now_, *limit) : time_point::max();
    if (in.interval) limits_.interval = *in.interval;
    if (step_ != phase::ready) return;
    opening_deadline_ = time_point::max();
    go_idle();
}

void liveness_fsm::go_idle() {
    heartbeat_ = heartbeat::idle;
    heartbeat_deadline_ =
        limits_.interval.count() > 0 ? after(now_, limits_.interval) : time_point::max();
}

void liveness_fsm::on(const liveness_input::bytes& in) {
    if (in.message_ended || !in.message_open) message_deadline_ = time_point::max();
    if (in.message_open && message_deadline_ == time_point::max())
        message_deadline_ = after(now_, limits_.message);
    if (heartbeat_ == heartbeat::off || paused_at_) return;
    // A ping that is asked for is still on its way: it gives the round trip, and does no harm.
    go_idle();
}

void liveness_fsm::on(const liveness_input::pong&) {
    if (!pinged_at_) return;
    round_trip_ =
        std::chrono::duration_cast<std::chrono::microseconds>(time_between(*pinged_at_, now_));
    pinged_at_.reset();
}

void liveness_fsm::on(const liveness_input::pinged&) {
    pinged_at_ = now_;
    if (heartbeat_ != heartbeat::ping_asked || paused_at_) return; // a byte came meanwhile
    heartbeat_ = heartbeat::pong_awaited;
    heartbeat_deadline_ = after(now_, limits_.timeout);
}

void liveness_fsm::on(const liveness_input::close_started&) {
    close_deadline_ = std::min(close_deadline_, after(now_, limits_.peer_close));
}

void liveness_fsm::on(const liveness_input::write_began& in) {
    const auto for_size =
        std::chrono::seconds(in.size / std::max<std::size_t>(limits_.write_rate, 1));
    write_deadline_ = after(after(now_, limits_.write), for_size);
}

void liveness_fsm::on(const liveness_input::write_ended&) { write_deadline_ = time_point::max(); }

void liveness_fsm::on(const liveness_input::paused&) {
    if (paused_at_) return;
    paused_at_ = now_;
    if (heartbeat_ != heartbeat::off) heartbeat_ = heartbeat::idle;
    heartbeat_deadline_ = time_point::max();
}

void liveness_fsm::on(const liveness_input::resumed&) {
    if (!paused_at_) return;
    const auto pause = time_between(*paused_at_, now_);
    paused_at_.reset();
    move(message_deadline_, pause);
    move(write_deadline_, pause);
    if (limits_.opening_waits) move(opening_deadline_, pause);
    if (heartbeat_ != heartbeat::off) go_idle();
}

void liveness_fsm::on(const liveness_input::probe&) {
    if (heartbeat_ == heartbeat::idle && !paused_at_) heartbeat_ = heartbeat::ping_due;
}

void liveness_fsm::on(const liveness_input::tick& in) {
    const auto slept = time_between(wall_, in.wall) - time_between(ticked_at_, now_);
    const bool late = is_over(after(promised_, noticeable_pause), now_);
    if (late) excuse(time_between(promised_, now_) + noticeable_pause);
    if (late || slept >= noticeable_pause) {
        const bool judged = heartbeat_ == heartbeat::idle || heartbeat_ == heartbeat::pong_awaited;
        if (judged && !paused_at_) heartbeat_ = heartbeat::ping_due;
    }
    ticked_at_ = now_;
    wall_ = in.wall;
}

// What the peer sent meanwhile may lie in the socket unread: that time does not count.
void liveness_fsm::excuse(time_point::duration pause) {
    move(step_deadline_, pause);
    move(message_deadline_, pause);
    move(write_deadline_, pause);
    move(close_deadline_, pause);
}

time_point liveness_fsm::opening_deadline() const {
    return paused_at_ && limits_.opening_waits ? time_point::max() : opening_deadline_;
}

std::optional<liveness_action::give_up> liveness_fsm::overdue() const {
    using liveness_action::give_up;
    if (now_ >= std::min(opening_deadline(), step_deadline_)) {
        switch (step_) {
        case phase::resolve:
            return give_up{errc::resolve_timeout, step_};
        case phase::proxy:
            return give_up{errc::proxy_failed, step_};
        case phase::tls:
            return give_up{errc::tls_timeout, step_};
        case phase::upgrade:
            return give_up{errc::upgrade_timeout, step_};
        case phase::session:
            return give_up{errc::session_timeout, step_};
        default:
            return give_up{errc::connect_timeout, step_};
        }
    }
    if (now_ >= close_deadline_) return give_up{errc::connection_closed, step_};
    if (paused_at_) return std::nullopt;
    if (now_ >= message_deadline_) return give_up{errc::message_timeout, step_};
    if (now_ >= write_deadline_) return give_up{errc::connection_silent, step_};
    if (heartbeat_ == heartbeat::pong_awaited && now_ >= heartbeat_deadline_)
        return give_up{errc::connection_silent, step_};
    return std::nullopt;
}

time_point liveness_fsm::nearest() const {
    const auto first = std::min({opening_deadline(), step_deadline_, close_deadline_});
    if (paused_at_) return first;
    return std::min({first, message_deadline_, write_deadline_, heartbeat_deadline_});
}

} // namespace parley
