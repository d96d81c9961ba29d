// Questions: a message and its answer.

#include "async/asio_errors.hpp"
#include "async/call_on_strand.hpp"
#include "client/chat_client_impl.hpp"
#include "core/at_exit.hpp"
#include "dialect/parley/encoder.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <new>
#include <utility>
#include <variant>

namespace parley {

namespace {

error_info chat_error_of(const chat_failed& failed, const redactor& gate) {
    error_details details;
    details.phase = phase::ready;
    details.server_text = gate.quote(failed.error).text();
    details.server_code = gate.quote(failed.code.value_or("")).text();
    return error_info(errc::chat_failed, "The server ended the run with an error.",
                      std::move(details));
}

/// An error of the answer carries the part that has come.
[[noreturn]] void throw_failure(pending_ask& call) {
    const auto& why = call.outcome->error();
    if (why.is(errc::chat_failed) || why.is(errc::answer_too_large))
        throw answer_error(why, std::move(call.collected));
    throw_error(why);
}

} // namespace

awaitable<answer> chat_client::impl::ask(chat_message message) {
    const auto call = std::make_shared<pending_ask>(false);
    try {
        co_await begin_ask(call, std::move(message));
        co_await collect(call);
    } catch (...) {
        leave_ask(call);
        throw;
    }
    leave_ask(call);
    co_return std::move(call->collected);
}

/// On the caller's executor, whose context may outlive the client's: this frame keeps nothing of
/// the client while it waits.
awaitable<answer> chat_client::impl::ask_streaming(std::shared_ptr<impl> self, chat_message message,
                                                   text_handler on_text) {
    const auto call = std::make_shared<pending_ask>(true);
    const std::weak_ptr<impl> weak = self;
    // Also when this is destroyed between two pieces (cancelled, or `on_text` threw).
    const at_exit leave([weak, call, context = self->context_] {
        try {
            context->while_alive([&] {
                if (const auto client = weak.lock())
                    client->strand_.post([client, call] { client->leave_ask(call); });
            });
        } catch (const std::bad_alloc&) { // the run goes on, and its answer is discarded
        }
    });
    auto beginning = call_on_strand(std::move(self), &impl::begin_ask, call, std::move(message));
    co_await std::move(beginning);
    for (;;) {
        auto client = weak.lock();
        if (!client) throw_aborted();
        auto waiting = call_on_strand(std::move(client), &impl::next_piece, call);
        const auto piece = co_await std::move(waiting);
        if (!piece) break;
        on_text(*piece);
    }
    co_return std::move(call->collected);
}

awaitable<void> chat_client::impl::begin_ask(std::shared_ptr<pending_ask> call,
                                             chat_message message) {
    auto frame = encode(message); // a wrong message fails before it waits
    if (state_ == state::closing) throw_error(disconnected());
    const auto conversation = runs_.next_conversation();
    co_await take_turn(call);
    if (runs_.next_conversation() != conversation) frame = encode(message);
    call->run = add_run(run_fsm::listener::asker, message);
    asks_.emplace(call->run, call);
    call->silent_since = now();
    const auto deadline = after(now(), config_.timeouts.send);
    auto begun = begin_send(std::move(frame), call->run);
    co_await finish_send(std::move(begun), call->run, deadline);
}

awaitable<void> chat_client::impl::take_turn(std::shared_ptr<pending_ask> call) {
    turns_.push_back(call);
    const at_exit leave([this, call] {
        std::erase(turns_, call);
        changed_.notify_all();
    });
    const auto begun = now();
    for (;;) {
        check_alive();
        if (call->over()) call->outcome->value(); // throws
        drop_stopped_runs();
        if (turns_.front() == call && runs_.idle()) co_return;
        const auto deadline = after(std::max(begun, last_run_event_), config_.timeouts.answer);
        if (now() >= deadline)
            throw_error(error_info(
                errc::answer_timeout,
                runs_.disowned() ? "The run of an ask that was cancelled has not ended, since "
                                   "stop_cancelled_asks is off; nothing was sent."
                                 : "The runs before this one did not end; nothing was sent."));
        co_await changed_.wait_until(std::min(deadline, runs_.next_deadline()));
    }
}

/// Returns at the end of the run; for a streamed ask already at the next piece.
awaitable<void> chat_client::impl::collect(std::shared_ptr<pending_ask> call) {
    for (;;) {
        check_alive(); // it may have ended while the message was written
        if (!call->pieces.empty()) co_return;
        if (call->over()) break;
        const auto deadline =
            std::min(after(call->silent_since, config_.timeouts.answer), call->stop_deadline);
        if (now() >= deadline)
            throw_error(error_info(errc::answer_timeout,
                                   events().full() ? "The event queue is full, so nothing is read: "
                                                     "call next_event or run beside ask."
                                                   : "The server stopped sending the answer."));
        co_await changed_.wait_until(deadline);
    }
    if (!call->answered()) throw_failure(*call);
}

awaitable<std::optional<std::string>>
chat_client::impl::next_piece(std::shared_ptr<pending_ask> call) {
    try {
        co_await collect(call);
    } catch (...) {
        leave_ask(call);
        throw;
    }
    std::optional<std::string> piece;
    if (call->pieces.empty())
        leave_ask(call); // the end
    else
        piece = std::exchange(call->pieces, std::string());
    co_return piece;
}

void chat_client::impl::leave_ask(const std::shared_ptr<pending_ask>& call) {
    if (asks_.erase(call->run) == 0) return;
    changed_.notify_all();
    if (!call->over()) leave_run(*call);
}

/// A run without its ask is stopped, or else its events are queued for everybody.
void chat_client::impl::leave_run(pending_ask& call) {
    if (state_ == state::destroyed || !runs_.known(call.run)) return;
    if (is_over(call.stop_deadline, now())) return drop_run(call.run);
    if (!config_.stop_cancelled_asks) {
        // After a timeout nothing more is expected of it.
        const bool timed_out = is_over(after(call.silent_since, config_.timeouts.answer), now());
        return timed_out ? drop_run(call.run) : runs_.disown(call.run);
    }
    if (call.stop_deadline == time_point::max()) {
        call.stop_deadline = after(now(), pending_ask::stop_limit);
        connection_->send_control(encode_stop_run(runs_.conversation()));
    }
    runs_.discard(call.run, call.stop_deadline);
}

unsigned chat_client::impl::take_unconfirmed() {
    messages_->end_texts(); // while their run is known
    const unsigned count = lose_runs();
    for (const auto& [run, call] : asks_) {
        if (runs_.known(run)) continue;
        call->end(error_info(errc::sent_unconfirmed,
                             "The connection was lost before the answer was complete."));
    }
    changed_.notify_all();
    return count;
}

void chat_client::impl::fail_asks(const error_info& why) {
    for (const auto& [run, call] : asks_) {
        if (call->over()) continue;
        call->end(why);
        runs_.drop(run);
    }
    for (const auto& call : turns_)
        call->end(why);
    lose_runs();
    changed_.notify_all();
}

/// The ask whose run the notice belongs to. Messages are stored after the end of their run, and
/// their notice may arrive when the next run has begun.
pending_ask* chat_client::impl::ask_of_notice(bool of_storing) {
    if (asks_.empty()) return nullptr;
    if (const auto run = runs_.collected()) {
        const auto found = asks_.find(*run);
        if (found == asks_.end()) return nullptr;
        const bool of_run_before = of_storing && found->second->collected.events == 0;
        return of_run_before ? nullptr : found->second.get();
    }
    auto& last = *asks_.rbegin()->second;
    return !runs_.current() && last.answered() ? &last : nullptr;
}

bool chat_client::impl::give_to_ask(const thread_created& created) {
    auto* const call = ask_of_notice(false);
    if (!call) return false;
    call->collected.thread_id = created.thread_id;
    call->collected.provider_res_id = created.provider_res_id;
    note_event(*call);
    return true;
}

bool chat_client::impl::give_to_ask(const messages_persisted& stored) {
    auto* const call = ask_of_notice(true);
    if (!call) return false;
    call->collected.persisted = true;
    if (stored.thread_id) call->collected.thread_id = stored.thread_id;
    if (stored.provider_res_id) call->collected.provider_res_id = stored.provider_res_id;
    note_event(*call);
    return true;
}

void chat_client::impl::note_event(pending_ask& call) {
    call.silent_since = last_run_event_ = now();
    ++call.collected.events;
}

bool chat_client::impl::give_to_ask(const event& happened) {
    if (const auto* created = std::get_if<thread_created>(&happened)) return give_to_ask(*created);
    if (const auto* stored = std::get_if<messages_persisted>(&happened))
        return give_to_ask(*stored);
    const auto run = runs_.collected();
    const auto found = run ? asks_.find(*run) : asks_.end();
    if (found == asks_.end()) return false;
    auto& call = *found->second;
    note_event(call);
    const auto most = connection_->config()->limits.answer_bytes;
    if (!call.add(happened, most)) {
        // It ends as a cancelled ask does.
        call.end(error_info(errc::answer_too_large,
                            fmt::format("The answer is larger than {} bytes.", most)));
        leave_run(call);
        changed_.notify_all();
        return false;
    }
    if (std::holds_alternative<chat_finished>(happened)) call.end({});
    if (const auto* failed = std::get_if<chat_failed>(&happened))
        call.end(chat_error_of(*failed, *gate_));
    if (call.over()) finish_run(std::holds_alternative<chat_failed>(happened));
    if (call.over() || !call.pieces.empty()) changed_.notify_all();
    return true;
}

} // namespace parley
