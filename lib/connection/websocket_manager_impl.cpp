#include "connection/websocket_manager_impl.hpp"

#include "async/asio_errors.hpp"
#include "core/late_error.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace parley {

namespace {

// How long a session that never became ready may take to say good-bye.
constexpr std::chrono::seconds short_goodbye{1};

error_info disconnected() {
    return error_info(errc::disconnected, "The connection was closed by this client.");
}

/// That a close is under way, however it ends.
class draining_mark {
public:
    explicit draining_mark(bool& flag) : flag_(flag) { flag_ = true; }
    draining_mark(const draining_mark&) = delete;
    draining_mark& operator=(const draining_mark&) = delete;
    ~draining_mark() { flag_ = false; }

private:
    bool& flag_;
};

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
      url_(server_url::parse(options.server_url, config_->allow_plaintext)),
      transports_(environment_->make_transports(config_)), log_(options.log, options.log_threshold),
      board_(std::make_shared<status_board>()),
      queue_(std::make_shared<send_queue>(limits_of(config_->limits, options.answer_lifetime))),
      changed_(strand_, clock_), fsm_(config_->reconnect) {}

websocket_manager::impl::~impl() {
    if (link_) link_->detach();
    for (const auto& one : retired_)
        one->detach();
}

bool websocket_manager::impl::ready() const { return session_ready_ && link_ && !link_->ended(); }

// --- from nothing to a ready session

awaitable<void> websocket_manager::impl::open(time_point deadline) {
    return open(shared_from_this(), deadline);
}

awaitable<void> websocket_manager::impl::open(self_ptr self, time_point deadline) {
    while (self->draining_ && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->running_) co_await rejoin(self, deadline);
    if (self->ready()) co_return;
    auto layer = self->layer_.lock();
    if (!layer || self->stop_ == stop::abandoned) throw_aborted();
    if (self->url_.loopback() && !self->config_->proxy.empty())
        self->log_.write(log_level::info,
                         "the server is on this machine: the proxy is not used for it");

    self->inside_ = std::make_unique<error_info>(errc::connection_reset,
                                                 "The connection failed inside the client.");
    self->describe(*self->inside_, 0);
    self->running_ = self->opening_ = true;
    self->was_ready_ = self->requested_ = self->network_changed_ = false;
    self->ended_with_.reset();
    self->tried_.reset();
    self->opening_deadline_ = deadline;
    self->attempt_limit_ = time_between(self->now(), deadline);
    self->listening_ = layer.get();
    self->stage_ = stage::idle;
    std::exception_ptr thrown;
    try {
        co_await loop(self);
    } catch (...) {
        thrown = std::current_exception();
    }
    // It may be lost again by now: then the events tell, and it is on its way back.
    if (!thrown && self->stage_ == stage::live) {
        self->stir();
        co_return;
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const bool cancelled = thrown && cancellation.cancelled() != asio::cancellation_type::none;
    if (cancelled) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (self->stop_ == stop::none) self->halt(stop::given_up);
    } else if (thrown) {
        self->log_thrown(thrown);
    }
    self->end_loop(thrown && !cancelled);
    layer.reset();
    if (self->was_ready_) co_return;
    while (!self->idle())
        co_await self->changed_.wait_until();
    self->release_link(); // what it had to say of itself is not the next one's
    if (self->stop_ == stop::given_up) {
        // A close that began meanwhile says itself where it ends.
        if (!self->draining_) self->board_->enter(websocket_state::idle, phase::none);
        self->stop_ = stop::none;
    }
    if (cancelled) throw_aborted();
    self->throw_ended();
}

void websocket_manager::impl::session_ready() {
    if (!link_ || link_->ended() || session_ready_ || stop_ != stop::none) return;
    session_ready_ = true;
    const bool restored = !std::exchange(opening_, false);
    was_ready_ = true;
    ++sessions_;
    announced_ = 0;
    decide(reconnect_input::ready());
    board_->enter(websocket_state::ready, phase::ready);
    link_->session_ready(fsm_.heartbeat_interval(config_->heartbeat.interval));
    changed_.notify_all();
    log_.write(log_level::info, restored ? "the session is ready again" : "the session is ready");
    if (restored) emit(connection_restored());
}

void websocket_manager::impl::end_session(error_info why) {
    if (!link_ || link_->ended()) return;
    auto until = after(now(), short_goodbye);
    if (opening_) until = std::min(until, opening_deadline_);
    if (why.details.phase == phase::none) why.details.phase = link_->reached();
    link_->finish(std::move(why), normal_closure, until);
}

void websocket_manager::impl::session_failed(error_info why) { end_session(std::move(why)); }

void websocket_manager::impl::session_rejected(error_info why) {
    // What the layer calls a rejection is one, whatever it says (doc/protocol.md 3.2).
    why.code = make_error_code(errc::ticket_rejected);
    end_session(std::move(why));
}

// A session that is coming back needs no other.
awaitable<void> websocket_manager::impl::rejoin(self_ptr self, time_point deadline) {
    while (self->running_ && !self->ready() && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->running_ && !self->ready())
        throw_error(self->late("The session did not come back in time."));
    if (!self->running_) self->throw_ended();
}

void websocket_manager::impl::throw_ended() const {
    if (stop_ == stop::abandoned) throw_aborted();
    if (stop_ == stop::closing || !ended_with_) throw_error(disconnected());
    throw_error(*ended_with_);
}

awaitable<void> websocket_manager::impl::reconnect(time_point deadline) {
    return reconnect(shared_from_this(), deadline);
}

awaitable<void> websocket_manager::impl::reconnect(self_ptr self, time_point deadline) {
    if (!self->coming_back() || self->draining_)
        throw_error(
            error_info(errc::not_connected, "There is no session to give up: call init first."));
    constexpr std::string_view not_ready = "The new session was not ready in time.";
    if (self->now() >= deadline) throw_error(self->late(not_ready));
    const unsigned before = self->sessions_;
    // An attempt that is on is what was asked for, until its session is ready.
    if (self->stage_ != stage::dialing || self->session_ready_) self->requested_ = true;
    self->stir();
    while (self->coming_back() && self->sessions_ == before && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->sessions_ != before) co_return;
    if (!self->coming_back()) self->throw_ended();
    throw_error(self->late(not_ready));
}

error_info websocket_manager::impl::late(std::string_view sentence) const {
    error_info why(errc::timed_out, std::string(sentence));
    const auto* failed = fsm_.last_failure();
    return failed ? out_of_time(std::move(why), *failed) : why;
}

// --- the end

awaitable<void> websocket_manager::impl::close(std::chrono::milliseconds limit) {
    return shut_down(shared_from_this(), limit);
}

awaitable<void> websocket_manager::impl::shut_down(self_ptr self, std::chrono::milliseconds limit) {
    const auto begun = self->now();
    const auto end = after(begun, limit);
    if (self->stop_ == stop::abandoned) co_return;
    if (self->draining_) { // somebody else is at it
        while (self->draining_ && self->now() < end)
            co_await self->changed_.wait_until(end);
        co_return;
    }
    const draining_mark mark(self->draining_);
    if (self->running_) self->board_->enter(websocket_state::closing, phase::closing);
    if (self->ready() && self->unsent()) co_await drain(self, after(begun, limit / 3));
    if (self->stop_ == stop::none && self->running_) self->halt(stop::closing);
    if (self->link_) self->link_->finish(disconnected(), normal_closure, end);
    for (const auto& one : self->retired_)
        one->finish(disconnected(), normal_closure, end);
    while (!self->idle() && self->now() < end)
        co_await self->changed_.wait_until(end);
    if (self->link_ && !self->link_->over()) self->link_->abort(disconnected());
    self->abort_retired();
    while (!self->idle())
        co_await self->changed_.wait_until();
    self->reset_after_close();
}

void websocket_manager::impl::reset_after_close() {
    link_.reset();
    draining_ = false;
    was_ready_ = opening_ = session_ready_ = false;
    const bool gone = stop_ == stop::abandoned;
    if (!gone) stop_ = stop::none;
    queue_->drop_all(gone ? send_state::aborted : send_state::not_sent);
    board_->queued(*queue_);
    board_->enter(websocket_state::closed, phase::none);
    changed_.notify_all();
}

awaitable<void> websocket_manager::impl::drain(self_ptr self, time_point until) {
    while (self->ready() && self->unsent() && self->now() < until)
        co_await self->changed_.wait_until(until);
}

bool websocket_manager::impl::idle() const {
    return !running_ && (!link_ || link_->over()) && retired_.empty();
}

// The loop leaves at its next step; what it waits for is ended.
void websocket_manager::impl::halt(stop why) {
    auto reason = disconnected(); // first: what has been decided is seen through
    stop_ = why;
    const bool polite = why == stop::closing && session_ready_;
    if (link_ && !polite) link_->abort(std::move(reason));
    stir();
}

/// Those that still say good-bye, whose reason is known. An abort may end one at once.
void websocket_manager::impl::abort_retired() noexcept {
    for (std::size_t at = 0; at < retired_.size();) {
        const auto one = retired_[at];
        one->abort_at_once();
        if (at < retired_.size() && retired_[at] == one) ++at;
    }
}

void websocket_manager::impl::abandon() {
    listening_ = nullptr;
    stop_ = stop::abandoned;
    if (link_) link_->abort_at_once(); // nobody is left who would ask why
    abort_retired();
    const auto leave = [this] { stir(); };
    const auto drop = [this] {
        queue_->drop_all(send_state::aborted);
        board_->queued(*queue_);
        board_->enter(websocket_state::closed, phase::none);
    };
    take_all(log_, leave, drop);
}

void websocket_manager::impl::notify_network_change() {
    if (ready()) return link_->probe();
    if (stage_ != stage::waiting) return;
    network_changed_ = true;
    changed_.notify_all();
}

void websocket_manager::impl::emit(connection_event happened) {
    if (listening_) listening_->on_connection_event(std::move(happened));
}

void websocket_manager::impl::describe(error_info& why, unsigned number) const {
    // Where a ticket was asked for, its source alone knows.
    const bool of_ticket = why.details.phase == phase::ticket;
    if (why.details.url.empty() && !of_ticket) why.details.url = url_.websocket_text();
    why = gate_->clean(std::move(why)); // whatever the peer, a source or a library has said
    if (number > 0 && !why.details.attempt) why.details.attempt = number;
}

// --- link_owner

void websocket_manager::impl::on_phase(phase step) { board_->enter(step); }

void websocket_manager::impl::on_open() {
    board_->enter(phase::session);
    if (listening_) listening_->on_open();
}

void websocket_manager::impl::on_text(std::string_view text) {
    if (listening_) listening_->on_text(text);
}

void websocket_manager::impl::on_binary(std::size_t size) {
    if (listening_) listening_->on_binary(size);
}

void websocket_manager::impl::after_read() {
    if (listening_) listening_->after_read();
    if (changed_.has_waiters()) go_on_at_once(); // an attempt whose session is ready
}

bool websocket_manager::impl::has_room() const { return !listening_ || listening_->has_room(); }

awaitable<void> websocket_manager::impl::wait_for_room() { return wait_for_room(layer_.lock()); }

awaitable<void> websocket_manager::impl::wait_for_room(std::shared_ptr<session_layer> layer) {
    if (layer) co_await layer->wait_for_room();
}

std::string websocket_manager::impl::heartbeat() {
    return listening_ ? listening_->heartbeat() : std::string();
}

void websocket_manager::impl::on_written() {
    if (draining_) changed_.notify_all();
}

void websocket_manager::impl::on_over(const link& one) {
    const auto hand_up = [this] { // if it was not to be heard any more; here it may be gone
        if (const auto layer = listening_ ? layer_.lock() : nullptr) layer->after_read();
    };
    take_all(log_, hand_up);
    std::erase_if(retired_, [&one](const auto& each) { return each.get() == &one; });
    stir();
    if (!running_) go_on_at_once(); // who closes; else this may be within the loop
}

void websocket_manager::impl::go_on_at_once() {
    condition::run_notified({shared_from_this(), &changed_});
}

} // namespace parley
