// From nothing to a ready session, and back.

#include "async/aborted.hpp"
#include "client/chat_client_impl.hpp"
#include "ticket/server_exchange.hpp"
#include "wire/encoder.hpp"

#include <exception>
#include <utility>
#include <variant>

namespace parley {

namespace {

connection_options options_of(const chat_client_config& config, secret_list secrets) {
    connection_options options;
    options.server_url = config.server_url;
    options.config = config.connection;
    options.send_timeout = config.timeouts.send;
    options.secrets = std::move(secrets);
    options.log = config.log;
    options.log_threshold = config.log_threshold;
    return options;
}

message_router_options router_options_of(const chat_client_config& config, secret_list secrets) {
    message_router_options options;
    options.tools = config.tools;
    options.limits = config.connection.limits;
    options.secrets = std::move(secrets);
    options.log = config.log;
    options.log_threshold = config.log_threshold;
    return options;
}

bool comes_back(websocket_state state) {
    return state == websocket_state::waiting || state == websocket_state::reconnecting;
}

} // namespace

chat_client::impl::impl(const asio::any_io_executor& executor, chat_client_config config,
                        std::shared_ptr<ticket_manager> shared_tickets, environment_ptr environment)
    : environment_(std::move(environment)), clock_(environment_->clock()),
      strand_(detail::strand::around(executor)), server_url_(config.server_url),
      timeouts_(config.timeouts), component_schemas_(config.component_schemas), auth_(config.auth),
      context_helpers_(config.context_helpers), log_(config.log, config.log_threshold),
      owns_tickets_(!shared_tickets),
      secrets_(std::make_shared<const std::vector<secret>>(secrets_of(config.auth))),
      connection_(connection::make(strand_, environment_, options_of(config, secrets_))),
      router_(message_router::make(strand_, environment_, router_options_of(config, secrets_))),
      events_(strand_, clock_, config.connection.limits), changed_(strand_, clock_),
      opening_(config.connection.session_timeout, timeouts_.acknowledge),
      tickets_(shared_tickets ? std::move(shared_tickets) : make_tickets(config)) {
    if (!context_helpers_.is_null() && !context_helpers_.is_object())
        throw_error(error_info(errc::invalid_configuration, "context_helpers must be an object."));
    if (!component_schemas_.is_null() && !component_schemas_.is_array())
        throw_error(error_info(errc::invalid_configuration, "component_schemas must be an array."));
    router_->add_tools(std::move(config.client_tools));
    publish_tool_names();
}

void chat_client::impl::attach() {
    connection_->attach(weak_from_this());
    router_->attach(std::weak_ptr<message_sink>(shared_from_this()));
}

std::shared_ptr<ticket_manager>
chat_client::impl::make_tickets(const chat_client_config& config) const {
    ticket_manager_options options;
    options.connection = config.connection;
    options.validate_timeout = config.timeouts.request;
    options.log = config.log;
    options.log_threshold = config.log_threshold;
    return std::make_shared<ticket_manager>(strand_, config.auth, config.server_url, config.ticket,
                                            std::move(options), environment_);
}

error_info chat_client::impl::disconnected() {
    return error_info(errc::disconnected, "The client was disconnected.");
}

void chat_client::impl::check_alive() const {
    if (gone_) throw_aborted();
}

awaitable<void> chat_client::impl::init() {
    const auto deadline = after(now(), timeouts_.init);
    bool waited = false; // for a session on its way back: its end is ours
    for (;;) {
        check_alive();
        if (waited && ended_) throw_error(why_ended());
        if (closing()) {
            const auto ending = closing_flight_;
            co_await ending->join();
        } else if (connection_->ready()) {
            co_return;
        } else if (opening_flight_ && !opening_flight_->done() && opening_given_up_) {
            const auto given_up = opening_flight_;
            co_await given_up->wait_until(deadline);
        } else if (comes_back(connection_->status().state)) {
            if (now() >= deadline)
                throw_error(error_info(errc::timed_out, "The session did not come back in time."));
            waited = true;
            co_await changed_.wait_until(deadline);
        } else {
            break;
        }
    }
    if (!opening_flight_ || opening_flight_->done()) {
        opening_given_up_ = false;
        opening_flight_ = flight<void>::start(strand_, clock_,
                                              [self = shared_from_this()] { return self->open(); });
    }
    const auto opening = opening_flight_;
    ++init_waiters_;
    std::exception_ptr failure;
    try {
        co_await opening->join();
    } catch (...) {
        failure = std::current_exception();
    }
    // Only when nobody else waits for it does a cancelled caller take the attempt with him.
    if (--init_waiters_ == 0 && !opening->done()) {
        opening_given_up_ = true;
        opening->cancel();
    }
    if (opening->done() && opening_flight_ == opening) opening_flight_.reset(); // it is large
    if (failure) std::rethrow_exception(failure);
}

error_info chat_client::impl::why_ended() const {
    const auto last = connection_->status();
    return last.state == websocket_state::failed && last.last_error ? *last.last_error
                                                                    : disconnected();
}

awaitable<void> chat_client::impl::open() {
    const auto deadline = after(now(), timeouts_.init);
    const bool again = std::exchange(ended_, false);
    if (again) {
        events_.reopen();
        router_->restart();
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
        // Who was cancelled has left; the others hear what has ended it.
        if (closing()) throw_error(disconnected());
        std::rethrow_exception(failure);
    }
    start_renewal();
    changed_.notify_all();
}

void chat_client::impl::start_renewal() {
    if (!owns_tickets_) return; // a shared manager renews as its owner has it
    const std::weak_ptr<impl> weak = weak_from_this();
    tickets_->on_renewal_failed([weak](const error_info& cause) {
        if (const auto self = weak.lock()) self->events_.push(ticket_renewal_failed{cause});
    });
    tickets_->start_proactive_renewal([weak](const ticket&) {
        const auto self = weak.lock();
        if (!self) return;
        ticket_renewed renewed;
        renewed.expires_in = self->tickets_->expires_in().value_or(std::chrono::milliseconds(0));
        self->events_.push(renewed);
    });
}

awaitable<void> chat_client::impl::reconnect() {
    const auto deadline = after(now(), timeouts_.init);
    co_await connection_->reconnect(deadline);
}

awaitable<void> chat_client::impl::refresh_ticket_and_reconnect() {
    const auto deadline = after(now(), timeouts_.init);
    if (!connection_->ready() && !comes_back(connection_->status().state))
        throw_error(error_info(errc::not_connected, "There is no session: call init first."));
    const auto before = closings_;
    std::exception_ptr failure;
    try {
        co_await tickets_->refresh_ticket(); // throws: the live session stays
    } catch (...) {
        failure = std::current_exception();
    }
    // A disconnect gives up the request that is on: nobody has cancelled this call.
    const bool given_up = owns_tickets_ && (closing() || before != closings_);
    if (failure && given_up && !gone_) throw_error(disconnected());
    if (failure) std::rethrow_exception(failure);
    co_await connection_->reconnect(deadline);
}

awaitable<void> chat_client::impl::disconnect() {
    if (!closing())
        closing_flight_ = flight<void>::start(
            strand_, clock_, [self = shared_from_this()] { return self->close(); });
    const auto ending = closing_flight_;
    co_await ending->join();
}

awaitable<void> chat_client::impl::close() {
    const auto limit = timeouts_.disconnect;
    const auto begun = now();
    const auto why = disconnected();
    ++closings_;
    if (owns_tickets_) tickets_->stop_proactive_renewal();
    fail_asks(why);
    fail_updates(why);
    end_thread_updates();
    if (opening_flight_ && !opening_flight_->done()) {
        opening_given_up_ = true;
        opening_flight_->cancel();
    }
    // The tools' last answers are drained too. One that is deaf must not hold up the rest.
    if (!router_->end_calls()) {
        const auto stopping =
            flight<void>::start(strand_, clock_, [router = router_] { return router->stop(); });
        co_await stopping->wait_until(after(begun, limit / 3));
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        after(begun, limit) - std::min(now(), after(begun, limit)));
    co_await connection_->close(left);
    if (opening_flight_) {
        const auto opening = opening_flight_;
        co_await opening->wait_until(time_point::max());
    }
    if (owns_tickets_ && tickets_->snapshot().in_flight) {
        // Nobody waits for it any more; the ticket that is held stays good for the next init.
        co_await tickets_->give_up_refresh();
    }
    end_session();
    if (!tasks_) co_return;
    tasks_->cancel();
    co_await tasks_->join();
}

void chat_client::impl::end_session() {
    ended_ = true;
    lose_opening();
    if (owns_tickets_) tickets_->stop_proactive_renewal();
    events_.close();
    changed_.notify_all();
}

void chat_client::impl::abandon() {
    gone_ = true;
    lose_opening();
    connection_->abandon();
    router_->abandon();
    events_.abort();
    if (tasks_) tasks_->cancel();
    if (opening_flight_) opening_flight_->cancel();
    end_thread_updates();
    if (owns_tickets_)
        tasks().spawn([manager = tickets_] { return manager->stop(); }); // who waits is told
    changed_.notify_all();
}

std::optional<ticket> chat_client::impl::ticket_at_hand() { return tickets_->at_hand(); }

awaitable<ticket> chat_client::impl::next_ticket(std::optional<ticket> rejected,
                                                 time_point deadline) {
    const auto manager = tickets_;
    if (rejected) {
        auto replacing = manager->replace_ticket(std::move(*rejected), deadline);
        co_return co_await std::move(replacing);
    }
    co_return co_await manager->get_valid_ticket(deadline);
}

void chat_client::impl::on_open() {
    opening_.opened(now());
    ++openings_;
    opening_brought_events_ = false;
    opening_unwatched_ = true; // most servers establish the session in one breath with the upgrade
}

void chat_client::impl::after_read() {
    router_->after_read();
    if (std::exchange(opening_unwatched_, false)) watch_opening();
}

// Its deadline, which moves, is watched for as long as it is under way.
void chat_client::impl::watch_opening() {
    if (!opening_.under_way()) return opening_watch_.reset();
    if (!opening_watch_) opening_watch_ = clock_->make_alarm(strand_);
    opening_watch_->call_at(opening_.deadline(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        try {
            self->perform(self->opening_.at(self->now()));
        } catch (const std::exception& thrown) { // out of memory; the deadline of `open` is left
            self->log_.write(log_level::error, thrown.what());
        }
    });
}

void chat_client::impl::perform(const opening_action_t& action) {
    if (std::holds_alternative<opening_action::configure>(action)) {
        connection_->send_control(configuration());
    } else if (std::holds_alternative<opening_action::ready>(action)) {
        ++opened_;
        // With tools the helpers went with the configuration (PROTOCOL.md 2.1).
        if (!has_configuration() && context_helpers_.is_object())
            connection_->send_control(encode_context_helpers(context_helpers_));
        for (const auto& update : updates_)
            update->done = true; // the configuration covers them
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
        // There is nobody to answer to. What that makes of the tools comes before the last event.
        if (!router_->end_calls()) tasks().spawn([router = router_] { return router->stop(); });
    }
    std::visit([this](auto&& one) { events_.push(std::move(one)); }, std::move(happened));
    if (failed) end_session();
    changed_.notify_all();
}

connection_status chat_client::impl::status() const {
    connection_status now_is;
    now_is.websocket = connection_->status();
    const auto held = tickets_->snapshot();
    now_is.state = now_is.websocket.state;
    now_is.connected = now_is.state == websocket_state::ready;
    now_is.is_reconnecting = comes_back(now_is.state);
    now_is.reconnect_attempts = now_is.is_reconnecting ? now_is.websocket.attempt : 0;
    now_is.has_valid_ticket = held.valid;
    now_is.ticket_expires_in = held.expires_in;
    return now_is;
}

metrics_snapshot chat_client::impl::metrics() const {
    const auto websocket = connection_->status();
    const auto messages = router_->counts();
    const auto held = tickets_->snapshot();
    metrics_snapshot all;
    all.messages_sent = websocket.messages_sent;
    all.messages_received = websocket.messages_received;
    all.bytes_sent = websocket.bytes_sent;
    all.bytes_received = websocket.bytes_received;
    all.messages_skipped = messages.skipped;
    all.connections_opened = opened_;
    all.connections_lost = lost_;
    all.reconnect_attempts = attempts_;
    all.tickets_requested = held.requests;
    all.tickets_failed = held.failures;
    all.tool_calls = messages.tool_calls;
    all.tool_calls_repeated = messages.tool_calls_repeated;
    all.tool_calls_failed = messages.tool_calls_failed;
    const auto tools_with = [&](tool_outcome outcome) {
        return messages.tool_calls_by_outcome[static_cast<std::size_t>(outcome)];
    };
    all.tool_calls_threw = tools_with(tool_outcome::failed);
    all.tool_calls_not_found = tools_with(tool_outcome::not_found);
    all.tool_calls_timed_out = tools_with(tool_outcome::timed_out);
    all.tool_calls_busy = tools_with(tool_outcome::busy);
    all.tool_calls_invalid = tools_with(tool_outcome::invalid_parameters);
    all.tool_calls_shut_down = tools_with(tool_outcome::shut_down);
    all.tool_answers_forgotten = messages.tool_answers_forgotten;
    all.tool_time = messages.tool_time;
    all.tool_time_longest = messages.tool_time_longest;
    all.heartbeat_pings = messages.pings;
    all.heartbeat_pings_unanswered = messages.pings_unanswered;
    all.heartbeat_acks = messages.ping_answers;
    all.handlers_failed = handlers_failed_;
    return all;
}

} // namespace parley
