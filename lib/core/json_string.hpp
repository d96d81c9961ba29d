#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Appends `text` as a JSON string, quotes included. False, and nothing appended, when it is not
/// UTF-8.
bool append_json_string(std::string& out, std::string_view text);

/// What became of unescaping a string.
enum class unescaped {
    exact,
    replaced, ///< a lone surrogate was escaped: U+FFFD stands in its place
    invalid   ///< no escape of RFC 8259
};

/// Appends what a JSON string says; `inner` is its text between the quotes.
unescaped append_unescaped(std::string& out, std::string_view inner);

/// The same for a piece of a longer text, which may have been cut between the halves of a UTF-16
/// pair. A low half at its beginning and a high half at its end are kept, each as the three bytes
/// that UTF-8 would have for it: no valid text contains them.
unescaped append_unescaped_piece(std::string& out, std::string_view inner);

/// Whether a string may have escapes.
inline bool has_backslash(std::string_view text) noexcept {
    return text.find('\\') != std::string_view::npos;
}

/// Whether all that a backslash introduces in a string's text is an escape of RFC 8259 section 7.
bool valid_escapes(std::string_view text) noexcept;

/// The whole of a string token, quotes included: what it says.
std::string unescape_json_string(std::string_view token);

} // namespace parley
