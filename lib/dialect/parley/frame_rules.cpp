#include "dialect/parley/frame_rules.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

namespace parley::wire {

namespace {

using enum presence;
using enum level;

// doc/protocol.md 2.2 and 2.4, row by row. A frame that ends or opens something has optional fields
// only: it always does its work. So has a tool call, but for its id: it is answered.
constexpr rule authentication_error_rules[]{{top, field::error, shape::words, optional},
                                            {top, field::code, shape::scalar, optional}};
constexpr rule tools_rules[]{{top, field::data, shape::object, optional},
                             {data, field::tool_count, shape::integer, optional},
                             {data, field::tool_names, shape::names, optional}};
constexpr rule content_delta_rules[]{{top, field::data, shape::object, required},
                                     {data, field::delta, shape::text, required}};
constexpr rule text_delta_rules[]{{data, field::text_delta, shape::text, required}};
constexpr rule reasoning_rules[]{{data, field::id, shape::scalar, optional}};
constexpr rule reasoning_delta_rules[]{{data, field::id, shape::scalar, optional},
                                       {data, field::text, shape::text, required}};
constexpr rule tool_start_rules[]{{data, field::tool_name, shape::name, required},
                                  {data, field::tool_call_id, shape::scalar, required},
                                  {data, field::args, shape::value, optional}};
constexpr rule tool_end_rules[]{{data, field::tool_name, shape::name, required},
                                {data, field::tool_call_id, shape::scalar, required},
                                {data, field::result, shape::value, optional}};
constexpr rule chat_finished_rules[]{{top, field::uuid, shape::scalar, optional},
                                     {top, field::data, shape::object, optional},
                                     {data, field::conversation_id, shape::scalar, optional},
                                     {data, field::message_count, shape::integer, optional}};
constexpr rule failure_rules[]{{top, field::error, shape::words, optional},
                               {top, field::data, shape::object, optional},
                               {data, field::error_code, shape::scalar, optional},
                               {data, field::details, shape::value, optional}};
constexpr rule persisted_rules[]{{top, field::data, shape::object, optional},
                                 {data, field::thread_id, shape::scalar, optional},
                                 {data, field::provider_res_id, shape::scalar, optional}};
constexpr rule thread_created_rules[]{{top, field::data, shape::object, required},
                                      {data, field::provider_res_id, shape::scalar, required},
                                      {data, field::thread_id, shape::scalar, required},
                                      {data, field::can_update_metadata, shape::boolean, optional},
                                      {data, field::update_endpoint, shape::name, optional}};
constexpr rule tool_call_rules[]{{top, field::tool_name, shape::text, optional},
                                 {top, field::call_id, shape::identifier, required},
                                 {top, field::parameters, shape::parameters, optional}};
constexpr rule component_rules[]{{top, field::tool_call_id, shape::scalar, required},
                                 {top, field::component_name, shape::name, required},
                                 {top, field::props, shape::value, required},
                                 {top, field::status, shape::component_status, optional}};
constexpr rule ping_rules[]{{top, field::timestamp, shape::stamp, optional},
                            {top, field::ping_time, shape::scalar, optional}};
constexpr rule ack_rules[]{{top, field::timestamp, shape::scalar, optional},
                           {top, field::original_timestamp, shape::scalar, optional}};

constexpr frame_row rows[]{
    {frame_kind::session_established, "session_established", {}},
    {frame_kind::authentication_error, "authentication_error", authentication_error_rules},
    {frame_kind::tools_configured, "tools_configured", tools_rules},
    {frame_kind::client_tools_updated, "client_tools_updated", tools_rules},
    {frame_kind::configure_tools, "configure_tools", {}},
    {frame_kind::content_delta, "content-delta", content_delta_rules},
    {frame_kind::text_delta, "text-delta", text_delta_rules},
    {frame_kind::reasoning_start, "reasoning-start", reasoning_rules},
    {frame_kind::reasoning_delta, "reasoning-delta", reasoning_delta_rules},
    {frame_kind::reasoning_end, "reasoning-end", reasoning_rules},
    {frame_kind::server_tool_call, "tool-call", tool_start_rules},
    {frame_kind::server_tool_result, "tool-result", tool_end_rules},
    {frame_kind::latitude_tool_result, "tool-result", tool_end_rules},
    {frame_kind::chat_finished, "chat_finished", chat_finished_rules},
    {frame_kind::chat_error, "chat_error", failure_rules},
    {frame_kind::messages_persisted, "messages_persisted", persisted_rules},
    {frame_kind::thread_created, "thread_created", thread_created_rules},
    {frame_kind::tool_call_request, "tool_call_request", tool_call_rules},
    {frame_kind::ui_component, "ui_component", component_rules},
    {frame_kind::heartbeat_ping, "heartbeat_ping", ping_rules},
    {frame_kind::heartbeat_ack, "heartbeat_ack", ack_rules},
    {frame_kind::error, "error", failure_rules},
};

constexpr bool rows_in_order = [] {
    std::size_t at = 0;
    for (const auto& each : rows)
        if (static_cast<std::size_t>(each.kind) != at++) return false;
    return true;
}();
static_assert(rows_in_order);

constexpr bool is_chat_event(frame_kind kind) noexcept {
    return kind >= frame_kind::content_delta && kind <= frame_kind::latitude_tool_result;
}

message_skipped bad(const frame_row& in, const rule& broken, std::string_view what,
                    skip_reason reason = skip_reason::bad_field) {
    return {reason,
            fmt::format("{}{}: {}{} {}", is_chat_event(in.kind) ? "chat_event " : "", in.name,
                        broken.where == data ? "data." : "", name_of(broken.which), what)};
}

bool is_string(std::string_view value) noexcept { return value.front() == '"'; }
bool is_number(std::string_view value) noexcept { return kind_of(value) == json_kind::number; }

bool is_status(std::string_view value) noexcept {
    return value == R"("streaming")" || value == R"("complete")" || value == R"("error")";
}

/// A token of the parser's is a string by its quotes alone: the escapes are looked at here.
bool valid_token(std::string_view value) {
    return is_string(value) ? valid_escapes(value) : !check_json(value);
}

bool all_names(std::string_view array) {
    for (json_elements each{array}; each.next();)
        if (!is_string(each.value()) || each.value().size() > longest_name) return false;
    return true;
}

/// Whether a value is JSON, of no more than 64 levels.
std::optional<message_skipped> check_value(const frame_row& in, const rule& applied,
                                           const frame_fields& fields) {
    const auto value = fields.raw(applied.where, applied.which);
    if (applied.wanted == shape::object && value.front() == '{') return std::nullopt; // was walked
    if (is_string(value) && valid_token(value)) return std::nullopt;
    const auto fault = check_json(value);
    if (!fault) return std::nullopt;
    if (fault->what != json_fault::kind::too_deep)
        return bad(in, applied, "is not valid JSON", skip_reason::not_json);
    if (applied.wanted == shape::parameters) return std::nullopt;
    return bad(in, applied, "is nested deeper than 64 levels", skip_reason::too_deep);
}

bool is_limited(shape wanted) noexcept {
    return wanted == shape::name || wanted == shape::scalar || wanted == shape::stamp;
}

bool has_shape(shape wanted, std::string_view value, const frame_fields& fields,
               const rule& applied) {
    switch (wanted) {
    case shape::text:
    case shape::name:
        return is_string(value);
    case shape::words:
        return is_string(value) || kind_of(value) == json_kind::object;
    case shape::identifier:
    case shape::scalar:
        return is_string(value) || is_number(value);
    case shape::integer:
        return fields.integer(applied.where, applied.which).has_value();
    case shape::boolean:
        return kind_of(value) == json_kind::boolean;
    case shape::object:
        return kind_of(value) == json_kind::object;
    case shape::names:
        return kind_of(value) == json_kind::array && all_names(value);
    case shape::component_status:
        return is_status(value);
    case shape::stamp:
    case shape::value:
    case shape::parameters:
        break;
    }
    return true;
}

std::optional<message_skipped> check(const frame_row& in, const rule& applied,
                                     const frame_fields& fields) {
    const auto value = fields.raw(applied.where, applied.which);
    if (value.empty()) {
        if (applied.needed == optional) return std::nullopt;
        return bad(in, applied, "is missing");
    }
    if (auto skipped = check_value(in, applied, fields)) return skipped;
    if (value == "null" && applied.wanted != shape::value) {
        if (applied.needed == optional) return std::nullopt;
        return bad(in, applied, "is null");
    }
    if (!has_shape(applied.wanted, value, fields, applied))
        return bad(in, applied,
                   applied.wanted == shape::component_status ? "has an unknown value"
                                                             : "has another type");
    if (is_limited(applied.wanted) && value.size() > longest_name)
        return bad(in, applied, "is longer than 4 KiB", skip_reason::too_large);
    return std::nullopt;
}

using named = std::pair<std::string_view, frame_kind>;

constexpr named provider_events[]{{"text-delta", frame_kind::text_delta},
                                  {"reasoning-delta", frame_kind::reasoning_delta},
                                  {"reasoning-start", frame_kind::reasoning_start},
                                  {"reasoning-end", frame_kind::reasoning_end},
                                  {"tool-call", frame_kind::server_tool_call},
                                  {"tool-result", frame_kind::server_tool_result}};
constexpr named latitude_events[]{{"tool-result", frame_kind::latitude_tool_result}};

/// The words of the rows that have a `type` of their own.
constexpr auto types = [] {
    constexpr auto events = static_cast<std::size_t>(frame_kind::chat_finished) -
                            static_cast<std::size_t>(frame_kind::content_delta);
    std::array<named, std::size(rows) - events> all{};
    std::size_t count = 0;
    for (const auto& each : rows)
        if (!is_chat_event(each.kind)) all[count++] = {each.name, each.kind};
    return all;
}();

/// The text of a string token, a view of the token unless there are escapes in it. Nothing for
/// another token, and for invalid escapes.
std::optional<std::string_view> text_of(std::string_view token, std::string& storage) {
    if (token.empty() || !is_string(token)) return std::nullopt;
    const auto inner = token.substr(1, token.size() - 2);
    if (!has_backslash(inner)) return inner;
    if (!valid_escapes(inner)) return std::nullopt;
    append_unescaped(storage, inner);
    return storage;
}

std::optional<frame_kind> kind_named(std::string_view word, std::span<const named> known) {
    const auto found = std::ranges::find(known, word, &named::first);
    return found == known.end() ? std::nullopt : std::optional(found->second);
}

std::optional<frame_kind> none(message_skipped& why, skip_reason reason, std::string detail) {
    why = {reason, std::move(detail)};
    return std::nullopt;
}

std::optional<frame_kind> identify_inner(std::string_view event, std::span<const named> known,
                                         const frame_fields& fields, message_skipped& why) {
    const auto inside = fields.raw(top, field::data);
    if (inside.empty() || inside.front() != '{')
        return none(why, skip_reason::bad_field, "chat_event: data is no object");
    std::string storage;
    const auto type = text_of(fields.raw(data, field::type), storage);
    if (!type) return none(why, skip_reason::bad_field, "chat_event: data.type is no string");
    if (const auto kind = kind_named(*type, known)) return kind;
    return none(why, skip_reason::unknown_event, fmt::format("chat_event {} {}", event, *type));
}

std::optional<frame_kind> identify_event(const frame_fields& fields, message_skipped& why) {
    std::string storage;
    const auto event = text_of(fields.raw(top, field::event_name), storage);
    if (!event) return none(why, skip_reason::bad_field, "chat_event: event is no string");
    if (*event == "content-delta") return frame_kind::content_delta;
    if (*event == "provider-event") return identify_inner(*event, provider_events, fields, why);
    if (*event == "latitude-event") return identify_inner(*event, latitude_events, fields, why);
    return none(why, skip_reason::unknown_event, fmt::format("chat_event {}", *event));
}

} // namespace

std::span<const frame_row> frame_table() noexcept { return rows; }

std::optional<frame_kind> identify(const frame_fields& fields, message_skipped& why) {
    std::string storage;
    const auto type = text_of(fields.raw(top, field::type), storage);
    if (!type) return none(why, skip_reason::no_type, "");
    if (*type == "chat_event") return identify_event(fields, why);
    if (const auto kind = kind_named(*type, types)) return kind;
    return none(why, skip_reason::unknown_type, std::string(*type));
}

std::optional<message_skipped> check_fields(frame_kind kind, frame_fields& fields,
                                            unsigned& ignored) {
    const auto& in = rows[static_cast<std::size_t>(kind)];
    for (const auto& each : in.rules) {
        auto skipped = check(in, each, fields);
        if (!skipped) continue;
        if (each.needed == required || skipped->reason == skip_reason::not_json) return skipped;
        fields.drop(each.where, each.which);
        ++ignored;
    }
    return std::nullopt;
}

message_skipped skipped_for(std::string_view text) {
    const auto fault = check_json(text);
    if (!fault && kind_of(trim_json(text)) != json_kind::object)
        return {skip_reason::not_an_object, ""};
    if (!fault) return {skip_reason::not_json, "the parser does not take it"};
    auto detail = fmt::format("at offset {}", fault->offset);
    return {fault->what == json_fault::kind::too_deep ? skip_reason::too_deep
                                                      : skip_reason::not_json,
            std::move(detail)};
}

} // namespace parley::wire
