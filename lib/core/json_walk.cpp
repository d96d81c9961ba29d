#include "core/json_walk.hpp"

#include "core/json_string.hpp"
#include "core/text.hpp"

#include <algorithm>

namespace parley {

namespace {

/// Before the first member or element.
json_cursor inside(std::string_view text) noexcept {
    json_cursor at(text);
    if (!at.character('{')) at.character('[');
    at.space();
    return at;
}

/// The string or value at the cursor, and nothing when none is there. Moves on to the next token.
template <class Read>
std::string_view take(json_cursor& at, Read read, char separator) {
    const auto begin = at.position();
    const auto taken = (at.*read)() ? at.from(begin) : std::string_view();
    at.space();
    if (at.character(separator)) at.space();
    return taken;
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
    if (token.size() > 1 && token.front() == '0') return std::nullopt;
    return number_of<std::size_t>(token);
}

std::optional<std::string_view> element(std::string_view array, std::size_t index) noexcept {
    for (json_elements each{array}; each.next(); --index)
        if (index == 0) return each.value();
    return std::nullopt;
}

} // namespace

std::string_view trim_json(std::string_view text) noexcept {
    constexpr std::string_view white = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
    return text.substr(0, text.find_last_not_of(white) + 1);
}

json_members::json_members(std::string_view object) noexcept : at_(inside(object)) {}

bool json_members::next() noexcept {
    key_ = take(at_, &json_cursor::string, ':');
    if (!key_.empty()) value_ = take(at_, &json_cursor::value, ',');
    return !key_.empty();
}

std::string json_members::key() const { return unescape_json_string(key_); }

bool json_members::key_is(std::string_view name) const {
    const auto inner = key_.substr(1, key_.size() - 2);
    if (!has_backslash(inner)) return inner == name;
    return key() == name;
}

json_elements::json_elements(std::string_view array) noexcept : at_(inside(array)) {}

bool json_elements::next() noexcept {
    value_ = take(at_, &json_cursor::value, ',');
    return !value_.empty();
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
