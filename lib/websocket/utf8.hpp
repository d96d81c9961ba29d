#pragma once

#include <cstddef>
#include <string_view>

namespace parley {

bool is_utf8(std::string_view text) noexcept;

/// The length of the text without an incomplete character at its end.
std::size_t whole_characters(std::string_view text) noexcept;

/// Whether these bytes can be the beginning of a character (RFC 3629 section 4).
bool may_begin_a_character(std::string_view bytes) noexcept;

} // namespace parley
