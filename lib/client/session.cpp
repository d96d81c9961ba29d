// Opening and closing the session.

#include "async/asio_errors.hpp"
#include "async/call_on_strand.hpp"
#include "client/chat_client_impl.hpp"
#include "core/at_exit.hpp"
#include "dialect/parley/cookies.hpp"
#include "dialect/parley/encoder.hpp"

#include <exception>
#include <utility>
#include <variant>

namespace parley {

error_info chat_client::impl::disconnected() {
    return error_info(errc::disconnected, "The client was disconnected.");
}

void chat_client::impl::check_alive() const {
    if (state_ == state::destroyed) throw_aborted();
}

awaitable<void> chat_client::impl::init() {
    const auto deadline = after(now(), config_.timeouts.init);
    bool waited = false; // for a reconnect, whose failure is then the failure of this call
    for (;;) {
        check_alive();
        if (waited && state_ == state::ended) throw_error(why_ended());
        if (state_ == state::closing) {
            const auto ending = disconnecting_;
            co_await ending->join();
        } else if (connection_->ready()) {
            co_return;
        } else if (initialising_ && initialising_->stopping()) {
            const auto given_up = initialising_;
            co_await given_up->wait_until(deadline);
        } else if (connection_->comes_back()) {
            if (now() >= deadline)
                throw_error(connection_->late("The session was not restored in time."));
            waited = true;
            co_await changed_.wait_until(deadline);
        } else {
            break;
        }
    }
    if (!initialising_ || initialising_->done())
        initialising_ = shared_awaitable<void>::start(
            strand_, clock_, [self = shared_from_this()] { return self->open(); });
    const auto opening = initialising_;
    co_await opening->join_or_cancel();
    if (initialising_ == opening) initialising_.reset();
}

error_info chat_client::impl::why_ended() const {
    const auto last = connection_->status();
    return last.state == websocket_state::failed && last.last_error ? *last.last_error
                                                                    : disconnected();
}

awaitable<void> chat_client::impl::open() {
    const auto deadline = after(now(), config_.timeouts.init);
    const bool again = state_ == state::ended;
    if (again) {
        state_ = state::live;
        messages_->restart();
    }
    std::exception_ptr failure;
    try {
        co_await connection_->open(deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        lose_opening();
        if (again) end_session();
        changed_.notify_all();
        // Cancelled waiters have left; the others get the reason.
        if (state_ == state::closing) throw_error(disconnected());
        std::rethrow_exception(failure);
    }
    start_renewal();
    changed_.notify_all();
}

void chat_client::impl::start_renewal() {
    if (!owns_tickets() || !config_.ticket.renew_proactively) return;
    const std::weak_ptr<impl> weak = weak_from_this();
    tickets_->on_renewal_failed([weak](const error_info& cause) {
        if (const auto self = weak.lock()) self->queue_event(ticket_renewal_failed{cause});
    });
    tickets_->start_renewal([weak](const ticket& fresh) {
        const auto self = weak.lock();
        if (!self) return;
        self->gate_->remember(cookies::secrets_of(fresh));
        ticket_renewed renewed;
        renewed.expires_in = self->tickets_->expires_in().value_or(std::chrono::milliseconds(0));
        self->queue_event(renewed);
    });
}

awaitable<void> chat_client::impl::reconnect() {
    const auto deadline = after(now(), config_.timeouts.init);
    co_await connection_->reconnect(deadline);
}

awaitable<void> chat_client::impl::refresh_ticket_and_reconnect() {
    const auto deadline = after(now(), config_.timeouts.init);
    if (state_ == state::closing) throw_error(disconnected());
    if (!connection_->ready() && !connection_->comes_back())
        throw_error(error_info(errc::not_connected, "There is no session: call init first."));
    const auto disconnecting_before = disconnecting_;
    std::exception_ptr failure;
    try {
        using options = ticket_manager::impl::get_options;
        options fresh(options::kind::fresh, time_point::max(), tally_);
        // A failure leaves the live session.
        co_await ticket_manager::impl::get(tickets_, std::move(fresh));
    } catch (...) {
        failure = std::current_exception();
    }
    // `disconnect` cancels the request in flight; this call was not cancelled.
    const bool given_up = owns_tickets() && disconnecting_ != disconnecting_before;
    if (failure && given_up && state_ != state::destroyed) throw_error(disconnected());
    if (failure) std::rethrow_exception(failure);
    co_await connection_->reconnect(deadline);
}

awaitable<void> chat_client::impl::disconnect() {
    if (!disconnecting_ || disconnecting_->done())
        disconnecting_ = shared_awaitable<void>::start(
            strand_, clock_, [self = shared_from_this()] { return self->close(); });
    const auto ending = disconnecting_;
    co_await ending->join();
}

awaitable<void> chat_client::impl::close() {
    const auto limit = config_.timeouts.disconnect;
    const auto begun = now();
    const auto why = disconnected();
    if (state_ == state::live || state_ == state::ended) state_ = state::closing;
    const at_exit closed([this] {
        if (state_ == state::closing) state_ = state::ended;
    });
    if (owns_tickets()) tickets_->stop_renewal();
    fail_asks(why);
    fail_updates(why);
    end_thread_updates();
    if (initialising_) initialising_->cancel();
    // The last answers of the tools are drained too. A tool that ignores its cancellation must not
    // delay the rest.
    if (!messages_->end_calls()) {
        const auto stopping = shared_awaitable<void>::start(
            strand_, clock_, [messages = messages_] { return messages->stop_calls(); });
        co_await stopping->wait_until(after(begun, limit / 3));
    }
    messages_->forget_answers(); // another server numbers its calls anew
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        after(begun, limit) - std::min(now(), after(begun, limit)));
    co_await connection_->close(left);
    if (initialising_) {
        const auto opening = initialising_;
        co_await opening->wait_until(time_point::max());
    }
    if (owns_tickets() && tickets_->snapshot().in_flight) {
        // No caller waits for it any more; the held ticket stays valid for the next init.
        co_await call_on_strand(tickets_, &ticket_manager::impl::give_up_refresh);
    }
    end_session();
    if (!tasks_) co_return;
    tasks_->cancel();
    co_await tasks_->join();
}

void chat_client::impl::end_session() noexcept {
    if (state_ == state::live) state_ = state::ended;
    const auto leave = [this] { lose_opening(); };
    const auto close = [this] { events().close(); };
    const auto rest = [this] {
        if (owns_tickets()) tickets_->stop_renewal();
    };
    take_all(log_, leave, close, rest);
    changed_.notify_all();
}

/// The session failed for good, even if there was no memory for the event.
void chat_client::impl::on_end() noexcept {
    if (state_ == state::ended) return;
    take_all(log_, [this] { fail_asks(disconnected()); });
    end_session();
}

void chat_client::impl::abandon() {
    state_ = state::destroyed;
    const auto leave = [this] { lose_opening(); };
    const auto hang_up = [this] { connection_->abandon(); };
    const auto end_messages = [this] { messages_->abandon(); };
    const auto end_work = [this] {
        if (tasks_) tasks_->cancel();
        if (initialising_) initialising_->cancel();
    };
    const auto end_updates = [this] { end_thread_updates(); };
    const auto end_tickets = [this] { // completes all waiters
        if (owns_tickets()) tickets_->shut_down();
    };
    take_all(log_, leave, hang_up, end_messages, end_work, end_updates, end_tickets);
    changed_.notify_all();
}

std::optional<ticket> chat_client::impl::ticket_at_hand() { return tickets_->held_ticket(); }

awaitable<ticket> chat_client::impl::next_ticket(std::optional<ticket> rejected,
                                                 time_point deadline) {
    using options = ticket_manager::impl::get_options;
    options what(options::kind::valid, deadline, tally_);
    if (rejected) what = options(rejected->value(), deadline, tally_);
    auto getting = ticket_manager::impl::get(tickets_, std::move(what));
    co_return co_await std::move(getting);
}

std::optional<error_info> chat_client::impl::ticket_trouble() const {
    return tickets_->refresh_error();
}

void chat_client::impl::on_open() {
    opening_.opened(now());
    ++openings_;
    opening_brought_events_ = false;
    watch_opening();
}

// Keeps the alarm at the deadline of the opening, which moves.
void chat_client::impl::watch_opening() {
    if (!opening_.under_way()) return opening_watch_.reset();
    if (!opening_watch_) opening_watch_ = clock_->make_alarm(strand_);
    opening_watch_->call_at(opening_.deadline(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        try {
            self->perform(self->opening_.at(self->now()));
        } catch (
            const std::exception& thrown) { // out of memory: the deadline of `open` still holds
            self->log_.write(log_level::error, thrown.what());
        }
    });
}

void chat_client::impl::perform(const opening_action_t& action) {
    if (std::holds_alternative<opening_action::configure>(action)) {
        connection_->send_control(configuration());
    } else if (std::holds_alternative<opening_action::ready>(action)) {
        ++opened_;
        // With tools the helpers went with the configuration (doc/protocol.md 2.1).
        if (!has_configuration() && config_.context_helpers.is_object())
            connection_->send_control(encode_context_helpers(config_.context_helpers));
        for (const auto& update : updates_)
            update->outcome.emplace(); // the configuration covers them
        updates_.clear();
        connection_->session_ready();
        if (std::exchange(tools_changed_, false))
            tasks().spawn([self = shared_from_this()] { return self->announce_tools(); });
        changed_.notify_all();
    } else if (const auto* rejected = std::get_if<opening_action::reject>(&action)) {
        connection_->session_rejected(rejected->why);
    } else if (const auto* failed = std::get_if<opening_action::fail>(&action)) {
        connection_->session_failed(failed->why);
    }
    watch_opening();
}

std::string chat_client::impl::heartbeat() { return encode_heartbeat_ping(clock_->wall_now()); }

void chat_client::impl::on_connection_event(connection_event happened) {
    const bool failed = std::holds_alternative<connection_failed>(happened);
    if (std::holds_alternative<connection_lost>(happened)) {
        ++lost_;
        lose_opening();
    }
    if (std::holds_alternative<reconnecting>(happened)) ++attempts_;
    if (failed) {
        fail_asks(std::get<connection_failed>(happened).cause);
        fail_updates(std::get<connection_failed>(happened).cause);
        // There is no session for answers. The events of the tools come before the last event.
        if (!messages_->end_calls())
            tasks().spawn([messages = messages_] { return messages->stop_calls(); });
    }
    std::visit([this](auto&& one) { queue_event(std::move(one)); }, std::move(happened));
    if (failed) end_session();
    changed_.notify_all();
}

} // namespace parley
