#include "dialect/parley/frame_fields.hpp"

#include "core/json_string.hpp"
#include "core/trusted_json.hpp"

#include <charconv>

namespace parley::wire {

void frame_fields::append(std::string_view token, std::string& to) const {
    const auto inner = token.substr(1, token.size() - 2);
    if (!has_backslash(inner)) {
        to.append(inner);
        return;
    }
    to.reserve(inner.size()); // it gets no longer
    append_unescaped(to, inner);
}

std::string frame_fields::unescaped(std::string_view token) const {
    std::string out;
    append(token, out);
    return out;
}

std::string frame_fields::text(level where, field which) const {
    std::string out;
    text(where, which, out);
    return out;
}

void frame_fields::text(level where, field which, std::string& to) const {
    const auto value = raw(where, which);
    if (!value.empty() && value.front() == '"') append(value, to);
}

void frame_fields::piece(level where, field which, std::string& to) const {
    const auto value = raw(where, which);
    const auto inner = value.substr(1, value.size() - 2);
    if (!has_backslash(inner)) {
        to.append(inner);
    } else {
        to.reserve(inner.size()); // it gets no longer
        append_unescaped_piece(to, inner);
    }
}

std::optional<std::string> frame_fields::spelled(level where, field which) const {
    if (absent(where, which)) return std::nullopt;
    const auto value = raw(where, which);
    return value.front() == '"' ? unescaped(value) : std::string(value);
}

std::optional<std::int64_t> frame_fields::integer(level where, field which) const noexcept {
    const auto value = raw(where, which);
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || fault != std::errc{} || end != value.data() + value.size())
        return std::nullopt;
    return number;
}

json_text frame_fields::json(level where, field which) const {
    const auto value = raw(where, which);
    return value.empty() ? json_text() : trusted_json::make(std::string(value));
}

std::optional<json_text> frame_fields::optional_json(level where, field which) const {
    if (absent(where, which)) return std::nullopt;
    return json(where, which);
}

} // namespace parley::wire
