#include "dialect/parley/frame_rules.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"

#include <fmt/core.h>

#include <string>
#include <utility>

namespace parley::wire {

namespace {

using enum presence;
using enum level;

message_skipped bad(const frame_row& in, const rule& broken, std::string_view what,
                    skip_reason reason = skip_reason::bad_field) {
    return {reason, fmt::format("{}{}: {}{} {}", in.named_by != naming::type ? "chat_event " : "",
                                in.name, broken.where == data ? "data." : "", broken.name, what)};
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
    const auto value = fields.raw(applied.where, applied.name);
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
        return fields.integer(applied.where, applied.name).has_value();
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
    const auto value = fields.raw(applied.where, applied.name);
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

const frame_row* find_row(naming by, std::string_view name) {
    for (const auto& each : frame_table())
        if (each.named_by == by && each.name == name) return &each;
    return nullptr;
}

const frame_row* none(message_skipped& why, skip_reason reason, std::string detail) {
    why = {reason, std::move(detail)};
    return nullptr;
}

const frame_row* identify_inner(std::string_view event, naming by, const frame_fields& fields,
                                message_skipped& why) {
    const auto inside = fields.raw(top, "data");
    if (inside.empty() || inside.front() != '{')
        return none(why, skip_reason::bad_field, "chat_event: data is not an object");
    std::string storage;
    const auto type = text_of(fields.raw(data, "type"), storage);
    if (!type) return none(why, skip_reason::bad_field, "chat_event: data.type is not a string");
    if (const auto* row = find_row(by, *type)) return row;
    return none(why, skip_reason::unknown_event, fmt::format("chat_event {} {}", event, *type));
}

const frame_row* identify_event(const frame_fields& fields, message_skipped& why) {
    std::string storage;
    const auto event = text_of(fields.raw(top, "event"), storage);
    if (!event) return none(why, skip_reason::bad_field, "chat_event: event is not a string");
    if (*event == "provider-event")
        return identify_inner(*event, naming::provider_event, fields, why);
    if (*event == "latitude-event")
        return identify_inner(*event, naming::latitude_event, fields, why);
    if (const auto* row = find_row(naming::event, *event)) return row;
    return none(why, skip_reason::unknown_event, fmt::format("chat_event {}", *event));
}

} // namespace

const frame_row* identify(const frame_fields& fields, message_skipped& why) {
    std::string storage;
    const auto type = text_of(fields.raw(top, "type"), storage);
    if (!type) return none(why, skip_reason::no_type, "");
    if (*type == "chat_event") return identify_event(fields, why);
    if (const auto* row = find_row(naming::type, *type)) return row;
    return none(why, skip_reason::unknown_type, std::string(*type));
}

std::optional<message_skipped> check_fields(const frame_row& in, frame_fields& fields,
                                            unsigned& ignored) {
    for (const auto& each : in.rules) {
        auto skipped = check(in, each, fields);
        if (!skipped) continue;
        if (each.needed == required || skipped->reason == skip_reason::not_json) return skipped;
        fields.drop(each.where, each.name);
        ++ignored;
    }
    return std::nullopt;
}

message_skipped skipped_for(std::string_view text) {
    const auto fault = check_json(text);
    if (!fault && kind_of(trim_json(text)) != json_kind::object)
        return {skip_reason::not_an_object, ""};
    if (!fault) return {skip_reason::not_json, "the parser rejects it"};
    auto detail = fmt::format("at offset {}", fault->offset);
    return {fault->what == json_fault::kind::too_deep ? skip_reason::too_deep
                                                      : skip_reason::not_json,
            std::move(detail)};
}

} // namespace parley::wire
