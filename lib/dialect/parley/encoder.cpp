#include "dialect/parley/encoder.hpp"

#include <parley/error.hpp>

#include "core/iso8601.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"
#include "core/trusted_json.hpp"
#include "dialect/parley/json_writer.hpp"

#include <chrono>
#include <cstdint>

namespace parley {

namespace {

using wire::append_text;
using wire::object_writer;

std::string texts(const std::vector<std::string>& values, std::string_view name) {
    std::string out = "[";
    for (const auto& each : values) {
        if (out.size() > 1) out += ',';
        append_text(out, each, name);
    }
    return out + ']';
}

std::string headers(const chat_message::header_map& servers) {
    constexpr std::string_view name = "mcpHeaders";
    std::string out = "{";
    for (const auto& [server, fields] : servers) {
        if (out.size() > 1) out += ',';
        append_text(out, server, name);
        out += ":{";
        bool first = true;
        for (const auto& [key, value] : fields) {
            if (!std::exchange(first, false)) out += ',';
            append_text(out, key, name);
            out += ':';
            append_text(out, value, name);
        }
        out += '}';
    }
    return out + '}';
}

void add_tools(object_writer& out, const json_text& schemas, const json_text& helpers,
               const json_text& components, bool with_helpers) {
    out.raw("toolSchemas", schemas.view());
    if (with_helpers) out.raw("contextHelpers", helpers.is_null() ? "{}" : helpers.view());
    if (!components.is_null()) out.raw("generativeComponents", components.view());
}

object_writer& add_call(object_writer& out, std::string_view call_id, bool numeric_id) {
    return numeric_id ? out.raw("callId", call_id) : out.repaired_text("callId", call_id);
}

std::int64_t milliseconds_of(wall_time when) {
    return std::chrono::floor<std::chrono::milliseconds>(when).time_since_epoch().count();
}

class held_member {
public:
    held_member(std::string name, std::string_view spelled, std::string_view text)
        : key(std::move(name)), token(spelled), value(text) {}

    std::string key;        ///< what it says
    std::string_view token; ///< as it is spelled
    std::string_view value;
};

std::string named_error(std::string_view sentence, std::string_view tool) {
    return std::string(sentence) + shorten_and_escape(tool, 256);
}

held_member* find(std::vector<held_member>& members, const std::string& key) {
    for (auto& each : members)
        if (each.key == key) return &each;
    return nullptr;
}

/// Of two members of one name the first counts, as everywhere.
std::vector<held_member> members_of(const json_text& object) {
    std::vector<held_member> out;
    if (object.is_null()) return out;
    if (!object.is_object())
        throw_error(error_info(errc::invalid_configuration,
                               "Context helpers must be a JSON object, or null for none."));
    for (json_members each{trim_json(object.view())}; each.next();)
        if (auto key = each.key(); !find(out, key))
            out.emplace_back(std::move(key), each.key_token(), each.value());
    return out;
}

} // namespace

wire::object_writer client_frame(std::string_view type, std::size_t size) {
    constexpr std::size_t names = 100;
    object_writer out(names + size);
    out.text("type", type);
    return out;
}

std::string encode_chat_message(const chat_message& message,
                                const std::optional<std::string>& conversation) {
    auto out = client_frame("chat_message", message.content().size());
    out.text("content", message.content()).raw("media", texts(message.media(), "media"));
    const bool goes_on = !message.provider_res_id() && !message.begins_conversation();
    out.text_if("providerResId", goes_on ? conversation : message.provider_res_id());
    if (message.mcp_headers()) out.raw("mcpHeaders", headers(*message.mcp_headers()));
    return out.take();
}

std::string encode_configure_tools(const json_text& schemas, const json_text& helpers,
                                   const json_text& components) {
    auto out = client_frame("configure_tools");
    add_tools(out, schemas, helpers, components, true);
    return out.take();
}

std::string encode_update_tools(const json_text& schemas, const json_text& components) {
    auto out = client_frame("update_tools");
    add_tools(out, schemas, {}, components, false);
    return out.take();
}

std::string encode_tool_result(std::string_view call_id, const json_text& result, bool numeric_id) {
    auto out = client_frame("tool_call_response", result.view().size());
    return add_call(out, call_id, numeric_id).raw("result", result.view()).take();
}

std::string encode_tool_error(std::string_view call_id, std::string_view error, bool numeric_id) {
    auto out = client_frame("tool_call_response");
    return add_call(out, call_id, numeric_id).repaired_text("error", error).take();
}

std::string tool_error_text(tool_outcome why, std::string_view name) {
    const auto named = [name](std::string_view sentence) { return named_error(sentence, name); };
    switch (why) {
    case tool_outcome::not_found:
        return named("Tool not found: ");
    case tool_outcome::timed_out:
        return named("Tool timed out: ");
    case tool_outcome::busy:
        return named("Tool busy: ");
    case tool_outcome::invalid_parameters:
        return named("Invalid parameters: ");
    case tool_outcome::shut_down:
        return "Client is shutting down";
    case tool_outcome::succeeded:
    case tool_outcome::failed:
        break;
    }
    return named("Tool failed: ");
}

std::string tool_result_too_large_text(std::string_view name) {
    return named_error("Tool result too large: ", name);
}

std::string encode_heartbeat_ping(wall_time now) {
    auto out = client_frame("heartbeat_ping");
    out.text("timestamp", format_iso8601(now));
    return out.integer("pingTime", milliseconds_of(now)).take();
}

std::string encode_heartbeat_pong(wall_time now, const ping_received& ping) {
    auto out = client_frame("heartbeat_pong");
    out.text("timestamp", format_iso8601(now));
    if (!ping.timestamp.empty()) out.raw("originalTimestamp", ping.timestamp);
    if (!ping.ping_time.empty()) out.raw("pingTime", ping.ping_time);
    return out.take();
}

json_text merge_helpers(const json_text& held, const json_text& merge) {
    auto members = members_of(held);
    for (auto& each : members_of(merge)) {
        if (auto* known = find(members, each.key))
            known->value = each.value;
        else
            members.push_back(std::move(each));
    }
    std::string out = "{";
    for (const auto& each : members) {
        if (out.size() > 1) out += ',';
        out.append(each.token).append(":").append(each.value);
    }
    return trusted_json::make(out + '}');
}

} // namespace parley
