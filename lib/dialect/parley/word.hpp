#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace parley::wire {

/// The bytes at `at`, as one number.
inline std::uint64_t load_word(const char* at) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// Whether there is a backslash in a text, or in the up to seven bytes behind it, which can be
/// read.
inline bool has_backslash(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::size_t few = 64; // for more it is worth to call somebody who takes 32 at once
    if (text.size() > few) return text.find('\\') != std::string_view::npos;
    std::uint64_t found = 0;
    for (std::size_t at = 0; at < text.size(); at += sizeof found) {
        const auto zero = load_word(text.data() + at) ^ ones * '\\'; // a byte of it, where one is
        found |= (zero - ones) & ~zero & ones << 7;
    }
    return found != 0;
}

/// A word of the protocol and the quote that ends it, to be compared with text that has them: three
/// numbers, so that no length is asked for and nothing is called.
class quoted_word {
public:
    static constexpr std::size_t longest = 23;

    constexpr quoted_word() = default;
    constexpr explicit quoted_word(std::string_view word) {
        std::array<char, 24> bytes{};
        std::array<char, 24> masks{};
        for (std::size_t i = 0; i <= word.size(); ++i) {
            bytes[i] = i == word.size() ? '"' : word[i];
            masks[i] = '\xFF';
        }
        bytes_ = std::bit_cast<words>(bytes);
        masks_ = std::bit_cast<words>(masks);
    }

    /// Whether the text at `at` is this word and a quote. 24 bytes can be read there.
    bool begins(const char* at) const noexcept {
        if (((load_word(at) & masks_[0]) ^ bytes_[0]) != 0) return false; // as most others
        if (masks_[1] == 0) return true;
        return (((load_word(at + 8) & masks_[1]) ^ bytes_[1]) |
                ((load_word(at + 16) & masks_[2]) ^ bytes_[2])) == 0;
    }

private:
    using words = std::array<std::uint64_t, 3>;
    words bytes_{};
    words masks_{};
};

} // namespace parley::wire
