#include "dialect/parley/delta_formats.hpp"

#include "core/json_check.hpp"
#include "core/text.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace parley::wire {

namespace {

struct text_kind {
    frame_kind kind;
    field which; ///< of `data`, has the text
};
constexpr std::array text_kinds{text_kind{frame_kind::text_delta, field::text_delta},
                                text_kind{frame_kind::content_delta, field::delta},
                                text_kind{frame_kind::reasoning_delta, field::text}};

/// Whether a string of this text is one, and says what it looks like. Seven bytes behind it can be
/// read.
bool stands_for_itself(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr auto spaces = ones * ' ';
    std::uint64_t special = 0; // a high bit where a byte is a quote, a backslash or a control
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < text.size(); at += sizeof bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        if (const auto left = text.size() - at; left < sizeof word) {
            const auto ours = std::endian::native == std::endian::little ? ~(~0ull << 8 * left)
                                                                         : ~(~0ull >> 8 * left);
            word = (word & ours) | (spaces & ~ours);
        }
        const auto quote = word ^ ones * '"';
        const auto backslash = word ^ ones * '\\';
        special |= ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                   ((word - spaces) & ~word);
        bytes |= word;
    }
    constexpr auto high = ones << 7;
    if ((special & high) != 0) return false;
    return (bytes & high) == 0 || valid_utf8(text);
}

} // namespace

void frame_format::learn(std::string_view frame, std::string_view token, std::string_view id) {
    const auto begin = static_cast<std::size_t>(token.data() - frame.data()) + 1;
    const auto end = begin + token.size() - 2;
    if (begin + (frame.size() - end) > longest) return;
    before_ = frame.substr(0, begin);
    behind_ = frame.substr(end);
    id_ = id;
}

std::string_view frame_format::token_of(std::string_view frame) const noexcept {
    if (before_.empty() || frame.size() < before_.size() + behind_.size()) return {};
    if (!frame.starts_with(before_) || !frame.ends_with(behind_)) return {};
    frame.remove_prefix(before_.size() - 1);
    frame.remove_suffix(behind_.size() - 1);
    return frame;
}

void delta_formats::learn(frame_kind kind, std::string_view frame, const frame_fields& fields) {
    for (std::size_t i = 0; i < kinds; ++i)
        if (text_kinds[i].kind == kind)
            formats_[i].learn(frame, fields.raw(level::data, text_kinds[i].which),
                              fields.raw(level::data, field::id));
}

std::optional<frame_kind> delta_formats::match(std::string_view frame, frame_fields& out) const {
    for (std::size_t i = 0; i < kinds; ++i) {
        const auto token = formats_[i].token_of(frame);
        if (token.empty()) continue;
        if (!stands_for_itself(token.substr(1, token.size() - 2)) && check_json(token))
            return std::nullopt;
        out.put(level::data, text_kinds[i].which, token);
        if (const auto id = formats_[i].id(); !id.empty()) out.put(level::data, field::id, id);
        return text_kinds[i].kind;
    }
    return std::nullopt;
}

} // namespace parley::wire
