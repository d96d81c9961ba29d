#include "core/text.hpp"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>

namespace parley {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) noexcept {
    return static_cast<unsigned char>(text[at]);
}

bool continues(std::string_view text, std::size_t at, unsigned low = 0x80,
               unsigned high = 0xBF) noexcept {
    return at < text.size() && byte_at(text, at) >= low && byte_at(text, at) <= high;
}

/// The code point of a valid sequence.
char32_t decode(std::string_view sequence) noexcept {
    if (sequence.size() == 1) return byte_at(sequence, 0);
    char32_t point = byte_at(sequence, 0) & (0x7Fu >> sequence.size());
    for (std::size_t i = 1; i < sequence.size(); ++i)
        point = (point << 6) | (byte_at(sequence, i) & 0x3Fu);
    return point;
}

/// Moves the cursor, breaks the line or reorders what is around it.
bool must_be_escaped(char32_t point) noexcept {
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C || point == 0x200E ||
           point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x206F) || point == 0xFEFF ||
           (point >= 0xFFF9 && point <= 0xFFFB);
}

std::string escaped(char32_t point) {
    switch (point) {
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    const auto value = static_cast<std::uint32_t>(point);
    return value < 0x100 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{:04x}", value);
}

char lower_case(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t at,
                                        std::size_t count) noexcept {
    if (at + count > text.size()) return std::nullopt;
    return number_of<std::uint32_t>(text.substr(at, count), 16);
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = lower_case(c);
    return out;
}

bool same_name(std::string_view left, std::string_view right) noexcept {
    const auto equal = [](char a, char b) { return lower_case(a) == lower_case(b); };
    return std::ranges::equal(left, right, equal);
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blank = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
    return text.substr(0, text.find_last_not_of(blank) + 1);
}

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4, '\0'); // OpenSSL writes a 0 behind it
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
    return out;
}

std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
    // RFC 3629 section 4: the table of well-formed sequences.
    const unsigned first = byte_at(text, at);
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    if (first < 0xE0) return continues(text, at + 1) ? 2 : 0;
    if (first < 0xF0) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : 0xBF;
        return continues(text, at + 1, low, high) && continues(text, at + 2) ? 3 : 0;
    }
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(text, at + 1, low, high) && continues(text, at + 2) && continues(text, at + 3)
               ? 4
               : 0;
}

bool valid_utf8(std::string_view text) noexcept {
    return simdjson::validate_utf8(text.data(), text.size());
}

void append_utf8(std::string& out, std::uint32_t point) {
    const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    const auto continue_with = [&](std::uint32_t bits) { add(0x80 | (bits & 0x3F)); };
    if (point < 0x80) return add(point);
    if (point < 0x800) {
        add(0xC0 | point >> 6);
    } else {
        if (point < 0x10000) {
            add(0xE0 | point >> 12);
        } else {
            add(0xF0 | point >> 18);
            continue_with(point >> 12);
        }
        continue_with(point >> 6);
    }
    continue_with(point);
}

std::string to_valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto length = utf8_sequence(text, at);
        out += length == 0 ? replacement_character : text.substr(at, length);
        at += std::max<std::size_t>(length, 1);
    }
    return out;
}

std::string shorten_and_escape(std::string_view server_text, std::size_t max) {
    std::string out;
    for (std::size_t at = 0; at < server_text.size();) {
        const auto length = utf8_sequence(server_text, at);
        const auto sequence = server_text.substr(at, std::max<std::size_t>(length, 1));
        const auto piece = length == 0                         ? escaped(byte_at(server_text, at))
                           : must_be_escaped(decode(sequence)) ? escaped(decode(sequence))
                                                               : std::string(sequence);
        if (out.size() + piece.size() > max) return out + "…";
        out += piece;
        at += sequence.size();
    }
    return out;
}

bool valid_header_value(std::string_view value) noexcept {
    return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

bool valid_header_name(std::string_view name) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
        return is_digit(c) || is_letter(c) || marks.find(c) != std::string_view::npos;
    });
}

} // namespace parley
