#include "core/json_walk.hpp"

#include "core/json_string.hpp"

#include <charconv>

namespace parley {

namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::size_t skip_space(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_space(text[at]))
        ++at;
    return at;
}

/// The end of the string whose opening quote is at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) noexcept {
    for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
    return at + 1;
}

/// The end of the value that begins at `at`: brackets are counted, for the text is known to be
/// well-formed.
std::size_t skip_value(std::string_view text, std::size_t at) noexcept {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (depth == 0) return at;
            continue;
        }
        if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at; // the end of what holds this scalar
            if (--depth == 0) return at + 1;
        } else if (depth == 0 && (c == ',' || is_space(c))) {
            return at;
        }
        ++at;
    }
    return at;
}

/// Past the comma, if there is one, to the next token.
std::size_t skip_comma(std::string_view text, std::size_t at) noexcept {
    at = skip_space(text, at);
    return at < text.size() && text[at] == ',' ? skip_space(text, at + 1) : at;
}

/// RFC 6901 section 3 and 4: `~1` is `/`, `~0` is `~`.
std::optional<std::string> reference_token(std::string_view escaped) {
    std::string out;
    for (std::size_t at = 0; at < escaped.size(); ++at) {
        if (escaped[at] != '~') {
            out += escaped[at];
            continue;
        }
        if (++at == escaped.size() || (escaped[at] != '0' && escaped[at] != '1'))
            return std::nullopt;
        out += escaped[at] == '0' ? '~' : '/';
    }
    return out;
}

/// RFC 6901 section 4: digits without a leading zero.
std::optional<std::size_t> array_index(std::string_view token) noexcept {
    if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
    std::size_t index = 0;
    const auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (fault != std::errc{} || end != token.data() + token.size()) return std::nullopt;
    return index;
}

std::optional<std::string_view> element(std::string_view array, std::size_t index) noexcept {
    for (json_elements each{array}; each.next(); --index)
        if (index == 0) return each.value();
    return std::nullopt;
}

} // namespace

std::string_view trim_json(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

json_members::json_members(std::string_view object) noexcept
    : text_(object), at_(skip_space(object, 1)) {}

bool json_members::next() noexcept {
    if (at_ >= text_.size() || text_[at_] != '"') return false;
    const auto key_end = skip_string(text_, at_);
    key_ = text_.substr(at_, key_end - at_);
    const auto begin = skip_space(text_, skip_space(text_, key_end) + 1); // past the colon
    const auto end = skip_value(text_, begin);
    value_ = text_.substr(begin, end - begin);
    at_ = skip_comma(text_, end);
    return true;
}

std::string json_members::key() const { return unescape_json_string(key_); }

bool json_members::key_is(std::string_view name) const {
    const auto inner = key_.substr(1, key_.size() - 2);
    if (!has_backslash(inner)) return inner == name;
    return key() == name;
}

json_elements::json_elements(std::string_view array) noexcept
    : text_(array), at_(skip_space(array, 1)) {}

bool json_elements::next() noexcept {
    if (at_ >= text_.size() || text_[at_] == ']') return false;
    const auto end = skip_value(text_, at_);
    value_ = text_.substr(at_, end - at_);
    at_ = skip_comma(text_, end);
    return true;
}

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
    for (json_members each{object}; each.next();)
        if (each.key_is(name)) return each.value();
    return std::nullopt;
}

std::optional<std::string_view> value_at(std::string_view text, std::string_view pointer) {
    std::optional<std::string_view> at = trim_json(text);
    if (!pointer.empty() && pointer.front() != '/') return std::nullopt;
    while (at && !pointer.empty()) {
        pointer.remove_prefix(1);
        const auto slash = pointer.find('/');
        const auto token = reference_token(pointer.substr(0, slash));
        if (!token) return std::nullopt;
        pointer.remove_prefix(slash == std::string_view::npos ? pointer.size() : slash);
        switch (kind_of(*at)) {
        case json_kind::object:
            at = member(*at, *token);
            break;
        case json_kind::array: {
            const auto index = array_index(*token);
            at = index ? element(*at, *index) : std::nullopt;
            break;
        }
        default:
            return std::nullopt;
        }
    }
    return at;
}

} // namespace parley
