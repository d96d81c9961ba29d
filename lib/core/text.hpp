#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

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
