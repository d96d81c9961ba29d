#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace parley_chat {

/// Text for a terminal, without control characters and bidirectional marks, so that only this
/// program moves the cursor, sets the title or reorders a line. Line feeds and tabs stay.
std::string printable(std::string_view text);

/// The same for JSON, which keeps its meaning: within a string each such character is escaped as
/// `\u009b`. White space between the values stays.
std::string escaped_in_json(std::string_view json);

/// The same on one line.
std::string one_line(std::string_view text);

/// At most so many bytes, cut between two characters, with `...` at the cut.
std::string shortened(std::string text, std::size_t limit);

/// `0.4 s`, `12 min`, `1 h`: as much of it as a person wants to know.
std::string readable(std::chrono::milliseconds duration);

/// Valid UTF-8: whatever is not becomes `?`.
std::string as_utf8(std::string_view bytes);

} // namespace parley_chat
