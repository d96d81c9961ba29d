#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Appends `text` as a JSON string, quotes included. False, and nothing appended, when it is not
/// UTF-8.
bool append_json_string(std::string& out, std::string_view text);

/// The result of unescaping a string.
enum class unescaped {
    exact,
    replaced, ///< a lone surrogate was escaped: U+FFFD stands in its place
    invalid   ///< no escape of RFC 8259
};

/// Appends the value of a JSON string; `inner` is its text between the quotes.
unescaped append_unescaped(std::string& out, std::string_view inner);

/// The same for a piece of a longer text, which may be cut between the halves of a surrogate pair.
/// A low half at the beginning and a high half at the end become the three bytes that UTF-8 would
/// use, which no valid text contains.
unescaped append_unescaped_piece(std::string& out, std::string_view inner);

/// Whether a string may have escapes.
inline bool has_backslash(std::string_view text) noexcept {
    return text.find('\\') != std::string_view::npos;
}

/// Whether every backslash in a string's text begins an escape of RFC 8259 section 7.
bool valid_escapes(std::string_view text) noexcept;

/// The value of a string token, which has its quotes.
std::string unescape_json_string(std::string_view token);

} // namespace parley
