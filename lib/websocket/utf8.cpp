#include "websocket/utf8.hpp"

#include <simdjson.h>

#include <algorithm>

namespace parley {

namespace {

unsigned byte_of(std::string_view text, std::size_t at) noexcept {
    return static_cast<unsigned char>(text[at]);
}

/// How long a character is that begins so; 1 for what begins none.
std::size_t length_from(unsigned lead) noexcept {
    if (lead >= 0xf0) return 4;
    if (lead >= 0xe0) return 3;
    return lead >= 0xc0 ? 2 : 1;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
    return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t whole_characters(std::string_view text) noexcept {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const unsigned at = byte_of(text, text.size() - back);
        if ((at & 0xc0u) == 0x80u) continue;
        return length_from(at) > back ? text.size() - back : text.size();
    }
    return text.size();
}

bool may_begin_a_character(std::string_view bytes) noexcept {
    if (bytes.empty()) return true;
    const unsigned lead = byte_of(bytes, 0);
    if (lead < 0xc2 || lead > 0xf4) return false;
    if (bytes.size() == 1) return true;
    const unsigned second = byte_of(bytes, 1);
    if (lead == 0xe0) return second >= 0xa0;
    if (lead == 0xed) return second <= 0x9f;
    if (lead == 0xf0) return second >= 0x90;
    return lead != 0xf4 || second <= 0x8f;
}

} // namespace parley
