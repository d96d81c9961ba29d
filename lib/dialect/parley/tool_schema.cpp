#include <parley/error.hpp>

#include "core/json_check.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"
#include "core/trusted_json.hpp"
#include "dialect/parley/encoder.hpp"
#include "dialect/parley/json_writer.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace parley {

namespace {

[[noreturn]] void refuse(const tool& described, std::string_view why) {
    throw_error(
        error_info(errc::tool_schema_invalid,
                   fmt::format("The parameter schema of the tool \"{}\" cannot be used: {}.",
                               shorten_and_escape(described.name(), 60), why)));
}

bool is(std::string_view value, json_kind kind) { return kind_of(value) == kind; }

std::string text_of(std::string_view token) {
    return trusted_json::make(std::string(token)).string_at("").value_or("");
}

/// The names in `required`.
std::vector<std::string> required_names(const tool& described, std::string_view schema) {
    std::vector<std::string> names;
    const auto required = member(schema, "required");
    if (!required) return names;
    if (!is(*required, json_kind::array)) refuse(described, "\"required\" is not an array");
    for (json_elements each{*required}; each.next();) {
        if (!is(each.value(), json_kind::string))
            refuse(described, "\"required\" holds something that is not a name");
        names.push_back(text_of(each.value()));
    }
    return names;
}

/// What a schema's `type` says; of several types the first that is not `null`.
std::string type_of(std::string_view schema) {
    const auto type = is(schema, json_kind::object) ? member(schema, "type") : std::nullopt;
    if (type && is(*type, json_kind::string)) return text_of(*type);
    if (type && is(*type, json_kind::array)) {
        for (json_elements each{*type}; each.next();)
            if (is(each.value(), json_kind::string) && each.value() != R"("null")")
                return text_of(each.value());
    }
    return "any";
}

std::string description_of(std::string_view schema) {
    const auto text = is(schema, json_kind::object) ? member(schema, "description") : std::nullopt;
    return text && is(*text, json_kind::string) ? text_of(*text) : std::string();
}

std::string parameter(std::string_view name_token, std::string_view schema, bool required) {
    wire::object_writer out;
    out.raw("name", name_token).text("type", type_of(schema));
    out.text("description", description_of(schema));
    return out.boolean("isRequired", required).raw("schema", schema).take();
}

std::string parameters_of(const tool& described, std::string_view schema) {
    if (const auto type = type_of(schema); type != "any" && type != "object")
        refuse(described, "its type must be \"object\"");
    const auto required = required_names(described, schema);
    const auto properties = member(schema, "properties");
    std::string out = "[";
    if (!properties) return out + ']';
    if (!is(*properties, json_kind::object)) refuse(described, "\"properties\" is not an object");
    std::vector<std::string> seen; // of two properties of one name the first counts
    for (json_members each{*properties}; each.next();) {
        if (!is(each.value(), json_kind::object) && !is(each.value(), json_kind::boolean))
            refuse(described, "a property's schema is not a JSON schema");
        auto name = each.key();
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
        const bool needed = std::find(required.begin(), required.end(), name) != required.end();
        if (!seen.empty()) out += ',';
        out += parameter(each.key_token(), each.value(), needed);
        seen.push_back(std::move(name));
    }
    return out + ']';
}

} // namespace

json_text tool_parameters(const tool& described) {
    const auto& given = described.parameters_schema();
    if (given.is_array()) return given;
    if (!given.is_object()) refuse(described, "it is neither a JSON object nor an array");
    return trusted_json::make(parameters_of(described, trim_json(given.view())));
}

json_text tool_schemas(const std::vector<tool>& tools) {
    std::string out = "[";
    for (const auto& each : tools) {
        if (each.name().empty() || !valid_utf8(each.name()))
            throw_error(
                error_info(errc::tool_name_invalid, "A tool's name is empty or not valid UTF-8."));
        if (out.size() > 1) out += ',';
        wire::object_writer one;
        one.text("name", each.name()).text("description", each.description());
        const auto entry = one.raw("parameters", tool_parameters(each).view()).take();
        if (check_json('[' + entry + ']')) refuse(each, "it is nested too deep");
        out += entry;
    }
    return trusted_json::make(out + ']');
}

} // namespace parley
