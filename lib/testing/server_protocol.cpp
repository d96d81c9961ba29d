#include "testing/server_protocol.hpp"

#include <parley/error.hpp>

#include "core/iso8601.hpp"
#include "testing/client_rules.hpp"
#include "testing/frames.hpp"

#include <iterator>
#include <utility>

namespace parley::testing {
namespace {

/// Codes of our own choice when a ticket is no good (doc/protocol.md 3.2 names them).
constexpr std::uint16_t ticket_refused = 4401;

std::vector<outgoing> one(std::string frame) {
    std::vector<outgoing> result;
    result.push_back(outgoing::text(std::move(frame)));
    return result;
}

std::vector<outgoing> one(outgoing item) {
    std::vector<outgoing> result;
    result.push_back(std::move(item));
    return result;
}

} // namespace

server_protocol::server_protocol(server_context& context, session_fault::values fault,
                                 std::uint64_t session, std::string conversation)
    : context_(context), fault_(std::move(fault)), session_(session),
      script_(context, std::move(conversation)), messages_left_(fault_.drop_after) {}

std::vector<outgoing> server_protocol::opened() {
    if (messages_left_ == 0U) {
        return one(outgoing::drop());
    }
    if (fault_.authentication_code) {
        context_.book.count(&counters::sessions_rejected);
        const std::string& text = fault_.authentication_text;
        auto result = one(frames::authentication_error(
            text.empty() ? "The ticket is not accepted" : text, *fault_.authentication_code));
        result.push_back(
            outgoing::close(fault_.close_code.value_or(ticket_refused), fault_.close_reason));
        return result;
    }
    if (fault_.close_code) {
        context_.book.count(&counters::sessions_rejected);
        return one(outgoing::close(*fault_.close_code, fault_.close_reason));
    }
    if (fault_.never_established) {
        return {};
    }
    established_ = true;
    context_.book.count(&counters::sessions_opened);
    return one(frames::session_established());
}

std::vector<outgoing> server_protocol::received(std::string text) {
    std::optional<json_text> frame;
    try {
        frame = json_text::parse(text);
    } catch (const client_error&) {
        frame.reset(); // counted below
    }
    const std::string type = frame ? frame->string_at("/type").value_or("") : "";
    context_.book.add(received_frame{session_, false, type, text});
    if (drops_now()) {
        return one(outgoing::drop());
    }
    if (!frame || !frame->is_object() || type.empty()) {
        return refused(!frame               ? "a message is no JSON"
                       : frame->is_object() ? "a message has no type"
                                            : "a message is not a JSON object");
    }
    if (!established_) {
        violation("a " + type + " came before the session was established");
    }
    if (const auto wrong = wrong_with_frame(type, *frame)) {
        return refused(*wrong);
    }
    return dispatch(type, *frame, std::move(text));
}

std::vector<outgoing> server_protocol::received_binary(std::string bytes) {
    context_.book.add(received_frame{session_, true, {}, std::move(bytes)});
    if (drops_now()) {
        return one(outgoing::drop());
    }
    return refused("a message is binary");
}

outgoing server_protocol::heartbeat_ping(const std::string& ping_time) {
    // A number makes the timestamps of two pings in one millisecond differ.
    const auto shift = std::chrono::milliseconds(ping_number_++);
    const std::string timestamp = format_iso8601(context_.wall_now() + shift);
    pings_.insert_or_assign(timestamp, ping_time);
    return outgoing::text(
        frames::heartbeat_ping(frames::quoted(timestamp), frames::unless_empty(ping_time)));
}

std::optional<outgoing> server_protocol::next(time_point now) {
    return established_ ? script_.next(now) : std::nullopt;
}

bool server_protocol::drops_now() {
    return messages_left_ && (*messages_left_ == 0 || --*messages_left_ == 0);
}

std::vector<outgoing> server_protocol::dispatch(const std::string& type, const json_text& frame,
                                                std::string text) {
    if (type == "chat_message") {
        chat_message(frame, std::move(text));
    } else if (type == "configure_tools") {
        return configured("tools_configured", &counters::configure_tools, frame);
    } else if (type == "update_tools") {
        return configured("client_tools_updated", &counters::update_tools, frame);
    } else if (type == "update_context_helpers") {
        context_.book.count(&counters::context_updates);
    } else if (type == "tool_call_response") {
        tool_response(frame);
    } else if (type == "heartbeat_ping") {
        return heartbeat(frame);
    } else if (type == "heartbeat_pong") {
        heartbeat_pong(frame);
    } else if (type == "stop_run") {
        script_.stop();
        context_.book.count(&counters::stop_runs);
    }
    return {};
}

std::vector<outgoing> server_protocol::configured(std::string_view acknowledgement,
                                                  std::size_t counters::* which,
                                                  const json_text& frame) {
    context_.book.count(which);
    if (fault_.tools_error) {
        return one(
            frames::error(*fault_.tools_error, frames::unless_empty(fault_.tools_error_code)));
    }
    tool_names_.clear();
    for (std::size_t i = 0;; ++i) {
        const auto name = frame.string_at("/toolSchemas/" + std::to_string(i) + "/name");
        if (!name) {
            break;
        }
        tool_names_.push_back(*name);
    }
    if (fault_.ignore_tools) {
        return {};
    }
    return one(frames::tools_acknowledged(acknowledgement, std::ssize(tool_names_), tool_names_));
}

void server_protocol::chat_message(const json_text& frame, std::string text) {
    received_message message;
    message.session = session_;
    message.content = frame.string_at("/content").value_or("");
    for (std::size_t i = 0;; ++i) {
        auto medium = frame.string_at("/media/" + std::to_string(i));
        if (!medium) {
            break;
        }
        message.media.push_back(std::move(*medium));
    }
    message.provider_res_id = frame.string_at("/providerResId");
    message.tool_names = tool_names_;
    message.text = std::move(text);
    script_.message(std::move(message));
    context_.book.count(&counters::chat_messages);
}

void server_protocol::tool_response(const json_text& frame) {
    tool_answer answer;
    answer.call_id = frame.string_at("/callId").value_or("");
    answer.error = frame.string_at("/error");
    if (const auto result = frame.text_at("/result")) {
        answer.result = std::string(result->view());
    } else if (!answer.error) {
        violation("a tool_call_response has neither 'result' nor 'error'");
        answer.result = "null"; // JSON.stringify leaves a member out that is undefined
    }
    switch (context_.calls.answered(answer.call_id)) {
    case call_ledger::verdict::expected:
        break;
    case call_ledger::verdict::unknown:
        violation("a tool_call_response answers a call that was never made");
        break;
    case call_ledger::verdict::too_many:
        violation("a tool call is answered more often than it was made: " + answer.call_id);
        break;
    }
    script_.tool_answered(std::move(answer));
    context_.book.count(&counters::tool_responses);
}

std::vector<outgoing> server_protocol::heartbeat(const json_text& frame) {
    context_.book.count(&counters::heartbeat_pings);
    if (fault_.ignore_heartbeats) {
        return {};
    }
    return one(frames::heartbeat_ack(frames::quoted(format_iso8601(context_.wall_now())),
                                     frames::quoted(frame.string_at("/timestamp").value_or(""))));
}

void server_protocol::heartbeat_pong(const json_text& frame) {
    check_echo(frame);
    context_.book.count(&counters::heartbeat_pongs);
}

void server_protocol::check_echo(const json_text& frame) {
    const auto ping = pings_.find(frame.string_at("/originalTimestamp").value_or(""));
    if (ping == pings_.end()) {
        violation("a heartbeat_pong answers no ping, or one that was answered");
        return;
    }
    const auto echo = frame.text_at("/pingTime");
    if (!ping->second.empty() && (!echo || echo->view() != ping->second)) {
        violation("a heartbeat_pong has pingTime " +
                  (echo ? std::string(echo->view()) : "missing") + " for " + ping->second);
    }
    pings_.erase(ping);
}

std::vector<outgoing> server_protocol::refused(const std::string& what) {
    violation(what);
    return one(frames::error("The message is not accepted: " + what, "BAD_MESSAGE"));
}

void server_protocol::violation(const std::string& what) {
    context_.book.violation("session " + std::to_string(session_) + ": " + what);
}

} // namespace parley::testing
