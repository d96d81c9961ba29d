#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

/// Joins the halves of a UTF-16 pair that the server has cut between two pieces of one text
/// (doc/protocol.md 2.2). The decoder (`append_unescaped_piece`) leaves a half as the three bytes
/// that UTF-8 would have for it. One joiner per text.
class surrogate_joiner {
public:
    /// The next piece of the text, empty or not. A low half at its beginning joins the high half
    /// that was held back. A high half at its end is held back in turn, which may leave the piece
    /// empty. A half without a partner becomes U+FFFD.
    void join(std::string& piece) {
        if (!piece.empty() && (high_ != 0 || has_half(piece))) join_halves(piece);
    }

    /// The text has ended: U+FFFD for the half that is held back, else nothing.
    std::string_view end() noexcept;

    bool holds() const noexcept { return high_ != 0; }

private:
    static bool is_half(std::string_view bytes) noexcept {
        return bytes[0] == '\xED' && static_cast<unsigned char>(bytes[1]) >= 0xA0;
    }
    static bool has_half(std::string_view piece) noexcept {
        constexpr std::size_t length = 3;
        return piece.size() >= length &&
               (is_half(piece) || is_half(piece.substr(piece.size() - length)));
    }
    void join_halves(std::string& piece);

    std::uint32_t high_ = 0; ///< the half that is held back; 0: none
};

} // namespace parley
