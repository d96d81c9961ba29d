#include "dialect/parley/frame_fields.hpp"

#include "core/json_string.hpp"
#include "core/trusted_json.hpp"

#include <charconv>

namespace parley::wire {

std::string frame_fields::text(level where, std::string_view name) const {
    const auto value = raw(where, name);
    return value.starts_with('"') ? unescape_json_string(value) : std::string();
}

void frame_fields::piece(level where, std::string_view name, std::string& to) const {
    const auto value = raw(where, name);
    const auto inner = value.substr(1, value.size() - 2);
    if (!has_backslash(inner)) {
        to.append(inner);
    } else {
        to.reserve(inner.size()); // it gets no longer
        append_unescaped_piece(to, inner);
    }
}

std::optional<std::string> frame_fields::spelled(level where, std::string_view name) const {
    if (absent(where, name)) return std::nullopt;
    const auto value = raw(where, name);
    return value.front() == '"' ? unescape_json_string(value) : std::string(value);
}

std::optional<std::int64_t> frame_fields::integer(level where,
                                                  std::string_view name) const noexcept {
    const auto value = raw(where, name);
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || fault != std::errc{} || end != value.data() + value.size())
        return std::nullopt;
    return number;
}

json_text frame_fields::json(level where, std::string_view name) const {
    const auto value = raw(where, name);
    return value.empty() ? json_text() : trusted_json::make(std::string(value));
}

std::optional<json_text> frame_fields::optional_json(level where, std::string_view name) const {
    if (absent(where, name)) return std::nullopt;
    return json(where, name);
}

} // namespace parley::wire
