// The loop of a connection: it carries out what reconnect_fsm decides.

#include "connection/websocket_manager_impl.hpp"
#include "dialect/parley/cookies.hpp"
#include "policy/close_policy.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

namespace parley {

namespace {

// How long a session that is given up may take to say good-bye beside its successor.
constexpr std::chrono::seconds goodbye_time{2};

} // namespace

/// What the loop is at. Not in its frame, which is there while an attempt waits: an action is
/// large.
struct websocket_manager::impl::course {
    reconnect_action_t next;
    ticket held; // of the last attempt
    ticket_use used = ticket_use::held;
};

task_group& websocket_manager::impl::tasks() {
    if (!tasks_)
        tasks_ = std::make_unique<task_group>(
            strand_, clock_, [log = log_](const std::exception_ptr& error) { report(log, error); });
    return *tasks_;
}

void websocket_manager::impl::log_thrown(const std::exception_ptr& thrown) const noexcept {
    report(log_, thrown);
}

/// Never inline: whoever stirs is in the middle of something.
awaitable<void> websocket_manager::impl::resume(self_ptr self,
                                                std::shared_ptr<session_layer> layer) {
    co_await asio::post(self->strand_, asio::use_awaitable);
    std::exception_ptr thrown;
    try {
        co_await loop(self);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!thrown && self->stage_ == stage::live) co_return; // `stir` comes back to it
    self->end_loop(thrown != nullptr);
    layer.reset();
    if (thrown) std::rethrow_exception(thrown);
}

/// Whatever cannot be said for want of memory, afterwards nothing runs, and all waiters look.
void websocket_manager::impl::end_loop(bool failed) noexcept {
    if (failed && stop_ == stop::none) fail_inside();
    if (failed && link_) link_->abort_at_once();
    listening_ = nullptr;
    stage_ = stage::idle;
    running_ = false;
    changed_.notify_all();
}

void websocket_manager::impl::fail_inside() noexcept {
    const bool told = !opening_ && was_ready_;
    opening_ = was_ready_ = false;
    if (inside_) ended_with_ = std::move(inside_);
    board_->enter(websocket_state::failed, phase::none);
    const auto drop = [this] {
        queue_->drop_all(send_state::not_sent);
        board_->queued(*queue_);
    };
    const auto note = [this] {
        if (ended_with_) board_->failed(*ended_with_);
    };
    const auto tell = [this] {
        connection_failed happened;
        happened.cause = *ended_with_;
        emit(std::move(happened));
    };
    take_all(log_, drop, note);
    if (!told || !listening_ || !ended_with_) return;
    take_all(log_, tell);
    listening_->on_end();
}

/// Something has changed: whoever waits looks, and the loop, when the live session is to be left.
void websocket_manager::impl::stir() {
    changed_.notify_all();
    if (stage_ != stage::live || !leaving()) return;
    stage_ = stage::leaving;
    if (stop_ == stop::none)
        come_back();
    else
        end_loop(false);
}

void websocket_manager::impl::come_back() {
    auto layer = layer_.lock();
    if (!layer) { // nobody is left to come back for
        listening_ = nullptr;
        stop_ = stop::abandoned;
    }
    bool failed = false;
    try {
        const auto self = shared_from_this();
        tasks().spawn([self, layer = std::move(layer)] { return resume(self, layer); });
    } catch (...) { // out of memory
        log_thrown(std::current_exception());
        failed = true;
    }
    if (failed) end_loop(true);
}

reconnect_action_t websocket_manager::impl::decide(const reconnect_event& happened) {
    auto next = fsm_.resume(now(), environment_->jitter(), happened);
    board_->attempt(fsm_.attempt());
    return next;
}

awaitable<void> websocket_manager::impl::loop(self_ptr self) {
    const bool back = std::exchange(self->stage_, stage::idle) == stage::leaving;
    const auto at = std::make_unique<course>();
    auto& next = at->next;
    next = back ? self->leave() : self->decide(reconnect_input::start{self->opening_deadline_});
    while (self->stop_ == stop::none) {
        if (const auto* dial = std::get_if<reconnect_action::dial>(&next)) {
            co_await attempt(self, at.get(), dial->attempt, dial->fresh_ticket);
        } else if (const auto* wait = std::get_if<reconnect_action::wait>(&next)) {
            self->announce(*wait);
            const auto until = wait->until;
            co_await back_off(self, at.get(), until);
        } else if (const auto* ended = std::get_if<reconnect_action::stop>(&next)) {
            self->fail(ended->why);
            break;
        } else if (back && self->leaving()) { // else `open` has its session, and sees to that
            next = self->leave();
        } else {
            self->stage_ = stage::live;
            self->network_changed_ = false;
            break;
        }
    }
}

awaitable<void> websocket_manager::impl::attempt(self_ptr self, course* at, unsigned number,
                                                 bool fresh) {
    self->stage_ = stage::dialing;
    self->requested_ = false; // this is what was asked for
    self->board_->enter(self->opening_ ? websocket_state::connecting
                                       : websocket_state::reconnecting,
                        phase::ticket);
    at->next = reconnect_action::stay();
    const auto deadline =
        self->opening_ ? self->opening_deadline_ : after(self->now(), self->attempt_limit_);
    bool dialing = false;
    if (auto held = self->ticket_at_hand(fresh)) {
        at->used = ticket_use::held;
        dialing = self->begin_attempt(at, number, std::move(*held), deadline);
    } else {
        dialing = co_await fetch_and_begin(self, at, number, fresh, deadline);
    }
    if (!dialing) co_return;
    while (self->stop_ == stop::none && !self->session_ready_ && !self->link_->over())
        co_await self->changed_.wait_until();
    if (self->link_->asked()) self->tried_ = at->held;
    if (self->stop_ != stop::none) co_return;
    if (self->session_ready_) {
        at->next = reconnect_action::run();
        co_return;
    }
    const auto ended = self->release_link();
    at->next = self->attempt_failed(ended->reason(), number, at->used);
}

awaitable<bool> websocket_manager::impl::fetch_and_begin(self_ptr self, course* at, unsigned number,
                                                         bool fresh, time_point deadline) {
    auto got = co_await fetch_ticket(self, fresh, deadline);
    at->used = self->use_of(got, at->held, fresh);
    co_return self->begin_attempt(at, number, std::move(got), deadline);
}

// Dials. False: it has failed, or is not to be.
bool websocket_manager::impl::begin_attempt(course* at, unsigned number, result<ticket> held,
                                            time_point deadline) {
    if (stop_ != stop::none) return false;
    if (held && held->empty()) held = error_info(errc::empty_ticket, "The ticket is empty.");
    if (!held) {
        at->next = attempt_failed(held.error(), number, ticket_use::none);
        return false;
    }
    at->held = std::move(*held);
    dial(at->held, deadline);
    return true;
}

void websocket_manager::impl::dial(const ticket& held, time_point deadline) {
    gate_->remember(cookies::secrets_of(held));
    link_parts parts;
    parts.strand = strand_;
    parts.clock = clock_;
    parts.queue = queue_;
    parts.board = board_;
    auto limits = liveness_limits::of(*config_);
    limits.opening_waits = !opening_; // an init has its deadline, whatever holds it up
    parts.on_error = [log = log_](const std::exception_ptr& error) { report(log, error); };
    // Whatever may throw comes first: a link that is ours must have begun, to end.
    auto request = std::make_shared<connect_request>(url_, held);
    link_ = link::make(std::move(parts), limits, *this, *transports_, deadline);
    link_->start(std::move(request));
}

std::shared_ptr<link> websocket_manager::impl::release_link() {
    session_ready_ = false;
    queue_->end_session(now());
    board_->queued(*queue_);
    return std::exchange(link_, nullptr);
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
                   "reconnect.classify threw something that is no std::exception");
    }
    return by_table;
}

reconnect_action_t websocket_manager::impl::attempt_failed(error_info why, unsigned number,
                                                           ticket_use used) {
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
    failed.why = std::move(why);
    failed.used = used;
    return decide(failed);
}

// The live session is over, or to be given up: its own end, once begun, comes before a request, and
// so does ours.
bool websocket_manager::impl::leaving() const {
    return stop_ != stop::none || link_->over() || (requested_ && !draining_ && !link_->ended());
}

reconnect_action_t websocket_manager::impl::leave() {
    // A close that drains has nothing to come back to, and reports nothing.
    if (stop_ == stop::none && draining_) halt(stop::closing);
    if (stop_ != stop::none) return reconnect_action::stay();
    auto ended = release_link();
    if (ended->over()) return session_ended(*ended);
    error_info why(errc::disconnected, "The session was given up for a new one.");
    describe(why, 0);
    retired_.push_back(ended);
    ended->finish(why, normal_closure, after(now(), goodbye_time));
    auto next = decide(reconnect_input::requested());
    const auto unconfirmed = take_unconfirmed();
    lost(loss_reason::requested, std::move(why), unconfirmed, true);
    return next;
}

unsigned websocket_manager::impl::take_unconfirmed() const {
    return listening_ ? listening_->take_unconfirmed() : 0;
}

reconnect_action_t websocket_manager::impl::session_ended(const link& ended) {
    auto why = ended.reason();
    describe(why, 0);
    const auto unconfirmed = take_unconfirmed();
    reconnect_input::lost happened;
    happened.verdict = verdict_on(why, true);
    happened.why = why;
    happened.quiet = unconfirmed == 0 && ended.was_quiet() && may_be_idle_timeout(why);
    const auto reason = happened.verdict.reason;
    auto next = decide(happened);
    const bool comes_back = !std::holds_alternative<reconnect_action::stop>(next);
    const bool too_large = why.is(errc::connection_closed) && why.details.close_code == 1009u;
    lost(reason, std::move(why), unconfirmed, comes_back);
    if (too_large && listening_) listening_->on_answer_too_large(queue_->largest_answer());
    return next;
}

void websocket_manager::impl::lost(loss_reason reason, error_info why, unsigned unconfirmed,
                                   bool will_reconnect) {
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   "connection lost: " + why.message + ' ' + why.details.to_string());
    board_->failed(why);
    board_->enter(will_reconnect ? websocket_state::waiting : websocket_state::failed, phase::none);
    connection_lost happened;
    happened.reason = reason;
    happened.cause = std::move(why);
    happened.will_reconnect = will_reconnect;
    happened.unconfirmed = unconfirmed;
    emit(std::move(happened));
}

// A wait begins, or is shortened, which nobody is told again.
void websocket_manager::impl::announce(const reconnect_action::wait& asked) {
    if (opening_ || announced_ == asked.attempt) return;
    announced_ = asked.attempt;
    reconnecting happened;
    happened.attempt = asked.attempt;
    happened.delay = asked.delay;
    happened.cause = asked.why;
    emit(std::move(happened));
}

awaitable<void> websocket_manager::impl::back_off(self_ptr self, course* at, time_point until) {
    at->next = reconnect_action::stay();
    self->stage_ = stage::waiting;
    self->board_->enter(self->opening_ ? websocket_state::connecting : websocket_state::waiting,
                        phase::none);
    self->board_->retry_at(until);
    while (self->stop_ == stop::none && self->now() < until) {
        const bool requested = std::exchange(self->requested_, false);
        const bool changed = std::exchange(self->network_changed_, false);
        if (requested || changed) {
            at->next = self->decide(reconnect_input::network_changed());
            if (!std::holds_alternative<reconnect_action::stay>(at->next)) co_return;
        }
        co_await self->changed_.wait_until(until);
    }
    if (self->stop_ == stop::none) at->next = self->decide(reconnect_input::elapsed());
}

void websocket_manager::impl::fail(error_info why) {
    describe(why, 0);
    ended_with_ = std::make_unique<const error_info>(why);
    const bool told = !opening_ && was_ready_;
    opening_ = false;
    was_ready_ = false;
    board_->failed(why);
    board_->enter(websocket_state::failed, phase::none);
    queue_->drop_all(send_state::not_sent);
    board_->queued(*queue_);
    if (!told) return;
    connection_failed happened;
    happened.cause = std::move(why);
    emit(std::move(happened));
}

} // namespace parley
