#pragma once

#include "dialect/parley/decoder.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace parley {

/// Decodes a text as a transport hands it over: what follows it may be read, and means nothing.
inline server_frame decode(decoder& with, std::string_view text) {
    std::string padded(text);
    for (int i = 0; i < 16; ++i)
        padded += "\"}],";
    return with.decode(std::string_view(padded).substr(0, text.size()));
}

inline server_frame decode(std::string_view text) {
    decoder one;
    return decode(one, text);
}

/// The frame as that type; throws when it is another.
template <class Frame>
Frame decode_as(std::string_view text) {
    return std::get<Frame>(decode(text));
}

/// Why a text was skipped: `bad_field tool_call_request: callId is missing`. Empty when it was not.
inline std::string skipped(std::string_view text) {
    const auto frame = decode(text);
    const auto* found = std::get_if<message_skipped>(&frame);
    if (!found) return {};
    return std::string(to_string(found->reason)) + ' ' + found->detail;
}

} // namespace parley
