// What the client sends: every frame is held against PROTOCOL.md 2.3.

#include "simulation/model_server.hpp"

#include <fmt/format.h>

#include <utility>

namespace parley::simulation {

void model_server::on_text(std::uint64_t connection, const std::string& text) {
    const auto found = sessions_.find(connection);
    if (found == sessions_.end()) return; // ended on this side already
    const auto frame = json::parse(text);
    if (!frame || frame->is != json::kind::object || !frame->has("type", json::kind::string))
        return wrong("a frame that is none", text);
    if (world_.traced()) world_.note(fmt::format("server {} gets {}", connection, text));
    take(found->second, *frame, text);
}

void model_server::take(const session_ptr& s, const json& frame, const std::string& text) {
    const auto type = frame.string("type");
    if (!s->established) return wrong("a message before the session is established", text);
    if (type == "heartbeat_ping") {
        if (!frame.only({"type", "timestamp", "pingTime"}) ||
            !frame.has("pingTime", json::kind::number))
            return wrong("fields of heartbeat_ping", text);
        return s->wire->send(fmt::format(R"({{"type":"heartbeat_ack","originalTimestamp":{}}})",
                                         json_quoted(frame.string("timestamp"))));
    }
    if (type == "heartbeat_pong") return take_pong(s, frame);
    if (type == "configure_tools") return take_tools(s, frame, false);
    if (type == "update_context_helpers") {
        if (!frame.only({"type", "contextHelpers"}) ||
            !frame.has("contextHelpers", json::kind::object))
            wrong("fields of update_context_helpers", text);
        return;
    }
    if (s->configured == 0) s->acknowledged = true; // it has no tools, or this would be too early
    if (!s->acknowledged) return wrong("a message before the tools are acknowledged", text);
    if (type == "update_tools") return take_tools(s, frame, true);
    if (type == "tool_call_response") return take_answer(s, frame, text);
    if (type == "stop_run") {
        if (!frame.only({"type", "conversationUuid"}) ||
            !frame.has("conversationUuid", json::kind::string))
            return wrong("fields of stop_run", text);
        s->stopping = true;
        return;
    }
    if (type != "chat_message") return wrong("an unknown type", text);
    if (!frame.only({"type", "content", "media", "providerResId?", "mcpHeaders?"}) ||
        !frame.has("content", json::kind::string) || !frame.has("media", json::kind::array))
        return wrong("fields of chat_message", text);
    if (!may_name(frame)) return wrong("a conversation that nobody named", text);
    ++world_.seen.messages;
    observer_.received(frame.string("content"));
    s->waiting_runs.push_back(++last_);
    if (!s->running) begin_run(s);
}

bool model_server::may_name(const json& message) const {
    if (!message.find("providerResId")) return true;
    const auto named = message.string("providerResId");
    return named == "thread \"7\"" || named == "conversation" || named == "c" ||
           (named.starts_with('u') && named.size() > 1);
}

void model_server::take_tools(const session_ptr& s, const json& frame, bool update) {
    const bool fields =
        update ? frame.only({"type", "toolSchemas", "generativeComponents?"})
               : frame.only({"type", "toolSchemas", "contextHelpers", "generativeComponents?"});
    const auto* schemas = frame.find("toolSchemas");
    if (!fields || !schemas || schemas->is != json::kind::array)
        return wrong("fields of a tool configuration", frame.string("type"));
    if (!update && ++s->configured > 1 && !std::exchange(s->reconfigured, false))
        return wrong("the tools were configured twice", "");
    s->tools.clear();
    for (const auto& one : schemas->elements) {
        if (!one.only({"name", "description", "parameters"}) ||
            !one.has("parameters", json::kind::array))
            return wrong("fields of a tool schema", one.string("name"));
        if (!s->tools.insert(one.string("name")).second)
            return wrong("a tool that is announced twice", one.string("name"));
    }
    // One without any was ready before: the server has asked in the middle of its session.
    if (s->tools.empty() && !frame.find("generativeComponents")) s->acknowledged = true;
    if (s->acknowledged_early) s->acknowledged = true;
    if (world_.happens(fault::tools_unanswered, 2)) return;
    if (world_.happens(fault::tools_refused, 2)) {
        soon(s, world_.faults.ms(1, 200), [](const session_ptr& to) {
            to->wire->send(R"({"type":"error","error":"bad tools","data":{"errorCode":"TOOLS"}})");
        });
        return;
    }
    soon(s, world_.faults.ms(1, 400), [this, update](const session_ptr& to) {
        to->acknowledged = true;
        send(to, update ? R"({"type":"client_tools_updated","data":{"toolCount":1}})"
                        : R"({"type":"tools_configured","data":{"toolCount":1}})");
    });
}

void model_server::take_answer(const session_ptr& s, const json& frame, const std::string& text) {
    const auto call = frame.string("callId");
    const bool one =
        frame.only({"type", "callId", "result"}) ||
        (frame.only({"type", "callId", "error"}) && frame.has("error", json::kind::string));
    const auto found = calls_.find(call);
    if (!one || found == calls_.end()) return wrong("an answer to no call", text);
    auto& request = found->second;
    s->owed.erase(call);
    if (++request.answered > request.asked)
        world_.broke("I10", fmt::format("{} was answered {} times to {} requests", call,
                                        request.answered, request.asked));
    if (request.answer.empty())
        request.answer = text;
    else if (request.answer != text)
        world_.broke("I10", call + " got another answer: " + text);
}

void model_server::take_pong(const session_ptr& s, const json& frame) {
    const auto* time = frame.find("pingTime");
    if (!frame.only({"type", "timestamp", "originalTimestamp", "pingTime"}) || !time)
        return wrong("fields of heartbeat_pong", frame.string("originalTimestamp"));
    const auto found = s->pings.find(frame.string("originalTimestamp"));
    if (found == s->pings.end())
        return wrong("a pong to no ping", frame.string("originalTimestamp"));
    const auto said = time->is == json::kind::string ? json_quoted(time->text) : time->text;
    if (said != found->second) return wrong("a pong with another pingTime", said);
    s->pings.erase(found);
}

} // namespace parley::simulation
