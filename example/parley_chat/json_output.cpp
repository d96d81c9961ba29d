#include "json_output.hpp"

#include "console.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace parley_chat {

namespace {

using parley::json_object;
using parley::json_text;

template <class T>
void set(json_object& object, std::string_view key, const std::optional<T>& value) {
    if (value) {
        object.set(key, *value);
    } else {
        object.set(key, nullptr);
    }
}

// Empty is how the library says that it does not know.
void set_known(json_object& object, std::string_view key, const std::string& value) {
    if (value.empty()) {
        object.set(key, nullptr);
    } else {
        object.set(key, as_utf8(value));
    }
}

void set_duration(json_object& object, std::string_view key, std::chrono::milliseconds value) {
    object.set(key, static_cast<std::int64_t>(value.count()));
}

// JSON that is somebody else's comes as it was written, and may span lines. A raw line feed in
// valid JSON is white space: within a string it would be escaped (RFC 8259 section 7).
std::string finish(const json_object& object) {
    const json_text text = object;
    std::string line(text.view());
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\r', ' ');
    return escaped_in_json(line);
}

json_object named(std::string_view event) {
    json_object object;
    object.set("event", event);
    return object;
}

void set_cause(json_object& object, const parley::error_info& cause) {
    object.set("type", parley::error_kind(cause));
    set(object, "code", code_name(cause));
    object.set("message", as_utf8(cause.message));
}

std::string reasoning(const std::string& id, std::string_view phase, std::string_view text) {
    return finish(named("reasoning").set("id", id).set("phase", phase).set("text", text));
}

std::string server_tool(const std::string& name, const std::string& call_id, std::string_view phase,
                        const std::optional<json_text>& args,
                        const std::optional<json_text>& result) {
    json_object object = named("server_tool");
    object.set("name", name).set("callId", call_id).set("phase", phase);
    set(object, "args", args);
    set(object, "result", result);
    return finish(object);
}

std::string reported_error(std::string_view event, const std::string& error,
                           const std::optional<std::string>& code) {
    json_object object = named(event);
    object.set("error", error);
    set(object, "code", code);
    return finish(object);
}

std::string_view name_of(parley::ui_component::state status) {
    switch (status) {
    case parley::ui_component::state::streaming:
        return "streaming";
    case parley::ui_component::state::complete:
        return "complete";
    case parley::ui_component::state::error:
        return "error";
    }
    return "complete";
}

json_text details_object(const parley::error_details& details) {
    json_object object;
    if (details.phase == parley::phase::none) {
        object.set("phase", nullptr);
    } else {
        object.set("phase", parley::to_string(details.phase));
    }
    set(object, "httpStatus", details.http_status);
    set(object, "closeCode", details.close_code);
    set(object, "attempt", details.attempt);
    if (details.retry_after) {
        set_duration(object, "retryAfterMs", *details.retry_after);
    } else {
        object.set("retryAfterMs", nullptr);
    }
    object.set("retryable", details.retryable);
    set_known(object, "url", details.url);
    set_known(object, "serverCode", details.server_code);
    set_known(object, "serverText", details.server_text);
    set_known(object, "reason", details.reason);
    return object;
}

// One overload for each event; the two that are no line of the contract give nullopt.
class line_of {
public:
    using line = std::optional<std::string>;

    line operator()(const parley::text_delta& e) const {
        return finish(named("text_delta").set("text", e.text));
    }
    line operator()(const parley::reasoning_started& e) const {
        return reasoning(e.id, "start", "");
    }
    line operator()(const parley::reasoning_delta& e) const {
        return reasoning(e.id, "delta", e.text);
    }
    line operator()(const parley::reasoning_finished& e) const {
        return reasoning(e.id, "end", e.text);
    }
    line operator()(const parley::tool_started& e) const {
        return finish(named("tool_call")
                          .set("name", e.name)
                          .set("callId", e.call_id)
                          .set("parameters", e.parameters));
    }
    line operator()(const parley::tool_finished& e) const {
        json_object object = named("tool_result");
        object.set("name", e.name).set("callId", e.call_id);
        const bool succeeded = e.outcome == parley::tool_outcome::succeeded;
        if (succeeded) {
            object.set("result", e.result.value_or(json_text{})).set("error", nullptr);
        } else {
            object.set("result", nullptr).set("error", as_utf8(e.error));
        }
        return finish(object);
    }
    line operator()(const parley::tool_answer_repeated& e) const {
        return finish(named("tool_result_repeated").set("name", e.name).set("callId", e.call_id));
    }
    line operator()(const parley::server_tool_started& e) const {
        return server_tool(e.name, e.call_id, "start", e.arguments, std::nullopt);
    }
    line operator()(const parley::server_tool_finished& e) const {
        return server_tool(e.name, e.call_id, "end", std::nullopt, e.result);
    }
    line operator()(const parley::ui_component& e) const {
        return finish(named("ui_component")
                          .set("callId", e.call_id)
                          .set("name", e.name)
                          .set("props", e.props)
                          .set("status", name_of(e.status)));
    }
    line operator()(const parley::thread_created& e) const {
        json_object object = named("thread_created");
        set_known(object, "threadId", e.thread_id);
        set_known(object, "providerResId", e.provider_res_id);
        return finish(object.set("canUpdateMetadata", e.can_update_metadata));
    }
    line operator()(const parley::messages_persisted& e) const {
        json_object object = named("messages_persisted");
        set(object, "threadId", e.thread_id);
        set(object, "providerResId", e.provider_res_id);
        return finish(object);
    }
    line operator()(const parley::chat_finished& e) const {
        json_object object = named("finished");
        set(object, "conversationId", e.conversation_id);
        return finish(object);
    }
    line operator()(const parley::chat_failed& e) const {
        return reported_error("chat_error", e.error, e.code);
    }
    line operator()(const parley::server_error& e) const {
        return reported_error("server_error", e.error, e.code);
    }
    line operator()(const parley::message_skipped& e) const {
        return finish(named("message_skipped").set("reason", parley::to_string(e.reason)));
    }
    line operator()(const parley::connection_lost& e) const {
        json_object object = named("connection_lost");
        object.set("reason", parley::to_string(e.reason));
        set(object, "code", e.cause.details.close_code);
        object.set("willReconnect", e.will_reconnect).set("unconfirmed", e.unconfirmed);
        return finish(object);
    }
    line operator()(const parley::reconnecting& e) const {
        json_object object = named("reconnecting");
        object.set("attempt", e.attempt);
        set_duration(object, "delayMs", e.delay);
        json_object cause;
        set_cause(cause, e.cause);
        return finish(object.set("cause", cause));
    }
    line operator()(const parley::connection_restored&) const {
        return finish(named("connection_restored"));
    }
    line operator()(const parley::connection_failed& e) const {
        json_object object = named("connection_failed");
        set_cause(object, e.cause);
        return finish(object);
    }
    line operator()(const parley::ticket_renewed& e) const {
        json_object object = named("ticket_renewed");
        set_duration(object, "expiresInMs", e.expires_in);
        return finish(object);
    }
    line operator()(const parley::ticket_renewal_failed&) const { return std::nullopt; }
    line operator()(const parley::handler_failed&) const { return std::nullopt; }
};

} // namespace

std::string session_ready_line(const std::vector<std::string>& tools) {
    parley::json_array names;
    for (const auto& name : tools)
        names.add(as_utf8(name));
    return finish(named("session_ready").set("tools", names));
}

std::optional<std::string> event_line(const parley::event& happened) {
    return std::visit(line_of{}, happened);
}

std::string error_line(const failure& reported) {
    json_object object = named("error");
    set(object, "type", reported.type);
    set(object, "code", reported.code);
    object.set("message", as_utf8(reported.message));
    if (reported.details) {
        object.set("details", details_object(*reported.details));
    } else {
        object.set("details", nullptr);
    }
    return finish(object);
}

void json_output::ready(const std::vector<std::string>& tools) {
    screen_.record(session_ready_line(tools));
}

void json_output::happened(const parley::event& event) {
    if (const auto line = event_line(event)) {
        screen_.record(*line);
    } else if (const auto* failed = std::get_if<parley::ticket_renewal_failed>(&event)) {
        screen_.note(style::warning, "ticket not renewed yet: " + failed->cause.message);
    }
}

void json_output::failed(const failure& reported) {
    screen_.complain(reported);
    screen_.record(error_line(reported));
}

} // namespace parley_chat
