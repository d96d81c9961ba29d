#include "policy/surrogate_joiner.hpp"

#include "core/text.hpp"

#include <cstddef>

namespace parley {

namespace {

constexpr std::size_t length = 3; // of a half

/// The half that begins there; 0 when none does.
std::uint32_t half_at(std::string_view piece, std::size_t at) noexcept {
    if (piece.size() < at + length || piece[at] != '\xED') return 0;
    const auto second = static_cast<unsigned char>(piece[at + 1]);
    const auto third = static_cast<unsigned char>(piece[at + 2]);
    if (second < 0xA0) return 0; // U+D000 to U+D7FF
    return 0xD000u | (second & 0x3Fu) << 6 | (third & 0x3Fu);
}

bool is_high(std::uint32_t half) noexcept { return half != 0 && half < 0xDC00; }
bool is_low(std::uint32_t half) noexcept { return half >= 0xDC00; }

std::string pair(std::uint32_t high, std::uint32_t low) {
    std::string out;
    append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    return out;
}

} // namespace

void surrogate_joiner::join_halves(std::string& piece) {
    const auto first = half_at(piece, 0);
    if (is_low(first))
        piece.replace(0, length,
                      high_ != 0 ? pair(high_, first) : std::string(replacement_character));
    else if (high_ != 0)
        piece.insert(0, replacement_character);
    high_ = 0;
    if (piece.size() < length) return;
    const auto last = half_at(piece, piece.size() - length);
    if (!is_high(last)) return;
    high_ = last;
    piece.resize(piece.size() - length);
}

std::string_view surrogate_joiner::end() noexcept {
    if (high_ == 0) return {};
    high_ = 0;
    return replacement_character;
}

} // namespace parley
