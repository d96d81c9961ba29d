// What the client sends: every frame is held against doc/protocol.md 2.3.

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
    return named == "thread \"7\"" || named == "conversation" || named == "c" || named == "stray" ||
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
        std::string_view data = R"({"toolCount":1})";
        if (world_.happens(fault::odd_field, 5)) data = R"({"toolCount":"1","toolNames":[{}]})";
        if (world_.happens(fault::odd_field, 5)) data = "[]";
        send(to, fmt::format(R"({{"type":"{}","data":{}}})",
                             update ? "client_tools_updated" : "tools_configured", data));
    });
}

void model_server::take_answer(const session_ptr& s, const json& frame, const std::string& text) {
    const bool error = frame.has("error", json::kind::string);
    const bool one = frame.only({"type", "callId", "result"}) ||
                     (error && frame.only({"type", "callId", "error"}));
    const auto* id = frame.find("callId");
    const bool named = id && (id->is == json::kind::string || id->is == json::kind::number);
    if (!one || !named) return wrong("fields of tool_call_response", text);
    const auto spelled = id->is == json::kind::string ? json_quoted(id->text) : id->text;
    const auto found = ids_.find(spelled);
    if (found == ids_.end()) return wrong("an answer to no call", text);
    s->owed.erase(spelled);
    auto& known = found->second;
    if (frame.string("error").starts_with("Tool result too large: ")) {
        if (!closed_too_large_) wrong("an answer that is too large for nobody", text);
        for (const auto& call : known.calls)
            calls_[call].outcome.clear();
        return;
    }
    if (++known.answered > known.asked)
        world_.broke("I10", fmt::format("{} was answered {} times to {} requests", spelled,
                                        known.answered, known.asked));
    if (!error) {
        const auto* result = frame.find("result");
        const auto call = result ? result->string("call") : std::string();
        if (!known.calls.contains(call))
            return world_.broke("I10", spelled + " got the answer of another call: " + text);
        return check_outcome(call, spelled, text);
    }
    // An error does not say whose it is, and a refusal is no outcome.
    for (const std::string_view refusal :
         {"Tool not found: ", "Tool busy: ", "Client is shutting down"})
        if (frame.string("error").starts_with(refusal)) return;
    if (known.calls.size() == 1) check_outcome(*known.calls.begin(), spelled, text);
}

void model_server::check_outcome(const std::string& call, const std::string& id,
                                 const std::string& text) {
    auto& request = calls_[call];
    const bool known = !request.outcome.empty() && request.memory == observer_.memory();
    if (known && request.outcome != text) world_.broke("I10", id + " got another answer: " + text);
    request.outcome = text;
    request.memory = observer_.memory();
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
