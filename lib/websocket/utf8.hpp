#pragma once

#include <cstddef>
#include <string_view>

namespace parley {

bool is_utf8(std::string_view text) noexcept;

/// How many bytes of text that goes on elsewhere are whole characters: all, or up to three less.
std::size_t whole_characters(std::string_view text) noexcept;

/// These few bytes, which are no whole character, can be the beginning of one (RFC 3629 section 4).
bool may_begin_a_character(std::string_view bytes) noexcept;

} // namespace parley
