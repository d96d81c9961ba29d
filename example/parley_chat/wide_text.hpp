#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley_chat {

/// Code points; U+FFFD for each byte that is not UTF-8.
std::wstring to_wide(std::string_view text);
std::string to_utf8(std::wstring_view text);

/// Where the cursor of a terminal stands behind a text that began at the left edge.
struct cursor_place {
    std::size_t row = 0;       ///< rows below the first
    std::size_t column = 0;    ///< the width of the terminal when the last row is full
    std::size_t row_begin = 0; ///< position in the text of the first character of that row
};

/// The text has no line feeds. Widths are those of the locale.
cursor_place place_after(std::wstring_view text, std::size_t columns);

/// The length of the first key in the input of a terminal, in bytes; 0 while it is not complete.
/// Keys are characters, escape sequences, and Ctrl-X with the key behind it.
std::size_t first_key(std::string_view input);

} // namespace parley_chat
