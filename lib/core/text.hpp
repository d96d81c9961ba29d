#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace parley {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The number that a text is, whole: no white space, and no sign but `-` of a signed type. Nothing
/// for another text, and for a number beyond the range of the type.
template <class Number, class... Format>
std::optional<Number> number_of(std::string_view text, Format... format) noexcept {
    Number value{};
    const auto* const last = text.data() + text.size();
    const auto [end, fault] = std::from_chars(text.data(), last, value, format...);
    if (fault != std::errc{} || end != last) return std::nullopt;
    return value;
}

/// The number that the `count` hexadecimal digits at `at` write; nothing when they are not there.
std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t at,
                                        std::size_t count) noexcept;

/// With the ASCII letters in lower case.
std::string lower_case(std::string_view text);

/// Equal but for the case of ASCII letters.
bool same_name(std::string_view left, std::string_view right) noexcept;

/// Without the spaces and tabs at both ends.
std::string_view trimmed(std::string_view text) noexcept;

/// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);

/// The length of the UTF-8 sequence that begins at `at`, or 0: no overlong form, no surrogate,
/// nothing above U+10FFFF (RFC 3629). `at` is within the text.
std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept;

bool valid_utf8(std::string_view text) noexcept;

/// U+FFFD in UTF-8, in the place of an invalid character.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// Appends a code point as UTF-8; half of a surrogate pair as the three bytes it would have.
void append_utf8(std::string& out, std::uint32_t point);

/// Each byte that is not UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// Makes text of a peer safe for a log line or an error: escapes control characters, bidirectional
/// overrides and invalid UTF-8, and cuts the text beyond `max` bytes, between two characters and
/// marked with `…`.
std::string shorten_and_escape(std::string_view server_text, std::size_t max = 200);

/// Whether it may be the value of a header: visible ASCII and spaces, no tab (doc/pitfalls.md P26).
bool valid_header_value(std::string_view value) noexcept;

/// Whether it is a token of RFC 9110 section 5.6.2.
bool valid_header_name(std::string_view name) noexcept;

} // namespace parley
