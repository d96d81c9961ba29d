#include "connection/websocket_manager_impl.hpp"

#include <parley/detail/on_strand.hpp>

#include "async/asio_errors.hpp"
#include "core/at_exit.hpp"
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
    limits.urgent_bytes = config.queue_bytes;
    limits.answer_lifetime = answer_lifetime;
    return limits;
}

} // namespace

websocket_manager::impl::impl(asio::any_io_executor strand, environment_ptr environment,
                              connection_options options)
    : strand_(std::move(strand)), environment_(std::move(environment)),
      clock_(environment_->clock()), config_(std::move(options.config)),
      gate_(options.gate ? std::move(options.gate) : std::make_shared<redactor>()),
      url_(parse_server_url(options.server_url, config_->allow_plaintext)),
      transports_(environment_->make_transports(config_)), log_(options.log, options.log_threshold),
      board_(std::make_shared<status_board>(*clock_, telemetry::impl::of(options.telemetry))),
      queue_(std::make_shared<send_queue>(limits_of(config_->limits, options.answer_lifetime))),
      changed_(strand_, clock_), fsm_(config_->reconnect) {}

websocket_manager::impl::~impl() {
    if (session_) session_->detach();
    for (const auto& one : superseded_)
        one->detach();
}

bool websocket_manager::impl::ready() const { return fsm_.ready() && session_ && session_->live(); }

// --- from nothing to a ready session

awaitable<void> websocket_manager::impl::open(time_point deadline) {
    const auto self = shared_from_this();
    const auto ending = [](const impl& of) {
        return of.state_ == state::ending || of.being_closed();
    };
    while (ending(*this) && now() < deadline)
        co_await changed_.wait_until(deadline);
    if (ending(*this)) throw_error(late("The previous session did not end in time."));
    if (state_ == state::open) {
        co_await await_return(deadline);
        co_return;
    }
    auto layer = layer_.lock();
    if (!layer || state_ == state::abandoned) throw_aborted();
    const unsigned before = sessions_;
    if (state_ == state::idle) start_loop(std::move(layer), deadline);
    layer.reset();
    co_await await_opening(before);
}

void websocket_manager::impl::start_loop(std::shared_ptr<session_layer> layer,
                                         time_point deadline) {
    if (url_.loopback() && !config_->proxy.empty())
        log_.write(log_level::info, "the server is on this machine: the proxy is not used for it");
    internal_error(); // it may be needed when there is no memory
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
        asio::co_spawn(strand_, reconnect_loop(std::move(layer), deadline),
                       [self = shared_from_this()](const std::exception_ptr& failed) {
                           self->loop_ended(failed);
                       });
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) loop_ended(thrown);
}

awaitable<void> websocket_manager::impl::await_opening(unsigned before) {
    std::exception_ptr cancelled;
    ++openers_;
    try {
        while (state_ == state::opening)
            co_await changed_.wait_until();
    } catch (...) {
        cancelled = std::current_exception();
    }
    --openers_;
    // It may be lost again by now: then the loop reconnects, and the events tell.
    if (sessions_ != before) co_return;
    if (cancelled) {
        if (openers_ > 0) std::rethrow_exception(cancelled);
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (state_ == state::opening) {
            end_loop(state::ending);
            board_->enter(websocket_state::idle, phase::none);
        }
    }
    while (state_ == state::ending)
        co_await changed_.wait_until();
    if (cancelled) std::rethrow_exception(cancelled);
    throw_ended();
}

void websocket_manager::impl::session_ready() {
    if (!session_ || !session_->opening() || !active()) return;
    const bool restored = std::exchange(state_, state::open) == state::open;
    ++sessions_;
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
awaitable<void> websocket_manager::impl::await_return(time_point deadline) {
    while (state_ == state::open && !ready() && now() < deadline)
        co_await changed_.wait_until(deadline);
    if (ready()) co_return;
    if (state_ != state::open) throw_ended();
    throw_error(late("The session was not restored in time."));
}

void websocket_manager::impl::throw_ended() const {
    if (state_ == state::abandoned) throw_aborted();
    if (being_closed() || !ended_with_) throw_error(disconnected());
    throw_error(*ended_with_);
}

awaitable<void> websocket_manager::impl::reconnect(time_point deadline) {
    const auto self = shared_from_this();
    if (state_ != state::open)
        throw_error(
            error_info(errc::not_connected, "There is no session to replace: call init first."));
    constexpr std::string_view not_ready = "The new session was not ready in time.";
    if (now() >= deadline) throw_error(late(not_ready));
    const unsigned before = sessions_;
    // An attempt that is under way serves the request until its session is ready.
    if (fsm_.ready() || fsm_.waiting()) dial_now_ = true;
    changed_.notify_all();
    while (state_ == state::open && sessions_ == before && now() < deadline)
        co_await changed_.wait_until(deadline);
    if (sessions_ != before) co_return;
    if (state_ != state::open) throw_ended();
    throw_error(late(not_ready));
}

error_info websocket_manager::impl::late(std::string_view sentence) const {
    error_info why(errc::timed_out, std::string(sentence));
    const auto* failed = fsm_.last_failure();
    return failed ? out_of_time(std::move(why), *failed) : why;
}

// --- the end

awaitable<void> websocket_manager::impl::close(std::chrono::milliseconds limit) {
    const auto self = shared_from_this();
    const auto begun = now();
    const auto end = after(begun, limit);
    if (state_ == state::abandoned) co_return;
    if (being_closed()) { // by another call
        while (being_closed() && now() < end)
            co_await changed_.wait_until(end);
        co_return;
    }
    const at_exit closed([this] {
        if (!being_closed()) return;
        state_ = state::ending;
        settle();
    });
    if (listening_) board_->enter(websocket_state::closing, phase::closing);
    if (ready() && unsent()) co_await drain(after(begun, limit / 3));
    if (state_ != state::abandoned) end_loop(state::closing);
    if (session_) session_->close(disconnected(), normal_closure, end);
    for (const auto& one : superseded_)
        one->close(disconnected(), normal_closure, end);
    while (!(idle() && superseded_.empty()) && now() < end)
        co_await changed_.wait_until(end);
    if (session_ && !session_->over()) session_->abort(disconnected());
    abort_superseded();
    while (!(idle() && superseded_.empty()))
        co_await changed_.wait_until();
    session_.reset();
    const bool gone = state_ == state::abandoned;
    if (!gone) state_ = state::idle;
    queue_->drop_all(gone ? send_state::aborted : send_state::not_sent);
    board_->queued(*queue_);
    board_->enter(websocket_state::closed, phase::none);
    changed_.notify_all();
}

awaitable<void> websocket_manager::impl::drain(time_point until) {
    state_ = state::draining;
    changed_.notify_all(); // a reconnect is not waited for any more
    while (ready() && unsent() && now() < until)
        co_await changed_.wait_until(until);
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
