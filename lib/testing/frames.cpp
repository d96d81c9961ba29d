#include "testing/frames.hpp"

#include <parley/json_text.hpp>

namespace parley::testing::frames {
namespace {

/// An object whose values may be anything; `json_object` rejects invalid ones.
class object {
public:
    object& json(std::string_view key, optional_text value) {
        if (!value) {
            return *this;
        }
        members_ += members_.empty() ? "\"" : ",\"";
        members_ += key;
        members_ += "\":";
        members_ += *value;
        return *this;
    }
    object& text(std::string_view key, optional_text value) {
        return value ? json(key, quoted(*value)) : *this;
    }
    object& number(std::string_view key, optional_number value) {
        return value ? json(key, std::to_string(*value)) : *this;
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

std::string provider_event(const object& data) { return chat_event("provider-event", data.str()); }

object tool_activity(std::string_view type, std::string_view name, std::string_view call_id) {
    object result = of_type(type);
    result.text("toolName", name).text("toolCallId", call_id);
    return result;
}

std::string failure(std::string_view type, std::string_view error, optional_text code,
                    optional_text details_json) {
    object result = of_type(type);
    result.text("error", error);
    if (code || details_json) {
        result.json("data", object{}.text("errorCode", code).json("details", details_json).str());
    }
    return result.str();
}

} // namespace

std::string quoted(std::string_view text) {
    return std::string(json_text::from_string(text).view());
}

std::string session_established() { return of_type("session_established").str(); }

std::string authentication_error(std::string_view error, std::string_view code) {
    return of_type("authentication_error").text("error", error).text("code", code).str();
}

std::string tools_acknowledged(std::string_view type, optional_number count,
                               const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        list += list.empty() ? "" : ",";
        list += quoted(name);
    }
    object data;
    data.number("toolCount", count).json("toolNames", "[" + list + "]");
    return of_type(type).json("data", data.str()).str();
}

std::string configure_tools() { return of_type("configure_tools").str(); }

std::string chat_event(std::string_view event, std::string_view data_json) {
    return of_type("chat_event").text("event", event).json("data", data_json).str();
}

std::string content_delta(std::string_view delta) {
    return chat_event("content-delta", object{}.text("delta", delta).str());
}

std::string text_delta(std::string_view delta) {
    return provider_event(of_type("text-delta").text("textDelta", delta));
}

std::string reasoning_start(optional_text id) {
    return provider_event(of_type("reasoning-start").text("id", id));
}

std::string reasoning_delta(optional_text id, std::string_view text) {
    return provider_event(of_type("reasoning-delta").text("id", id).text("text", text));
}

std::string reasoning_end(optional_text id) {
    return provider_event(of_type("reasoning-end").text("id", id));
}

std::string server_tool_call(std::string_view name, std::string_view call_id,
                             optional_text args_json) {
    return provider_event(tool_activity("tool-call", name, call_id).json("args", args_json));
}

std::string server_tool_result(std::string_view name, std::string_view call_id,
                               optional_text result_json) {
    return provider_event(tool_activity("tool-result", name, call_id).json("result", result_json));
}

std::string latitude_tool_result(std::string_view name, std::string_view call_id) {
    return chat_event("latitude-event", tool_activity("tool-result", name, call_id).str());
}

std::string tool_call_request(std::string_view name, std::string_view call_id_json,
                              optional_text parameters_json) {
    return of_type("tool_call_request")
        .text("toolName", name)
        .json("callId", call_id_json)
        .json("parameters", parameters_json)
        .str();
}

std::string ui_component(std::string_view call_id, std::string_view name, optional_text props_json,
                         optional_text status) {
    return of_type("ui_component")
        .text("toolCallId", call_id)
        .text("componentName", name)
        .json("props", props_json)
        .text("status", status)
        .str();
}

std::string thread_created(std::string_view provider_res_id, std::string_view thread_id,
                           std::string_view update_endpoint, bool can_update_metadata) {
    object data;
    data.text("providerResId", provider_res_id).text("threadId", thread_id);
    data.json("canUpdateMetadata", can_update_metadata ? "true" : "false");
    data.text("updateEndpoint", update_endpoint);
    return of_type("thread_created").json("data", data.str()).str();
}

std::string chat_finished(optional_text uuid, optional_text conversation_id,
                          optional_number message_count) {
    object data;
    data.text("conversationId", conversation_id).number("messageCount", message_count);
    return of_type("chat_finished").text("uuid", uuid).json("data", data.str()).str();
}

std::string messages_persisted(optional_text thread_id, optional_text provider_res_id) {
    object data;
    data.text("threadId", thread_id).text("providerResId", provider_res_id);
    return of_type("messages_persisted").json("data", data.str()).str();
}

std::string chat_error(std::string_view error, optional_text code, optional_text details_json) {
    return failure("chat_error", error, code, details_json);
}

std::string error(std::string_view error, optional_text code, optional_text details_json) {
    return failure("error", error, code, details_json);
}

std::string heartbeat_ping(optional_text timestamp_json, optional_text ping_time_json) {
    return of_type("heartbeat_ping")
        .json("timestamp", timestamp_json)
        .json("pingTime", ping_time_json)
        .str();
}

std::string heartbeat_ack(optional_text timestamp_json, optional_text original_timestamp_json) {
    return of_type("heartbeat_ack")
        .json("timestamp", timestamp_json)
        .json("originalTimestamp", original_timestamp_json)
        .str();
}

} // namespace parley::testing::frames
