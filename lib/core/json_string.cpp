#include "core/json_string.hpp"

#include "core/text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace parley {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

/// Eight bytes of ASCII, none of which needs an escape. A byte that is zero sets the highest bit
/// when one is taken from it; so does one below 0x20 with 0x20, and those above need none.
bool eight_plain(const char* from) noexcept {
    constexpr std::uint64_t each = 0x0101'0101'0101'0101;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, from, sizeof bytes);
    const auto quotes = (bytes ^ each * '"') - each;
    const auto backslashes = (bytes ^ each * '\\') - each;
    const auto controls = bytes - each * 0x20;
    return ((bytes | quotes | backslashes | controls) & each * 0x80) == 0;
}

void append_escaped(std::string& out, unsigned char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        break;
    }
    out += "\\u00";
    out += hex[c >> 4];
    out += hex[c & 15];
}

void append_utf8(std::string& out, std::uint32_t point) {
    const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
        add(point);
    } else if (point < 0x800) {
        add(0xC0 | point >> 6);
        add(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        add(0xE0 | point >> 12);
        add(0x80 | (point >> 6 & 0x3F));
        add(0x80 | (point & 0x3F));
    } else {
        add(0xF0 | point >> 18);
        add(0x80 | (point >> 12 & 0x3F));
        add(0x80 | (point >> 6 & 0x3F));
        add(0x80 | (point & 0x3F));
    }
}

/// The four digits that follow at `at`.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) noexcept {
    if (text.size() < at + 4) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : text.substr(at, 4)) {
        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= static_cast<std::uint32_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
            value |= static_cast<std::uint32_t>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value |= static_cast<std::uint32_t>(c - 'A' + 10);
        else
            return std::nullopt;
    }
    return value;
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
        out += replacement;
        return unescaped::replaced;
    }
    append_utf8(out, *unit);
    return unescaped::exact;
}

char simple_escape(char c) noexcept {
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

} // namespace

bool append_json_string(std::string& out, std::string_view text) {
    const auto begin = out.size();
    out += '"';
    std::size_t plain = 0; // where the run of bytes that need no escape began
    for (std::size_t at = 0; at < text.size();) {
        while (text.size() - at >= 8 && eight_plain(text.data() + at))
            at += 8;
        if (at == text.size()) break;
        const auto c = static_cast<unsigned char>(text[at]);
        if (c >= 0x80) {
            const auto length = utf8_sequence(text, at);
            if (length == 0) {
                out.resize(begin);
                return false;
            }
            at += length;
            continue;
        }
        if (c < 0x20 || c == '"' || c == '\\') {
            out += text.substr(plain, at - plain);
            append_escaped(out, c);
            plain = at + 1;
        }
        ++at;
    }
    out += text.substr(plain);
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
        } else if (const char c = simple_escape(inner[next + 1])) {
            out += c;
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
        if (unicode ? !hex4(text, at + 2) : simple_escape(text[at + 1]) == '\0') return false;
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
