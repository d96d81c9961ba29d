#include "dialect/parley/delta_formats.hpp"

#include "core/json_check.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace parley::wire {

namespace {

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

void delta_formats::learn(const frame_row& row, std::string_view frame,
                          const frame_fields& fields) {
    if (row.text == field::none) return;
    auto known = std::ranges::find(known_, &row, &learnt::first);
    if (known == known_.end()) known = known_.insert(known, learnt(&row, frame_format()));
    known->second.learn(frame, fields.raw(level::data, row.text),
                        fields.raw(level::data, field::id));
}

const frame_row* delta_formats::match(std::string_view frame, frame_fields& out) const {
    for (const auto& [row, pattern] : known_) {
        const auto token = pattern.token_of(frame);
        if (token.empty()) continue;
        if (!stands_for_itself(token.substr(1, token.size() - 2)) && check_json(token))
            return nullptr;
        out.put(level::data, row->text, token);
        if (const auto id = pattern.id(); !id.empty()) out.put(level::data, field::id, id);
        return row;
    }
    return nullptr;
}

} // namespace parley::wire
