// Messages, runs and their events.

#include "client/chat_client_impl.hpp"
#include "core/text.hpp"
#include "ticket/server_exchange.hpp"
#include "wire/encoder.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <variant>

namespace parley {

namespace {

using namespace std::chrono_literals;

// DESIGN.md 3: after `stop_run` the run still ends, and if it does not, `ask` throws.
constexpr auto stop_limit = 10s;

template <class... Wanted>
bool is_one_of(const event& happened) {
    return (std::holds_alternative<Wanted>(happened) || ...);
}

bool belongs_to_run(const event& happened) {
    return is_one_of<text_delta, reasoning_started, reasoning_delta, reasoning_finished,
                     tool_started, tool_finished, server_tool_started, server_tool_finished,
                     chat_finished, chat_failed>(happened);
}

error_info chat_error_of(const chat_failed& failed) {
    error_details details;
    details.phase = phase::ready;
    details.server_text = failed.error;
    details.server_code = failed.code.value_or("");
    return error_info(errc::chat_failed, "The server ended the run with an error.",
                      std::move(details));
}

/// Does something at the end of a scope, also when its coroutine is destroyed.
template <class Action>
class at_exit {
public:
    explicit at_exit(Action action) : action_(std::move(action)) {}
    at_exit(const at_exit&) = delete;
    at_exit& operator=(const at_exit&) = delete;
    ~at_exit() { action_(); }

private:
    Action action_;
};

} // namespace

std::string chat_client::impl::encode(const chat_message& message) const {
    auto frame = encode_chat_message(message);
    if (frame.size() > connection_->config()->limits.queue_bytes)
        throw_error(error_info(errc::too_large, "The message is larger than the outbound queue."));
    return frame;
}

std::shared_ptr<outgoing> chat_client::impl::begin_send(std::string frame, run_fsm::run_id run) {
    // Weak: it lies in a queue of our own, which would keep us for ever if the context went.
    std::function<void(send_progress)> progress = [weak = weak_from_this(),
                                                   run](send_progress reached) {
        const auto self = weak.lock();
        if (!self) return;
        if (reached == send_progress::writing)
            self->runs_.writing(run);
        else
            self->runs_.written(run);
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
    changed_.notify_all(); // whoever waits for his turn
}

void chat_client::impl::begin_message(const chat_message& message, message_on_its_way& into) {
    try {
        auto frame = encode(message);
        into.deadline = after(now(), timeouts_.send);
        into.run = runs_.add(false, message.provider_res_id());
        into.begun = begin_send(std::move(frame), into.run);
        into.sent = into.begun->state() == send_state::sent;
    } catch (...) {
        into.error = std::current_exception();
    }
}

awaitable<void> chat_client::impl::send_message(chat_message message) {
    message_on_its_way mine;
    begin_message(message, mine);
    if (mine.error) std::rethrow_exception(mine.error);
    if (!mine.sent) co_await finish_send(std::move(mine.begun), mine.run, mine.deadline);
}

// Most messages are written at once, by the caller himself, and he has not waited at all. But now
// and then he does, so that one who never tires of sending leaves others their turn.
awaitable<void> chat_client::impl::send(std::shared_ptr<impl> self, chat_message message) {
    constexpr unsigned in_a_row = 16;
    message_on_its_way mine;
    const auto begin = [&] { self->begin_message(message, mine); };
    const bool patient = self->sent_.fetch_add(1, std::memory_order_relaxed) % in_a_row == 0;
    std::function<awaitable<void>()> rest;
    if (patient || !self->strand_.run_now(begin)) {
        rest = [self, message = std::move(message)] { return self->send_message(message); };
    } else {
        if (mine.error) std::rethrow_exception(mine.error);
        if (mine.sent) co_return;
        rest = [self, begun = std::move(mine.begun), run = mine.run, deadline = mine.deadline] {
            return self->finish_send(begun, run, deadline);
        };
    }
    auto crossing = detail::on_strand<void>(self->strand_, std::move(rest));
    co_await std::move(crossing);
}

awaitable<answer> chat_client::impl::ask(chat_message message) {
    auto frame = encode(message);               // what is wrong with it is said at once
    if (closing()) throw_error(disconnected()); // what is answered would come too late
    const auto call = std::make_shared<ask_call>();
    co_await take_turn(call);
    call->run = runs_.add(true, message.provider_res_id());
    asks_.emplace(call->run, call);
    const at_exit leave([this, call] {
        asks_.erase(call->run);
        runs_.disown(call->run); // a run that goes on belongs to next_event from now on
        changed_.notify_all();
    });
    call->silent_since = now();
    const auto deadline = after(now(), timeouts_.send);
    auto begun = begin_send(std::move(frame), call->run);
    co_await finish_send(std::move(begun), call->run, deadline);
    co_await collect(call);
    co_return std::move(call->collected);
}

awaitable<void> chat_client::impl::take_turn(std::shared_ptr<ask_call> call) {
    turns_.push_back(call);
    const at_exit leave([this, call] {
        std::erase(turns_, call);
        changed_.notify_all();
    });
    const auto begun = now();
    for (;;) {
        check_alive();
        if (call->error) throw_error(*call->error);
        if (turns_.front() == call && runs_.idle()) co_return;
        const auto deadline = after(std::max(begun, last_run_event_), timeouts_.answer);
        if (now() >= deadline)
            throw_error(error_info(errc::answer_timeout,
                                   "The runs before this one did not end; nothing was sent."));
        co_await changed_.wait_until(deadline);
    }
}

awaitable<void> chat_client::impl::collect(std::shared_ptr<ask_call> call) {
    for (;;) {
        check_alive(); // it may have ended while the message was written
        if (call->done) break;
        const auto deadline =
            std::min(after(call->silent_since, timeouts_.answer), call->stop_deadline);
        if (now() >= deadline) {
            runs_.drop(call->run);
            throw_error(error_info(errc::answer_timeout,
                                   events_.full()
                                       ? "The event queue is full, so that nothing is read: await "
                                         "next_event, or run, beside ask."
                                       : "The server sent nothing more of the answer."));
        }
        co_await changed_.wait_until(deadline);
    }
    if (call->error) throw_error(*call->error);
}

awaitable<void> chat_client::impl::stop_run(std::optional<std::string> conversation_id) {
    auto frame = encode_stop_run(conversation_id ? *conversation_id : runs_.conversation());
    std::function<void(send_progress)> nothing;
    auto sending =
        connection_->send(std::move(frame), after(now(), timeouts_.send), std::move(nothing));
    co_await std::move(sending);
    const auto collected = runs_.collected();
    if (!collected) co_return;
    const auto call = asks_.find(*collected);
    if (call == asks_.end()) co_return;
    call->second->stop_deadline = after(now(), stop_limit);
    changed_.notify_all();
}

unsigned chat_client::impl::take_unconfirmed() {
    const unsigned count = runs_.lose();
    for (const auto& [run, call] : asks_) {
        if (runs_.known(run) || call->done) continue;
        call->done = true;
        call->error = error_info(errc::sent_unconfirmed,
                                 "The connection was lost before the answer was complete.");
    }
    changed_.notify_all();
    return count;
}

void chat_client::impl::fail_asks(const error_info& why) {
    for (const auto& [run, call] : asks_) {
        if (call->done) continue;
        call->done = true;
        call->error = why;
        runs_.drop(run);
    }
    for (const auto& call : turns_)
        call->error = why;
    runs_.lose();
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
        runs_.conversation_finished(*finished->conversation_id);
}

void chat_client::impl::on_event(event&& happened) {
    if (const auto* error = std::get_if<server_error>(&happened)) {
        const auto action = opening_.server_error(error->error, error->code);
        if (!std::holds_alternative<opening_action::none>(action)) return perform(action);
        error_details details;
        details.phase = phase::ready;
        details.server_text = error->error;
        details.server_code = error->code.value_or("");
        fail_updates(error_info(errc::tools_refused, "The server refused the tools.", details));
    }
    note_conversation(happened);
    if (belongs_to_run(happened)) {
        // Read for whoever waits, and not for each message.
        if (!asks_.empty() || !turns_.empty()) last_run_event_ = now();
        if (give_to_ask(happened)) return;
        if (is_one_of<chat_finished, chat_failed>(happened)) {
            runs_.finish(is_one_of<chat_failed>(happened));
            changed_.notify_all();
        }
    }
    events_.push(std::move(happened));
    if (opening_.under_way() && events_.full()) opening_brought_events_ = true;
}

awaitable<void> chat_client::impl::wait_for_room() {
    // The silence that this causes does not count against the peer (DESIGN.md 3).
    const auto self = shared_from_this();
    opening_.held(now());
    const at_exit go_on([self, opening = openings_] {
        if (opening != self->openings_) return; // its connection was given up for another
        self->opening_.released(self->now());
        self->watch_opening();
    });
    co_await events_.wait_for_room();
}

bool chat_client::impl::give_to_ask(const event& happened) {
    const auto run = runs_.collected();
    const auto found = run ? asks_.find(*run) : asks_.end();
    if (found == asks_.end()) return false;
    auto& call = *found->second;
    call.silent_since = last_run_event_;
    if (const auto* text = std::get_if<text_delta>(&happened)) {
        call.collected.text += text->text;
    } else if (const auto* thought = std::get_if<reasoning_delta>(&happened)) {
        call.collected.reasoning += thought->text;
    } else if (const auto* used = std::get_if<tool_finished>(&happened)) {
        answer::tool_use use;
        use.name = used->name;
        use.call_id = used->call_id;
        use.result = used->result;
        use.error = used->error;
        call.collected.tools.push_back(std::move(use));
    } else if (const auto* finished = std::get_if<chat_finished>(&happened)) {
        call.collected.conversation_id = finished->conversation_id;
        call.done = true;
    } else if (const auto* failed = std::get_if<chat_failed>(&happened)) {
        call.error = chat_error_of(*failed);
        call.done = true;
    }
    if (call.done) {
        runs_.finish(call.error.has_value());
        changed_.notify_all();
    }
    return true;
}

void chat_client::impl::handler_threw(std::string what, bool while_told_of_it) {
    ++handlers_failed_;
    what = without_secrets(what, std::span<const secret>(secrets_of(auth_)));
    log_.write(log_level::error, "a handler of run threw: " + what);
    // A handler that throws when told of a handler that threw would go on for ever.
    if (!while_told_of_it) events_.push(handler_failed{std::move(what)});
}

} // namespace parley
