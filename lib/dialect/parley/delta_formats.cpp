#include "dialect/parley/delta_formats.hpp"

#include "core/json_check.hpp"

#include <algorithm>

namespace parley::wire {

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
    if (row.text.empty()) return;
    auto known = std::ranges::find(known_, &row, &learnt::first);
    if (known == known_.end()) known = known_.insert(known, learnt(&row, frame_format()));
    known->second.learn(frame, fields.raw(level::data, row.text), fields.raw(level::data, "id"));
}

const frame_row* delta_formats::match(std::string_view frame, frame_fields& out) const {
    for (const auto& [row, pattern] : known_) {
        const auto token = pattern.token_of(frame);
        if (token.empty()) continue;
        if (check_json(token)) return nullptr;
        out.put(level::data, row->text, token);
        if (const auto id = pattern.id(); !id.empty()) out.put(level::data, "id", id);
        return row;
    }
    return nullptr;
}

} // namespace parley::wire
