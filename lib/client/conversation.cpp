// Messages and the events of their runs.

#include "client/chat_client_impl.hpp"
#include "core/at_exit.hpp"
#include "dialect/parley/encoder.hpp"
#include "message/event_facts.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace parley {

namespace {

bool is_text(const event& happened) {
    return std::holds_alternative<text_delta>(happened) ||
           std::holds_alternative<reasoning_delta>(happened);
}

} // namespace

std::string chat_client::impl::encode(const chat_message& message) const {
    auto frame = encode_chat_message(message, runs_.next_conversation());
    if (frame.size() > connection_->config()->limits.queue_bytes)
        throw_error(error_info(errc::too_large, "The message is larger than the outbound queue."));
    return frame;
}

std::shared_ptr<outgoing> chat_client::impl::begin_send(std::string frame, run_fsm::run_id run) {
    // Weak: the send queue belongs to this client, and would keep it for ever.
    std::function<void(send_progress)> progress = [weak = weak_from_this(),
                                                   run](send_progress reached) {
        const auto self = weak.lock();
        if (!self) return;
        if (reached == send_progress::written) return self->runs_.written(run);
        self->runs_.writing(run);
        if (self->run_recorder_.counts()) self->run_recorder_.begin(run, self->now());
    };
    try {
        return connection_->begin_send(std::move(frame), std::move(progress));
    } catch (...) {
        drop_run(run);
        throw;
    }
}

awaitable<void> chat_client::impl::finish_send(std::shared_ptr<outgoing> begun, run_fsm::run_id run,
                                               time_point deadline) {
    auto finishing = connection_->finish_send(std::move(begun), deadline);
    try {
        co_await std::move(finishing);
    } catch (...) {
        drop_run(run);
        throw;
    }
}

void chat_client::impl::drop_run(run_fsm::run_id run) {
    runs_.drop(run);
    run_recorder_.end(run, run_result::dropped, now());
    changed_.notify_all(); // an ask may wait for its turn
}

void chat_client::impl::drop_stopped_runs() {
    for (const auto run : runs_.pass_time(now()))
        run_recorder_.end(run, run_result::dropped, now());
}

void chat_client::impl::finish_run(bool failed) {
    if (const auto ended = runs_.finish())
        run_recorder_.end(*ended, failed ? run_result::failed : run_result::finished, now());
}

unsigned chat_client::impl::lose_runs() {
    run_recorder_.lose(now());
    return runs_.lose();
}

run_fsm::run_id chat_client::impl::add_run(run_fsm::listener who, const chat_message& message) {
    return message.begins_conversation() ? runs_.add_first(who)
                                         : runs_.add(who, message.provider_res_id());
}

/// Runs are kept until the server has finished them.
void chat_client::impl::refuse_too_many_runs() const {
    const auto most = connection_->config()->limits.unfinished_runs;
    if (runs_.unfinished() < most) return;
    error_details details;
    details.phase = phase::ready;
    details.retryable = true;
    throw_error(error_info(
        errc::too_many_runs,
        fmt::format("{} messages wait or have an unfinished run already; nothing was sent.", most),
        std::move(details)));
}

void chat_client::impl::begin_message(const chat_message& message, message_in_flight& into) {
    try {
        auto frame = encode(message);
        refuse_too_many_runs();
        into.deadline = after(now(), config_.timeouts.send);
        into.run = add_run(run_fsm::listener::everybody, message);
        into.begun = begin_send(std::move(frame), into.run);
        into.sent = into.begun->state() == send_state::sent;
    } catch (...) {
        into.error = std::current_exception();
    }
}

awaitable<void> chat_client::impl::send_message(chat_message message) {
    message_in_flight mine;
    begin_message(message, mine);
    if (mine.error) std::rethrow_exception(mine.error);
    if (!mine.sent) co_await finish_send(std::move(mine.begun), mine.run, mine.deadline);
}

// Most messages are written at once, on the caller's thread and without a suspension. Every 16th
// suspends, so that a caller in a loop does not starve the others.
awaitable<void> chat_client::impl::send(std::shared_ptr<impl> self, chat_message message) {
    constexpr unsigned in_a_row = 16;
    message_in_flight mine;
    const auto begin = [&] { self->begin_message(message, mine); };
    const bool suspends = self->sent_.fetch_add(1, std::memory_order_relaxed) % in_a_row == 0;
    std::function<awaitable<void>()> rest;
    if (suspends || !self->strand_.run_now(begin)) {
        rest = [self, message = std::move(message)] { return self->send_message(message); };
    } else {
        if (mine.error) std::rethrow_exception(mine.error);
        if (mine.sent) co_return;
        rest = [self, begun = std::move(mine.begun), run = mine.run, deadline = mine.deadline] {
            return self->finish_send(begun, run, deadline);
        };
    }
    auto sending = detail::on_strand<void>(self->strand_, std::move(rest));
    self.reset(); // this frame belongs to the caller's context, which may outlive the client's
    co_await std::move(sending);
}

awaitable<void> chat_client::impl::send_frame(std::string frame) {
    std::function<void(send_progress)> nothing;
    return connection_->send(std::move(frame), after(now(), config_.timeouts.send),
                             std::move(nothing));
}

awaitable<void> chat_client::impl::stop_run(std::optional<std::string> conversation_id) {
    auto sending = send_frame(encode_stop_run(conversation_id.value_or(runs_.conversation())));
    co_await std::move(sending);
    const auto collected = runs_.collected();
    if (!collected) co_return;
    const auto call = asks_.find(*collected);
    if (call == asks_.end()) co_return;
    call->second->stop_deadline = after(now(), pending_ask::stop_limit);
    changed_.notify_all();
}

void chat_client::impl::note_conversation(const event& happened) {
    if (const auto* created = std::get_if<thread_created>(&happened))
        runs_.conversation_named(created->provider_res_id);
    else if (const auto* stored = std::get_if<messages_persisted>(&happened);
             stored && stored->provider_res_id)
        runs_.conversation_named(*stored->provider_res_id);
    else if (const auto* finished = std::get_if<chat_finished>(&happened);
             finished && finished->conversation_id)
        runs_.conversation_finished(finished->uuid.value_or(*finished->conversation_id),
                                    *finished->conversation_id);
}

void chat_client::impl::on_event(event&& happened) {
    if (const auto* error = std::get_if<server_error>(&happened)) {
        const auto action = opening_.server_error(gate_->quote(error->error),
                                                  gate_->quote(error->code.value_or("")));
        if (!std::holds_alternative<opening_action::none>(action)) return perform(action);
        error_details details;
        details.phase = phase::ready;
        details.server_text = gate_->quote(error->error).text();
        details.server_code = gate_->quote(error->code.value_or("")).text();
        fail_updates(error_info(errc::tools_refused, "The server refused the tools.", details));
    }
    note_conversation(happened);
    if (taken_by_ask(happened)) return;
    queue_event(std::move(happened));
    if (opening_.under_way() && events().full()) opening_brought_events_ = true;
}

/// True: an ask has taken the event, or it is dropped with a run that is being stopped.
bool chat_client::impl::taken_by_ask(const event& happened) {
    const auto scope = facts_of(happened).scope;
    if (scope == event_scope::session) return false;
    if (scope == event_scope::conversation) return give_to_ask(happened);
    // Read the clock only while an ask waits for its turn.
    if (!turns_.empty()) last_run_event_ = now();
    if (runs_.listening() == run_fsm::listener::nobody) drop_stopped_runs();
    if (run_recorder_.awaits_text() && is_text(happened)) run_recorder_.text(now());
    if (give_to_ask(happened)) return true;
    const bool dropped = runs_.listening() == run_fsm::listener::nobody;
    if (scope == event_scope::end_of_run) {
        finish_run(std::holds_alternative<chat_failed>(happened));
        changed_.notify_all();
    }
    return dropped;
}

void chat_client::impl::queue_event(event&& happened) {
    if (events().push(std::move(happened)))
        log_.write(log_level::warning, "the application takes no events (next_event, run): from "
                                       "now on new events replace the oldest");
}

awaitable<void> chat_client::impl::wait_for_room() {
    // This silence does not count against the server.
    const auto self = shared_from_this();
    opening_.held(now());
    const at_exit go_on([self, opening = openings_] {
        if (opening != self->openings_) return; // another connection is being opened
        self->opening_.released(self->now());
        // Out of memory: the deadline of `open` still holds.
        take_all(self->log_, [&self] { self->watch_opening(); });
    });
    co_await events().wait_for_room();
}

void chat_client::impl::report_handler_failure(std::string what, bool of_failure_handler) {
    ++handlers_failed_;
    what = gate_->redact(what);
    log_.write(log_level::error, "a handler of run threw: " + what);
    // A handler of handler_failed that throws would be told of its own failure for ever.
    if (!of_failure_handler) queue_event(handler_failed{std::move(what)});
}

} // namespace parley
