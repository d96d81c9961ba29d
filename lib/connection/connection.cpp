#include "connection/connection.hpp"

#include "async/aborted.hpp"
#include "connection/connection_impl.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace parley {

namespace {

error_info disconnected() {
    return error_info(errc::disconnected, "The connection was closed by this client.");
}

error_info late() { return error_info(errc::timed_out, "The new session was not ready in time."); }

send_limits limits_of(const connection_options& options) {
    send_limits limits;
    limits.messages = options.config.limits.queue_messages;
    limits.bytes = options.config.limits.queue_bytes;
    limits.answer_lifetime = options.answer_lifetime;
    return limits;
}

} // namespace

std::shared_ptr<connection> connection::make(asio::any_io_executor strand,
                                             environment_ptr environment,
                                             connection_options options) {
    return connection_impl::make(std::move(strand), std::move(environment), std::move(options));
}

std::shared_ptr<connection_impl> connection_impl::make(asio::any_io_executor strand,
                                                       environment_ptr environment,
                                                       connection_options options) {
    return std::make_shared<connection_impl>(token(), std::move(strand), std::move(environment),
                                             std::move(options));
}

connection_impl::connection_impl(token, asio::any_io_executor strand, environment_ptr environment,
                                 connection_options options)
    : strand_(std::move(strand)), environment_(std::move(environment)),
      clock_(environment_->clock()), options_(std::move(options)),
      url_(server_url::parse(options_.server_url, options_.config.allow_plaintext)),
      transports_(environment_->make_transports(options_.config)),
      log_(options_.log, options_.log_threshold), board_(std::make_shared<status_board>()),
      queue_(std::make_shared<send_queue>(limits_of(options_))),
      tasks_(strand_, clock_,
             [log = log_](const std::exception_ptr& error) {
                 try {
                     std::rethrow_exception(error);
                 } catch (const std::exception& thrown) {
                     log.write(log_level::error, thrown.what());
                 }
             }),
      changed_(strand_, clock_), fsm_(options_.config.reconnect) {}

connection_impl::~connection_impl() {
    if (link_) link_->detach();
    for (const auto& one : retired_)
        one->detach();
}

bool connection_impl::ready() const { return session_ready_ && link_ && !link_->ended(); }

// --- from nothing to a ready session

awaitable<void> connection_impl::open(time_point deadline) {
    return open(std::static_pointer_cast<connection_impl>(shared_from_this()), deadline);
}

awaitable<void> connection_impl::open(self_ptr self, time_point deadline) {
    if (self->closing_ && !self->closing_->done()) {
        const auto closing = self->closing_;
        co_await closing->join();
    }
    if (self->running_) co_await rejoin(self, deadline);
    if (self->ready()) co_return;
    auto layer = self->layer_.lock();
    if (!layer || self->stop_ == stop::abandoned) throw_aborted();

    self->running_ = self->opening_ = true;
    self->was_ready_ = self->requested_ = self->network_changed_ = false;
    self->ended_with_.reset();
    self->tried_.reset();
    self->opening_deadline_ = deadline;
    self->attempt_limit_ = deadline - self->now();
    self->listening_ = layer.get();
    self->stage_ = stage::idle;
    self->tasks_.spawn([self, layer = std::move(layer)] { return drive(self, layer); });
    layer.reset();
    bool cancelled = false;
    try {
        while (self->running_ && !self->was_ready_)
            co_await self->changed_.wait_until();
    } catch (const boost::system::system_error&) {
        cancelled = true;
    }
    // It may be lost again by now: then the events tell, and it is on its way back.
    if (self->was_ready_) co_return;
    if (cancelled) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (self->stop_ == stop::none) self->halt(stop::given_up);
    }
    co_await wait_idle(self, time_point::max());
    self->link_.reset();
    if (self->stop_ == stop::given_up) {
        // A close that began meanwhile says itself where it ends.
        if (!self->draining_) self->board_->enter(websocket_state::idle, phase::none);
        self->stop_ = stop::none;
    }
    if (cancelled) throw_aborted();
    self->throw_ended();
}

// A session that is coming back needs no other.
awaitable<void> connection_impl::rejoin(self_ptr self, time_point deadline) {
    while (self->running_ && !self->ready() && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->running_ && !self->ready())
        throw_error(error_info(errc::timed_out, "The session did not come back in time."));
    if (!self->running_) self->throw_ended();
}

void connection_impl::throw_ended() const {
    if (stop_ == stop::abandoned) throw_aborted();
    if (stop_ == stop::closing || !ended_with_) throw_error(disconnected());
    throw_error(*ended_with_);
}

awaitable<void> connection_impl::reconnect(time_point deadline) {
    return reconnect(std::static_pointer_cast<connection_impl>(shared_from_this()), deadline);
}

awaitable<void> connection_impl::reconnect(self_ptr self, time_point deadline) {
    if (!self->coming_back() || self->draining_)
        throw_error(error_info(errc::not_connected, "There is no session to give up."));
    if (self->now() >= deadline) throw_error(late());
    const unsigned before = self->sessions_;
    // An attempt that is on is what was asked for, until its session is ready.
    if (self->stage_ != stage::dialing || self->session_ready_) self->requested_ = true;
    self->stir();
    while (self->coming_back() && self->sessions_ == before && self->now() < deadline)
        co_await self->changed_.wait_until(deadline);
    if (self->sessions_ != before) co_return;
    if (!self->coming_back()) self->throw_ended();
    throw_error(late());
}

// --- the end

awaitable<void> connection_impl::close(std::chrono::milliseconds limit) {
    const auto self = std::static_pointer_cast<connection_impl>(shared_from_this());
    if (!closing_ || closing_->done())
        closing_ =
            flight<void>::start(strand_, clock_, [self, limit] { return shut_down(self, limit); });
    return closing_->join();
}

awaitable<void> connection_impl::shut_down(self_ptr self, std::chrono::milliseconds limit) {
    const auto begun = self->now();
    const auto end = after(begun, limit);
    if (self->stop_ == stop::abandoned) co_return;
    self->draining_ = true;
    if (self->running_) self->board_->enter(websocket_state::closing, phase::closing);
    if (self->ready()) co_await drain(self, after(begun, limit / 3));
    if (self->stop_ == stop::none && self->running_) self->halt(stop::closing);
    if (self->link_) self->link_->finish(disconnected(), normal_closure, end);
    for (const auto& one : self->retired_)
        one->finish(disconnected(), normal_closure, end);
    co_await wait_idle(self, end);
    if (self->link_) self->link_->abort(disconnected());
    const auto late = self->retired_; // an abort may end it at once
    for (const auto& one : late)
        one->abort(disconnected());
    co_await wait_idle(self, time_point::max());
    self->reset_after_close();
}

void connection_impl::reset_after_close() {
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

awaitable<void> connection_impl::drain(self_ptr self, time_point until) {
    while (self->ready() && (!self->queue_->empty() || self->link_->writing()) &&
           self->now() < until)
        co_await self->changed_.wait_until(until);
}

awaitable<void> connection_impl::wait_idle(self_ptr self, time_point until) {
    while ((self->running_ || (self->link_ && !self->link_->over()) || !self->retired_.empty()) &&
           self->now() < until)
        co_await self->changed_.wait_until(until);
}

// The loop leaves at its next step; what it waits for is ended.
void connection_impl::halt(stop why) {
    stop_ = why;
    const bool polite = why == stop::closing && session_ready_;
    if (link_ && !polite) link_->abort(disconnected());
    stir();
}

void connection_impl::abandon() {
    listening_ = nullptr;
    halt(stop::abandoned);
    const auto saying_goodbye = retired_;
    for (const auto& one : saying_goodbye)
        one->abort(disconnected());
    queue_->drop_all(send_state::aborted);
    board_->queued(*queue_);
    board_->enter(websocket_state::closed, phase::none);
}

void connection_impl::notify_network_change() {
    if (ready()) return link_->probe();
    if (stage_ != stage::waiting) return;
    network_changed_ = true;
    changed_.notify_all();
}

// --- link_owner

void connection_impl::on_phase(phase step) { board_->enter(step); }

void connection_impl::on_open() {
    board_->enter(phase::session);
    if (listening_) listening_->on_open();
}

void connection_impl::on_text(std::string_view text) {
    if (listening_) listening_->on_text(text);
}

void connection_impl::on_binary(std::size_t size) {
    if (listening_) listening_->on_binary(size);
}

void connection_impl::after_read() {
    if (listening_) listening_->after_read();
}

bool connection_impl::has_room() const { return !listening_ || listening_->has_room(); }

awaitable<void> connection_impl::wait_for_room() { return wait_for_room(layer_.lock()); }

awaitable<void> connection_impl::wait_for_room(std::shared_ptr<session_layer> layer) {
    if (layer) co_await layer->wait_for_room();
}

std::string connection_impl::heartbeat() {
    return listening_ ? listening_->heartbeat() : std::string();
}

void connection_impl::on_written() {
    if (draining_) changed_.notify_all();
}

void connection_impl::on_over(const link& one) {
    std::erase_if(retired_, [&one](const auto& each) { return each.get() == &one; });
    stir();
}

} // namespace parley
