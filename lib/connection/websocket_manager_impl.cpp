#include "connection/websocket_manager_impl.hpp"

#include <parley/detail/on_strand.hpp>

#include "async/asio_errors.hpp"
#include "core/late_error.hpp"
#include "dialect/parley/endpoints.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace parley {

namespace {

// How long a session that the layer has ended may take to close.
constexpr std::chrono::seconds layer_close{1};

error_info disconnected() {
    return error_info(errc::disconnected, "The connection was closed by this client.");
}

send_limits limits_of(const limits_config& config, std::chrono::milliseconds answer_lifetime) {
    send_limits limits;
    limits.messages = config.queue_messages;
    limits.bytes = config.queue_bytes;
    limits.answer_lifetime = answer_lifetime;
    return limits;
}

} // namespace

websocket_manager::impl::impl(asio::any_io_executor strand, environment_ptr environment,
                              connection_options options)
    : strand_(std::move(strand)), environment_(std::move(environment)),
      clock_(environment_->clock()),
      config_(std::make_shared<const connection_config>(std::move(options.config))),
      gate_(options.gate ? std::move(options.gate) : std::make_shared<redactor>()),
      url_(parse_server_url(options.server_url, config_->allow_plaintext)),
      transports_(environment_->make_transports(config_)), log_(options.log, options.log_threshold),
      board_(std::make_shared<status_board>()),
      queue_(std::make_shared<send_queue>(limits_of(config_->limits, options.answer_lifetime))),
      changed_(strand_, clock_), fsm_(config_->reconnect) {}

websocket_manager::impl::~impl() {
    if (session_) session_->detach();
    for (const auto& one : superseded_)
        one->detach();
}

/// Ends the state of a `close` however it ends.
class websocket_manager::impl::closing_guard {
public:
    explicit closing_guard(impl& of) : of_(of) {}
    closing_guard(const closing_guard&) = delete;
    closing_guard& operator=(const closing_guard&) = delete;
    ~closing_guard() {
        if (!of_.being_closed()) return;
        of_.state_ = state::ending;
        of_.settle();
    }

private:
    impl& of_;
};

bool websocket_manager::impl::ready() const { return fsm_.ready() && session_ && session_->live(); }

// --- from nothing to a ready session

awaitable<void> websocket_manager::impl::open(time_point deadline) {
    return open(shared_from_this(), deadline);
}

awaitable<void> websocket_manager::impl::open(self_ptr self, time_point deadline) {
    const auto ending = [](const impl& of) {
        return of.state_ == state::ending || of.being_closed();
    };
    while (ending(*self) && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (ending(*self)) throw_error(self->late("The previous session did not end in time."));
    if (self->state_ == state::open) {
        co_await await_return(self, deadline);
        co_return;
    }
    auto layer = self->layer_.lock();
    if (!layer || self->state_ == state::abandoned) throw_aborted();
    const unsigned before = self->sessions_;
    if (self->state_ == state::idle) self->start_loop(std::move(layer), deadline);
    layer.reset();
    co_await await_opening(self, before);
}

void websocket_manager::impl::start_loop(std::shared_ptr<session_layer> layer,
                                         time_point deadline) {
    if (url_.loopback() && !config_->proxy.empty())
        log_.write(log_level::info, "the server is on this machine: the proxy is not used for it");
    internal_error_ = std::make_unique<error_info>(errc::connection_reset,
                                                   "The connection failed inside the client.");
    describe(*internal_error_, 0);
    dial_now_ = false;
    ended_with_.reset();
    held_ = ticket();
    tried_.reset();
    opening_deadline_ = deadline;
    attempt_limit_ = time_between(now(), deadline);
    listening_ = layer.get();
    state_ = state::opening;
    std::exception_ptr thrown;
    try {
        asio::co_spawn(strand_, reconnect_loop(shared_from_this(), std::move(layer), deadline),
                       [self = shared_from_this()](const std::exception_ptr& failed) {
                           self->loop_ended(failed);
                       });
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) loop_ended(thrown);
}

awaitable<void> websocket_manager::impl::await_opening(self_ptr self, unsigned before) {
    std::exception_ptr cancelled;
    ++self->openers_;
    try {
        while (self->state_ == state::opening)
            co_await self->changed_.wait_until();
    } catch (...) {
        cancelled = std::current_exception();
    }
    --self->openers_;
    // It may be lost again by now: then the loop reconnects, and the events tell.
    if (self->sessions_ != before) co_return;
    if (cancelled) {
        if (self->openers_ > 0) std::rethrow_exception(cancelled);
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (self->state_ == state::opening) {
            self->end_loop(state::ending);
            self->board_->enter(websocket_state::idle, phase::none);
        }
    }
    while (self->state_ == state::ending)
        co_await self->changed_.wait_until();
    if (cancelled) std::rethrow_exception(cancelled);
    self->throw_ended();
}

void websocket_manager::impl::session_ready() {
    if (!session_ || !session_->opening() || !active()) return;
    const bool restored = std::exchange(state_, state::open) == state::open;
    ++sessions_;
    announced_ = 0;
    decide(reconnect_input::ready());
    board_->enter(websocket_state::ready, phase::ready);
    session_->become_ready(fsm_.heartbeat_interval(config_->heartbeat.interval));
    changed_.notify_all();
    log_.write(log_level::info, restored ? "the session is ready again" : "the session is ready");
    if (restored) emit(connection_restored());
}

void websocket_manager::impl::end_session(error_info why) {
    if (!session_ || !session_->live()) return;
    auto until = after(now(), layer_close);
    if (state_ == state::opening) until = std::min(until, opening_deadline_);
    if (why.details.phase == phase::none) why.details.phase = session_->reached();
    session_->close(std::move(why), normal_closure, until);
}

void websocket_manager::impl::session_failed(error_info why) { end_session(std::move(why)); }

void websocket_manager::impl::session_rejected(error_info why) {
    // A rejection by the layer is one whatever its code (doc/protocol.md 3.2).
    why.code = make_error_code(errc::ticket_rejected);
    end_session(std::move(why));
}

// A session that is coming back is waited for.
awaitable<void> websocket_manager::impl::await_return(self_ptr self, time_point deadline) {
    while (self->state_ == state::open && !self->ready() && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->ready()) co_return;
    if (self->state_ != state::open) self->throw_ended();
    throw_error(self->late("The session was not restored in time."));
}

void websocket_manager::impl::throw_ended() const {
    if (state_ == state::abandoned) throw_aborted();
    if (being_closed() || !ended_with_) throw_error(disconnected());
    throw_error(*ended_with_);
}

awaitable<void> websocket_manager::impl::reconnect(time_point deadline) {
    return reconnect(shared_from_this(), deadline);
}

awaitable<void> websocket_manager::impl::reconnect(self_ptr self, time_point deadline) {
    if (self->state_ != state::open)
        throw_error(
            error_info(errc::not_connected, "There is no session to replace: call init first."));
    constexpr std::string_view not_ready = "The new session was not ready in time.";
    if (self->now() >= deadline) throw_error(self->late(not_ready));
    const unsigned before = self->sessions_;
    // An attempt that is under way serves the request until its session is ready.
    if (self->fsm_.ready() || self->fsm_.waiting()) self->dial_now_ = true;
    self->changed_.notify_all();
    while (self->state_ == state::open && self->sessions_ == before && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->sessions_ != before) co_return;
    if (self->state_ != state::open) self->throw_ended();
    throw_error(self->late(not_ready));
}

error_info websocket_manager::impl::late(std::string_view sentence) const {
    error_info why(errc::timed_out, std::string(sentence));
    const auto* failed = fsm_.last_failure();
    return failed ? out_of_time(std::move(why), *failed) : why;
}

// --- the end

awaitable<void> websocket_manager::impl::close(std::chrono::milliseconds limit) {
    return close(shared_from_this(), limit);
}

awaitable<void> websocket_manager::impl::close(self_ptr self, std::chrono::milliseconds limit) {
    const auto begun = self->now();
    const auto end = after(begun, limit);
    if (self->state_ == state::abandoned) co_return;
    if (self->being_closed()) { // by another call
        while (self->being_closed() && self->now() < end)
            co_await self->changed_.wait_until(end);
        co_return;
    }
    const closing_guard guard(*self);
    if (self->listening_) self->board_->enter(websocket_state::closing, phase::closing);
    if (self->ready() && self->unsent()) co_await drain(self, after(begun, limit / 3));
    if (self->state_ != state::abandoned) self->end_loop(state::closing);
    if (self->session_) self->session_->close(disconnected(), normal_closure, end);
    for (const auto& one : self->superseded_)
        one->close(disconnected(), normal_closure, end);
    while (!(self->idle() && self->superseded_.empty()) && self->now() < end)
        co_await self->changed_.wait_until(end);
    if (self->session_ && !self->session_->over()) self->session_->abort(disconnected());
    self->abort_superseded();
    while (!(self->idle() && self->superseded_.empty()))
        co_await self->changed_.wait_until();
    self->session_.reset();
    const bool gone = self->state_ == state::abandoned;
    if (!gone) self->state_ = state::idle;
    self->queue_->drop_all(gone ? send_state::aborted : send_state::not_sent);
    self->board_->queued(*self->queue_);
    self->board_->enter(websocket_state::closed, phase::none);
    self->changed_.notify_all();
}

awaitable<void> websocket_manager::impl::drain(self_ptr self, time_point until) {
    self->state_ = state::draining;
    self->changed_.notify_all(); // a reconnect is not waited for any more
    while (self->ready() && self->unsent() && self->now() < until)
        co_await self->changed_.wait_until(until);
}

// The loop ends at its next step; the operation that it waits for is ended.
void websocket_manager::impl::end_loop(state as) {
    auto reason = disconnected(); // first: it may throw, and nothing has changed yet
    const bool polite = as == state::closing && fsm_.ready();
    state_ = as;
    if (asking_) asking_->abandon(detail::aborted());
    if (session_ && !polite) session_->abort(std::move(reason));
    changed_.notify_all();
}

/// Something has ended: perhaps it was the last that ran.
void websocket_manager::impl::settle() noexcept {
    if (state_ == state::ending && idle()) {
        take_all(log_, [this] { release_session(); }); // its control frames are not the next one's
        state_ = state::idle;
    }
    changed_.notify_all();
}

/// Those that are closing, whose reason is known. An abort may end one at once.
void websocket_manager::impl::abort_superseded() noexcept {
    for (std::size_t at = 0; at < superseded_.size();) {
        const auto one = superseded_[at];
        one->abort_at_once();
        if (at < superseded_.size() && superseded_[at] == one) ++at;
    }
}

void websocket_manager::impl::abandon() {
    state_ = state::abandoned;
    if (asking_) asking_->abandon(detail::aborted());
    if (session_) session_->abort_at_once(); // no caller is left to read the reason
    abort_superseded();
    const auto drop = [this] {
        queue_->drop_all(send_state::aborted);
        board_->queued(*queue_);
        board_->enter(websocket_state::closed, phase::none);
    };
    take_all(log_, drop);
    changed_.notify_all();
}

void websocket_manager::impl::notify_network_change() {
    if (ready()) return session_->probe();
    if (!active() || !fsm_.waiting()) return;
    dial_now_ = true;
    changed_.notify_all();
}

void websocket_manager::impl::emit(connection_event happened) {
    if (active_layer()) active_layer()->on_connection_event(std::move(happened));
}

void websocket_manager::impl::describe(error_info& why, unsigned number) const {
    // Where a ticket was asked for, its source alone knows.
    const bool of_ticket = why.details.phase == phase::ticket;
    if (why.details.url.empty() && !of_ticket) why.details.url = websocket_text(url_);
    why = gate_->clean(std::move(why)); // text of the peer, a source or a library
    if (number > 0 && !why.details.attempt) why.details.attempt = number;
}

// --- session_owner

void websocket_manager::impl::on_written() {
    if (state_ == state::draining) changed_.notify_all();
}

void websocket_manager::impl::on_over(const session& one) {
    const auto hand_up = [this] { // here the layer may be gone
        if (const auto above = active_layer() ? layer_.lock() : nullptr) above->after_read();
    };
    take_all(log_, hand_up);
    std::erase_if(superseded_, [&one](const auto& each) { return each.get() == &one; });
    settle();
}

} // namespace parley
