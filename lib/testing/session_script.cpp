#include "testing/session_script.hpp"

#include "core/saturating.hpp"
#include "testing/frames.hpp"

#include <cstdint>
#include <exception>
#include <iterator>

namespace parley::testing {

session_script::session_script(server_context& context, std::string conversation)
    : context_(context), conversation_(std::move(conversation)) {}

void session_script::message(received_message message) { waiting_.push_back(std::move(message)); }

void session_script::tool_answered(tool_answer answer) {
    if (run_ && !answer.call_id.empty() && run_->waiting_for == answer.call_id) {
        run_->waiting_for.clear();
        answer.name = run_->called;
        run_->last = std::move(answer);
    }
}

void session_script::stop() {
    if (!run_) {
        return;
    }
    said_.clear();
    resume_at_.reset();
    finish();
    run_.reset();
}

std::optional<outgoing> session_script::next(time_point now) {
    for (;;) {
        if (!said_.empty()) {
            outgoing item = std::move(said_.front());
            said_.pop_front();
            return item;
        }
        if (!run_) {
            if (waiting_.empty()) {
                return std::nullopt;
            }
            begin();
            continue;
        }
        if (!run_->waiting_for.empty()) {
            return std::nullopt;
        }
        if (resume_at_ && now < *resume_at_) {
            return std::nullopt;
        }
        resume_at_.reset();
        if (run_->steps.empty() && run_->open && !run_->ended) {
            return std::nullopt;
        }
        carry_out(now);
    }
}

void session_script::begin() {
    run_.emplace(std::move(waiting_.front()));
    waiting_.pop_front();
    ++runs_;
    run_->conversation = run_->message.provider_res_id.value_or(conversation_);
    if (context_.office.open_thread(run_->conversation)) {
        say(frames::thread_created(run_->conversation, thread_of(run_->conversation),
                                   "/api/v1/threads/" + run_->conversation));
    }
    try {
        auto steps = context_.script()(run_->message).steps();
        run_->steps.assign(std::make_move_iterator(steps.begin()),
                           std::make_move_iterator(steps.end()));
    } catch (const std::exception& error) {
        context_.book.internal_error(std::string("on_message threw: ") + error.what());
        fail("The script of the test server threw", "SCRIPT_THREW");
    }
}

void session_script::carry_out(time_point now) {
    if (run_->steps.empty()) {
        finish();
        run_.reset();
        return;
    }
    answer_step current = std::move(run_->steps.front());
    run_->steps.pop_front();
    const auto perform_one = [this, now](auto& one) { perform(one, now); };
    try {
        std::visit(perform_one, current);
    } catch (const std::exception& error) {
        context_.book.internal_error(std::string("a step of an answer threw: ") + error.what());
        run_->steps.clear();
        fail("The script of the test server threw", "SCRIPT_THREW");
    }
}

void session_script::finish() {
    if (run_->ended) {
        return;
    }
    run_->ended = true;
    context_.book.count(&counters::runs_finished);
    const std::string& id = run_->conversation;
    say(frames::chat_finished(id, id, static_cast<std::int64_t>(2 * runs_)));
    say(frames::messages_persisted(thread_of(id), id));
}

void session_script::fail(std::string_view error, std::string_view code) {
    if (run_->ended) {
        return;
    }
    run_->ended = true;
    context_.book.count(&counters::runs_finished);
    say(frames::chat_error(error, frames::unless_empty(code)));
}

void session_script::perform(step::text& text, time_point) {
    say(text.as_provider_event ? frames::text_delta(text.value)
                               : frames::content_delta(text.value));
}

void session_script::perform(step::reasoning& reasoning, time_point) {
    const auto id = frames::unless_empty(reasoning.id);
    say(frames::reasoning_start(id));
    for (const std::string& piece : reasoning.pieces) {
        say(frames::reasoning_delta(id, piece));
    }
    say(frames::reasoning_end(id));
}

void session_script::perform(step::tool_request& request, time_point) {
    if (request.call_id.empty()) {
        request.call_id = context_.office.new_call_id();
    }
    say(frames::tool_call_request(request.name, frames::quoted(request.call_id),
                                  frames::unless_empty(request.parameters)));
    context_.calls.requested(request.call_id);
    context_.book.count(&counters::tool_requests);
    if (request.wait) {
        run_->called = request.name;
        run_->waiting_for = request.call_id;
    }
}

void session_script::perform(step::continuation& next, time_point) {
    auto steps = next.make(run_->last).steps();
    run_->steps.insert(run_->steps.begin(), std::make_move_iterator(steps.begin()),
                       std::make_move_iterator(steps.end()));
}

void session_script::perform(step::raw_text& raw, time_point) { say(std::move(raw.value)); }

void session_script::perform(step::raw_binary& raw, time_point) {
    said_.push_back(outgoing::binary(std::move(raw.value)));
}

void session_script::perform(step::raw_bytes& raw, time_point) {
    said_.push_back(outgoing::bytes(std::move(raw.value)));
}

void session_script::perform(step::pause& pause, time_point now) {
    resume_at_ = after(now, pause.duration);
}

void session_script::perform(step::chat_error& error, time_point) { fail(error.error, error.code); }

void session_script::perform(step::finish&, time_point) { finish(); }

void session_script::perform(step::never_finish&, time_point) { run_->open = true; }

void session_script::perform(step::drop&, time_point) {
    run_->ended = true;
    said_.push_back(outgoing::drop());
}

void session_script::perform(step::close& close, time_point) {
    run_->ended = true;
    said_.push_back(outgoing::close(close.code, std::move(close.reason)));
}

} // namespace parley::testing
