#pragma once

#include "dialect/parley/json_writer.hpp"
#include "dialect/parley/server_frame.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace parley::test {

namespace detail {

/// A server's side of doc/protocol.md 2.2: the opposite of the decoder, for what it decodes to.
class frame_writer {
public:
    using object = wire::object_writer;

    std::string operator()(const session_established&) const {
        return of("session_established").take();
    }
    std::string operator()(const authentication_refused& f) const {
        return of("authentication_error").text("error", f.error).text("code", f.code).take();
    }
    std::string operator()(const tools_acknowledged& f) const {
        object data;
        if (f.tool_count) data.integer("toolCount", *f.tool_count);
        data.raw("toolNames", R"(["a","b"])"); // which nobody keeps
        return of(f.update ? "client_tools_updated" : "tools_configured")
            .raw("data", data.take())
            .take();
    }
    std::string operator()(const configuration_requested&) const {
        return of("configure_tools").take();
    }
    std::string operator()(const tool_requested& f) const {
        auto out = of("tool_call_request");
        out.text("toolName", f.name);
        if (f.numeric_id)
            out.raw("callId", f.call_id);
        else
            out.text("callId", f.call_id);
        out.raw("parameters", f.parameters_valid ? f.parameters.view() : "false");
        return out.take();
    }
    std::string operator()(const ping_received& f) const {
        return heartbeat("heartbeat_ping", f.timestamp, "pingTime", f.ping_time);
    }
    std::string operator()(const ping_acknowledged& f) const {
        return heartbeat("heartbeat_ack", f.timestamp, "originalTimestamp", f.original_timestamp);
    }
    std::string operator()(const text_delta& f) const {
        return provider(of("text-delta").text("textDelta", f.text));
    }
    std::string operator()(const reasoning_started& f) const {
        return provider(of("reasoning-start").text("id", f.id));
    }
    std::string operator()(const reasoning_delta& f) const {
        return provider(of("reasoning-delta").text("id", f.id).text("text", f.text));
    }
    std::string operator()(const reasoning_finished& f) const {
        return provider(of("reasoning-end").text("id", f.id));
    }
    std::string operator()(const server_tool_started& f) const {
        auto data = of("tool-call");
        data.text("toolName", f.name).text("toolCallId", f.call_id);
        return provider(raw_if(data, "args", f.arguments));
    }
    std::string operator()(const server_tool_finished& f) const {
        auto data = of("tool-result");
        data.text("toolName", f.name).text("toolCallId", f.call_id);
        return provider(raw_if(data, "result", f.result));
    }
    std::string operator()(const ui_component& f) const {
        constexpr std::string_view states[] = {"streaming", "complete", "error"};
        auto out = of("ui_component");
        out.text("toolCallId", f.call_id).text("componentName", f.name);
        out.raw("props", f.props.view());
        return out.text("status", states[static_cast<int>(f.status)]).take();
    }
    std::string operator()(const thread_created& f) const {
        object data;
        data.text("providerResId", f.provider_res_id).text("threadId", f.thread_id);
        data.boolean("canUpdateMetadata", f.can_update_metadata);
        data.text("updateEndpoint", f.update_endpoint);
        return of("thread_created").raw("data", data.take()).take();
    }
    std::string operator()(const messages_persisted& f) const {
        object data;
        data.text_if("threadId", f.thread_id).text_if("providerResId", f.provider_res_id);
        return of("messages_persisted").raw("data", data.take()).take();
    }
    std::string operator()(const chat_finished& f) const {
        object data;
        data.text_if("conversationId", f.conversation_id);
        if (f.message_count) data.integer("messageCount", *f.message_count);
        return of("chat_finished").text_if("uuid", f.uuid).raw("data", data.take()).take();
    }
    std::string operator()(const chat_failed& f) const { return failure("chat_error", f); }
    std::string operator()(const server_error& f) const { return failure("error", f); }
    template <class Event> // of the client: no frame
    std::string operator()(const Event&) const {
        return "";
    }
    std::string operator()(const message_skipped& f) const { return f.detail; }

private:
    static object of(std::string_view type) {
        object out;
        out.text("type", type);
        return out;
    }
    static std::string provider(object& data) {
        return of("chat_event").text("event", "provider-event").raw("data", data.take()).take();
    }
    static object& raw_if(object& out, std::string_view name,
                          const std::optional<json_text>& value) {
        return value ? out.raw(name, value->view()) : out;
    }
    template <class Failure>
    static std::string failure(std::string_view type, const Failure& f) {
        object data;
        data.text_if("errorCode", f.code);
        raw_if(data, "details", f.details);
        return of(type).text("error", f.error).raw("data", data.take()).take();
    }
    static std::string heartbeat(std::string_view type, const std::string& timestamp,
                                 std::string_view name, const std::string& token) {
        auto out = of(type);
        if (!timestamp.empty()) out.raw("timestamp", timestamp);
        if (!token.empty()) out.raw(name, token);
        return out.take();
    }
};

} // namespace detail

/// Throws `client_error` (`invalid_utf8`) as the encoder does.
inline std::string written(const server_frame& frame) {
    return std::visit(detail::frame_writer(), frame);
}

} // namespace parley::test
