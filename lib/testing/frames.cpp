#include "testing/frames.hpp"

#include <parley/json_text.hpp>

namespace parley::testing::frames {
namespace {

/// An object whose values may be anything, which `json_object` rightly refuses.
class object {
public:
    object& text(std::string_view key, std::string_view value) {
        return verbatim(key, json_text::from_string(value).view());
    }
    object& text_unless_empty(std::string_view key, std::string_view value) {
        return value.empty() ? *this : text(key, value);
    }
    object& verbatim(std::string_view key, std::string_view json) {
        members_ += members_.empty() ? "\"" : ",\"";
        members_ += key;
        members_ += "\":";
        members_ += json;
        return *this;
    }
    object& verbatim_unless_empty(std::string_view key, std::string_view json) {
        return json.empty() ? *this : verbatim(key, json);
    }
    std::string str() const { return "{" + members_ + "}"; }

private:
    std::string members_;
};

object of_type(std::string_view type) {
    object result;
    result.text("type", type);
    return result;
}

std::string chat_event(std::string_view event, const object& data) {
    return of_type("chat_event").text("event", event).verbatim("data", data.str()).str();
}

std::string provider_event(const object& data) { return chat_event("provider-event", data); }

object tool_activity(std::string_view type, std::string_view name, std::string_view call_id) {
    object result = of_type(type);
    result.text("toolName", name).text("toolCallId", call_id);
    return result;
}

std::string failure(std::string_view type, std::string_view error, std::string_view code) {
    object result = of_type(type);
    result.text("error", error);
    if (!code.empty()) {
        result.verbatim("data", object{}.text("errorCode", code).str());
    }
    return result.str();
}

} // namespace

std::string session_established() { return of_type("session_established").str(); }

std::string authentication_error(std::string_view error, std::string_view code) {
    return of_type("authentication_error").text("error", error).text("code", code).str();
}

std::string tools_configured(std::string_view type, const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        list += list.empty() ? "" : ",";
        list += json_text::from_string(name).view();
    }
    object data;
    data.verbatim("toolCount", std::to_string(names.size()));
    data.verbatim("toolNames", "[" + list + "]");
    return of_type(type).verbatim("data", data.str()).str();
}

std::string ask_for_tools() { return of_type("configure_tools").str(); }

std::string content_delta(std::string_view delta) {
    return chat_event("content-delta", object{}.text("delta", delta));
}

std::string text_delta(std::string_view delta) {
    return provider_event(of_type("text-delta").text("textDelta", delta));
}

std::string reasoning_start(std::string_view id) {
    return provider_event(of_type("reasoning-start").text_unless_empty("id", id));
}

std::string reasoning_delta(std::string_view id, std::string_view text) {
    return provider_event(
        of_type("reasoning-delta").text_unless_empty("id", id).text("text", text));
}

std::string reasoning_end(std::string_view id) {
    return provider_event(of_type("reasoning-end").text_unless_empty("id", id));
}

std::string server_tool_call(std::string_view name, std::string_view call_id,
                             std::string_view args_json) {
    return provider_event(
        tool_activity("tool-call", name, call_id).verbatim_unless_empty("args", args_json));
}

std::string server_tool_result(std::string_view name, std::string_view call_id,
                               std::string_view result_json) {
    return provider_event(
        tool_activity("tool-result", name, call_id).verbatim_unless_empty("result", result_json));
}

std::string latitude_tool_result(std::string_view name, std::string_view call_id) {
    return chat_event("latitude-event", tool_activity("tool-result", name, call_id));
}

std::string tool_call_request(std::string_view name, std::string_view call_id,
                              std::string_view parameters_json) {
    return of_type("tool_call_request")
        .text("toolName", name)
        .text("callId", call_id)
        .verbatim_unless_empty("parameters", parameters_json)
        .str();
}

std::string ui_component(std::string_view call_id, std::string_view name,
                         std::string_view props_json, std::string_view status) {
    return of_type("ui_component")
        .text("toolCallId", call_id)
        .text("componentName", name)
        .verbatim_unless_empty("props", props_json)
        .text_unless_empty("status", status)
        .str();
}

std::string thread_created(std::string_view provider_res_id, std::string_view thread_id,
                           std::string_view update_endpoint) {
    object data;
    data.text("providerResId", provider_res_id).text("threadId", thread_id);
    data.verbatim("canUpdateMetadata", "true").text("updateEndpoint", update_endpoint);
    return of_type("thread_created").verbatim("data", data.str()).str();
}

std::string chat_finished(std::string_view uuid, std::string_view conversation_id,
                          std::size_t message_count) {
    object data;
    data.text("conversationId", conversation_id);
    data.verbatim("messageCount", std::to_string(message_count));
    return of_type("chat_finished").text("uuid", uuid).verbatim("data", data.str()).str();
}

std::string messages_persisted(std::string_view thread_id, std::string_view provider_res_id) {
    object data;
    data.text("threadId", thread_id).text("providerResId", provider_res_id);
    return of_type("messages_persisted").verbatim("data", data.str()).str();
}

std::string chat_error(std::string_view error, std::string_view code) {
    return failure("chat_error", error, code);
}

std::string error(std::string_view error, std::string_view code) {
    return failure("error", error, code);
}

std::string heartbeat_ping(std::string_view timestamp, std::string_view ping_time_json) {
    return of_type("heartbeat_ping")
        .text("timestamp", timestamp)
        .verbatim_unless_empty("pingTime", ping_time_json)
        .str();
}

std::string heartbeat_ack(std::string_view timestamp, std::string_view original_timestamp) {
    return of_type("heartbeat_ack")
        .text("timestamp", timestamp)
        .text("originalTimestamp", original_timestamp)
        .str();
}

} // namespace parley::testing::frames
