// The reconnect loop: it carries out the decisions of reconnect_fsm.

#include "connection/websocket_manager_impl.hpp"
#include "dialect/parley/cookies.hpp"
#include "dialect/parley/endpoints.hpp"
#include "policy/close_policy.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

namespace parley {

namespace {

// How long a superseded session may take to close beside its successor.
constexpr std::chrono::seconds superseded_close{2};

} // namespace

/// Runs from `open` to the end. It keeps the layer while it has no session that does.
awaitable<void> websocket_manager::impl::reconnect_loop(std::shared_ptr<session_layer> layer,
                                                        time_point deadline) {
    decide(reconnect_input::start{deadline});
    while (active()) {
        if (const auto* dial = std::get_if<reconnect_action::dial>(&next_)) {
            co_await attempt(dial->attempt, dial->fresh_ticket);
        } else if (const auto* wait = std::get_if<reconnect_action::wait>(&next_)) {
            announce(*wait);
            co_await back_off(wait->until);
        } else if (const auto* ended = std::get_if<reconnect_action::stop>(&next_)) {
            fail(*ended->why);
        } else { // ready: the session keeps the layer; without a layer there is no next session
            layer.reset();
            while (active() && !leaving())
                co_await changed_.wait_until();
            layer = layer_.lock();
            if (!layer && active()) state_ = state::abandoned;
            if (active()) leave();
        }
    }
}

void websocket_manager::impl::decide(const reconnect_event& happened) {
    next_ = fsm_.resume(now(), environment_->jitter(), happened);
    board_->attempt(fsm_.attempt());
}

/// A ticket, the transport's steps, and the opening of the session.
awaitable<void> websocket_manager::impl::attempt(unsigned number, bool fresh) {
    const bool first = state_ == state::opening;
    dial_now_ = false; // this attempt is the one requested
    board_->enter(first ? websocket_state::connecting : websocket_state::reconnecting,
                  phase::ticket);
    const auto deadline = first ? opening_deadline_ : after(now(), attempt_limit_);
    auto used = ticket_use::held;
    if (auto at_hand = ticket_at_hand(fresh)) {
        held_ = std::move(*at_hand);
    } else {
        auto got = co_await fetch_ticket(fresh, deadline);
        if (!active()) co_return;
        if (!got) co_return attempt_failed(got.error(), number, ticket_use::none);
        used = use_of(*got, fresh);
        held_ = std::move(*got);
    }
    if (held_.empty())
        co_return attempt_failed(error_info(errc::empty_ticket, "The ticket is empty."), number,
                                 ticket_use::none);
    dial(held_, deadline);
    while (active() && !fsm_.ready() && !session_->over())
        co_await changed_.wait_until();
    if (session_->showed_ticket()) tried_ = held_;
    if (!active() || fsm_.ready()) co_return;
    const auto ended = release_session();
    attempt_failed(ended->reason(), number, used);
}

awaitable<void> websocket_manager::impl::back_off(time_point until) {
    board_->enter(state_ == state::opening ? websocket_state::connecting : websocket_state::waiting,
                  phase::none);
    board_->retry_at(until);
    while (active() && now() < until) {
        if (std::exchange(dial_now_, false)) {
            decide(reconnect_input::network_changed());
            if (!std::holds_alternative<reconnect_action::stay>(next_)) co_return;
        }
        co_await changed_.wait_until(until);
    }
    if (active()) decide(reconnect_input::elapsed());
}

void websocket_manager::impl::dial(const ticket& held, time_point deadline) {
    gate_->remember(cookies::secrets_of(held));
    session_parts parts;
    parts.strand = strand_;
    parts.clock = clock_;
    parts.queue = queue_;
    parts.board = board_;
    liveness_limits limits(*config_);
    limits.opening_waits =
        state_ != state::opening; // an init has its deadline, whatever holds it up
    parts.on_error = [log = log_](const std::exception_ptr& error) { report(log, error); };
    // Whatever may throw comes first: a session that is ours must have begun, to end.
    auto request = std::make_shared<connect_request>(session_request(url_, held));
    session_owner& owner = *this;
    session_ = std::make_shared<session>(std::move(parts), limits, owner, *transports_,
                                         url_.secure(), deadline);
    session_->start(std::move(request));
}

std::shared_ptr<session> websocket_manager::impl::release_session() {
    queue_->end_session(now());
    board_->queued(*queue_);
    return std::exchange(session_, nullptr);
}

close_verdict websocket_manager::impl::verdict_on(const error_info& why, bool was_ready) const {
    const auto& config = config_->reconnect;
    const auto by_table = classify_close(why, was_ready, config.on_normal_close);
    if (!config.classify) return by_table;
    try {
        const auto chosen = config.classify(why, was_ready);
        return chosen ? override_close(by_table, *chosen, was_ready) : by_table;
    } catch (const std::exception& thrown) {
        log_.write(log_level::error,
                   "reconnect.classify threw: " + gate_->quote(thrown.what()).text());
    } catch (...) {
        log_.write(log_level::error,
                   "reconnect.classify threw an exception that is not a std::exception");
    }
    return by_table;
}

void websocket_manager::impl::attempt_failed(error_info why, unsigned number, ticket_use used) {
    describe(why, number);
    // Before the session is ready this is a failed attempt, whatever the code
    // (doc/protocol.md 3.1).
    if (why.is(errc::connection_closed)) why.details.retryable = true;
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   "attempt failed: " + why.message + ' ' + why.details.to_string());
    board_->failed(why);
    reconnect_input::failed failed;
    failed.verdict = verdict_on(why, false);
    board_->attempt_failed(why, failed.verdict.reason);
    failed.why = std::move(why);
    failed.used = used;
    decide(failed);
}

// The live session is over, or to be given up: its own end, once begun, comes before a request. A
// close that drains has nothing to come back to, and reports nothing.
bool websocket_manager::impl::leaving() const {
    return state_ == state::open && (session_->over() || (dial_now_ && session_->live()));
}

void websocket_manager::impl::leave() {
    auto ended = release_session();
    if (ended->over()) return session_ended(*ended);
    error_info why(errc::disconnected, "The session was replaced by a new one.");
    describe(why, 0);
    superseded_.push_back(ended);
    ended->close(why, normal_closure, after(now(), superseded_close));
    decide(reconnect_input::requested());
    const auto unconfirmed = take_unconfirmed();
    lost(loss_reason::requested, std::move(why), unconfirmed, true);
}

unsigned websocket_manager::impl::take_unconfirmed() const {
    return active_layer() ? active_layer()->take_unconfirmed() : 0;
}

void websocket_manager::impl::session_ended(const session& ended) {
    auto why = ended.reason();
    describe(why, 0);
    const auto unconfirmed = take_unconfirmed();
    reconnect_input::lost happened;
    happened.verdict = verdict_on(why, true);
    happened.why = why;
    happened.quiet = unconfirmed == 0 && ended.was_quiet() && may_be_idle_timeout(why);
    const auto reason = happened.verdict.reason;
    decide(happened);
    const bool comes_back = !std::holds_alternative<reconnect_action::stop>(next_);
    const bool too_large = why.is(errc::connection_closed) && why.details.close_code == 1009u;
    lost(reason, std::move(why), unconfirmed, comes_back);
    if (too_large && active_layer()) active_layer()->on_answer_too_large(queue_->largest_answer());
}

void websocket_manager::impl::lost(loss_reason reason, error_info why, unsigned unconfirmed,
                                   bool will_reconnect) {
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   "connection lost: " + why.message + ' ' + why.details.to_string());
    board_->failed(why);
    board_->session_lost(why, reason);
    board_->enter(will_reconnect ? websocket_state::waiting : websocket_state::failed, phase::none);
    connection_lost happened;
    happened.reason = reason;
    happened.cause = std::move(why);
    happened.will_reconnect = will_reconnect;
    happened.unconfirmed = unconfirmed;
    emit(std::move(happened));
}

// A wait begins. One that is only shortened is not announced again.
void websocket_manager::impl::announce(const reconnect_action::wait& asked) {
    if (state_ == state::opening || !asked.why) return;
    reconnecting happened;
    happened.attempt = asked.attempt;
    happened.delay = asked.delay;
    happened.cause = *asked.why;
    emit(std::move(happened));
}

void websocket_manager::impl::fail(error_info why) {
    describe(why, 0);
    ended_with_ = std::make_shared<const error_info>(why);
    const bool told = state_ == state::open;
    state_ = state::ending;
    board_->failed(why);
    board_->enter(websocket_state::failed, phase::none);
    queue_->drop_all(send_state::not_sent);
    board_->queued(*queue_);
    if (!told) return;
    connection_failed happened;
    happened.cause = std::move(why);
    emit(std::move(happened));
}

/// Whatever cannot be told for want of memory, afterwards nothing of the loop is left.
void websocket_manager::impl::loop_ended(const std::exception_ptr& thrown) noexcept {
    const auto layer = layer_.lock();
    if (!layer) listening_ = nullptr;
    if (thrown) {
        report(log_, thrown);
        if (active()) fail_inside();
        if (session_) session_->abort_at_once();
    }
    listening_ = nullptr;
    settle();
}

void websocket_manager::impl::fail_inside() noexcept {
    const bool told = state_ == state::open;
    state_ = state::ending;
    ended_with_ = internal_error();
    board_->enter(websocket_state::failed, phase::none);
    const auto drop = [this] {
        queue_->drop_all(send_state::not_sent);
        board_->queued(*queue_);
    };
    const auto note = [this] { board_->failed(*ended_with_); };
    const auto tell = [this] {
        connection_failed happened;
        happened.cause = *ended_with_;
        emit(std::move(happened));
    };
    take_all(log_, drop, note);
    if (!told || !active_layer()) return;
    take_all(log_, tell);
    active_layer()->on_end();
}

} // namespace parley
