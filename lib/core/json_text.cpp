#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"
#include "core/trusted_json.hpp"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace parley {

namespace {

[[noreturn]] void throw_invalid(const json_fault& fault) {
    const auto* const what = fault.what == json_fault::kind::utf8 ? "is not UTF-8"
                             : fault.what == json_fault::kind::too_deep
                                 ? "is nested deeper than 64 levels"
                                 : "is not valid JSON";
    throw_error(error_info(errc::invalid_json,
                           fmt::format("The text {} at offset {}.", what, fault.offset)));
}

void append_checked(std::string& out, std::string_view text) {
    if (!append_json_string(out, text))
        throw_error(error_info(errc::invalid_utf8, "A text for JSON is not valid UTF-8."));
}

std::string spelled(double value) {
    if (!std::isfinite(value))
        throw_error(error_info(errc::invalid_json,
                               "JSON has no infinity and no NaN: a number must be finite."));
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

std::string enclosed(char open, const std::string& inside, char close) {
    std::string text;
    text.reserve(inside.size() + 2);
    text += open;
    text += inside;
    text += close;
    return text;
}

/// Each part was JSON; only the depth can still be wrong.
json_text built(std::string text) { return json_text::parse(std::move(text)); }

std::optional<std::string_view> find(std::string_view text, std::string_view pointer,
                                     json_kind wanted) {
    auto found = value_at(text, pointer);
    if (found && kind_of(*found) != wanted) found.reset();
    return found;
}

} // namespace

json_text json_text::parse(std::string text) {
    if (const auto fault = check_json(text)) throw_invalid(*fault);
    return trusted_json::make(std::move(text));
}

json_text json_text::from_string(std::string_view text) {
    std::string out;
    append_checked(out, text);
    return trusted_json::make(std::move(out));
}

bool json_text::is_null() const noexcept { return kind_of(trim_json(text_)) == json_kind::null; }
bool json_text::is_object() const noexcept {
    return kind_of(trim_json(text_)) == json_kind::object;
}
bool json_text::is_array() const noexcept { return kind_of(trim_json(text_)) == json_kind::array; }
bool json_text::is_string() const noexcept {
    return kind_of(trim_json(text_)) == json_kind::string;
}

std::optional<std::string> json_text::string_at(std::string_view pointer) const {
    const auto found = find(text_, pointer, json_kind::string);
    if (!found) return std::nullopt;
    return unescape_json_string(*found);
}

std::optional<std::int64_t> json_text::int_at(std::string_view pointer) const {
    const auto found = find(text_, pointer, json_kind::number);
    return found ? number_of<std::int64_t>(*found) : std::nullopt;
}

std::optional<double> json_text::double_at(std::string_view pointer) const {
    const auto found = find(text_, pointer, json_kind::number);
    return found ? number_of<double>(*found) : std::nullopt;
}

std::optional<bool> json_text::bool_at(std::string_view pointer) const {
    const auto found = find(text_, pointer, json_kind::boolean);
    if (!found) return std::nullopt;
    return found->front() == 't';
}

std::optional<json_text> json_text::text_at(std::string_view pointer) const {
    const auto found = value_at(text_, pointer);
    if (!found) return std::nullopt;
    return trusted_json::make(std::string(*found));
}

json_object& json_object::set(std::string_view key, std::string_view text) {
    std::string value;
    append_checked(value, text);
    return set_literal(key, value);
}

json_object& json_object::set(std::string_view key, const json_text& value) {
    return set_literal(key, value.view());
}

json_object& json_object::set(std::string_view key, const json_array& value) {
    return set(key, json_text(value));
}

json_object& json_object::set(std::string_view key, std::nullptr_t) {
    return set_literal(key, "null");
}

json_object& json_object::set(std::string_view key, double value) {
    return set_literal(key, spelled(value));
}

json_object& json_object::set_literal(std::string_view key, std::string_view literal) {
    std::string member; // first whole, then added: a throw leaves the object as it was
    if (!members_.empty()) member += ',';
    append_checked(member, key);
    member += ':';
    member += literal;
    members_ += member;
    return *this;
}

json_object::operator json_text() const { return built(enclosed('{', members_, '}')); }

json_array& json_array::add(std::string_view text) {
    std::string value;
    append_checked(value, text);
    return add_literal(value);
}

json_array& json_array::add(const json_text& value) { return add_literal(value.view()); }
json_array& json_array::add(std::nullptr_t) { return add_literal("null"); }
json_array& json_array::add(double value) { return add_literal(spelled(value)); }

json_array& json_array::add_literal(std::string_view literal) {
    if (!elements_.empty()) elements_ += ',';
    elements_ += literal;
    return *this;
}

json_array::operator json_text() const { return built(enclosed('[', elements_, ']')); }

} // namespace parley
