#include "core/json_string.hpp"

#include "core/text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace parley {

namespace {

// RFC 8259 section 7: the characters with an escape of two characters, and the second of these.
constexpr std::string_view with_escape = "\"\\/\b\f\n\r\t";
constexpr std::string_view escape_letters = "\"\\/bfnrt";
static_assert(with_escape.size() == escape_letters.size());

bool must_be_escaped(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
    const auto known = with_escape.find(c);
    if (known != std::string_view::npos)
        out.append("\\").append(1, escape_letters[known]);
    else
        out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
}

std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) noexcept {
    return hex_number(text, at, 4);
}

bool is_high(std::uint32_t unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(std::uint32_t unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// The escape behind a `\u` whose digits begin at `at`; RFC 8259 section 7.
unescaped append_unicode(std::string& out, std::string_view text, std::size_t& at) {
    const auto unit = hex4(text, at);
    if (!unit) return unescaped::invalid;
    at += 4;
    if (is_high(*unit) && text.substr(at, 2) == "\\u") {
        if (const auto low = hex4(text, at + 2); low && is_low(*low)) {
            at += 6;
            append_utf8(out, 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00));
            return unescaped::exact;
        }
    }
    if (is_high(*unit) || is_low(*unit)) {
        out += replacement_character;
        return unescaped::replaced;
    }
    append_utf8(out, *unit);
    return unescaped::exact;
}

/// The character that `\\` and this letter stand for; nothing when they are no escape.
std::optional<char> simple_escape(char letter) noexcept {
    const auto known = escape_letters.find(letter);
    return known == std::string_view::npos ? std::nullopt : std::optional(with_escape[known]);
}

} // namespace

bool append_json_string(std::string& out, std::string_view text) {
    if (!valid_utf8(text)) return false;
    out += '"';
    while (!text.empty()) {
        const auto* const special = std::ranges::find_if(text, must_be_escaped);
        const auto plain = static_cast<std::size_t>(special - text.begin());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        append_escaped(out, text.front());
        text.remove_prefix(1);
    }
    out += '"';
    return true;
}

unescaped append_unescaped(std::string& out, std::string_view inner) {
    auto outcome = unescaped::exact;
    for (std::size_t at = 0; at < inner.size();) {
        const auto next = inner.find('\\', at);
        out += inner.substr(at, next - at);
        if (next == std::string_view::npos) break;
        if (next + 1 == inner.size()) return unescaped::invalid;
        at = next + 2;
        if (inner[next + 1] == 'u') {
            const auto one = append_unicode(out, inner, at);
            if (one == unescaped::invalid) return one;
            if (one == unescaped::replaced) outcome = one;
        } else if (const auto c = simple_escape(inner[next + 1])) {
            out += *c;
        } else {
            return unescaped::invalid;
        }
    }
    return outcome;
}

unescaped append_unescaped_piece(std::string& out, std::string_view inner) {
    constexpr std::size_t length = 6; // of an escaped half
    const auto half_at = [&inner](std::size_t at, auto is_wanted) {
        if (inner.substr(at, 2) != "\\u") return false;
        const auto unit = hex4(inner, at + 2);
        return unit && is_wanted(*unit);
    };
    if (half_at(0, is_low)) {
        append_utf8(out, *hex4(inner, 2));
        inner.remove_prefix(length);
    }
    if (inner.size() < length || !half_at(inner.size() - length, is_high))
        return append_unescaped(out, inner);
    const auto before = inner.substr(0, inner.size() - length);
    // Behind an odd number of backslashes the last of them escapes ours.
    const auto backslashes = before.size() - (before.find_last_not_of('\\') + 1);
    if (backslashes % 2 != 0) return append_unescaped(out, inner);
    const auto outcome = append_unescaped(out, before);
    if (outcome != unescaped::invalid) append_utf8(out, *hex4(inner, before.size() + 2));
    return outcome;
}

bool valid_escapes(std::string_view text) noexcept {
    for (auto at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
        if (at + 1 == text.size()) return false;
        const bool unicode = text[at + 1] == 'u';
        if (unicode ? !hex4(text, at + 2) : !simple_escape(text[at + 1])) return false;
        at += unicode ? 6 : 2;
    }
    return true;
}

std::string unescape_json_string(std::string_view token) {
    std::string out;
    append_unescaped(out, token.substr(1, token.size() - 2));
    return out;
}

} // namespace parley
