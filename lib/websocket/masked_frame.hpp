#pragma once

#include <string>
#include <string_view>

namespace parley {

/// RFC 6455 section 5.2.
enum class frame_opcode : unsigned char {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

/// Appends a client's frame, masked (RFC 6455 sections 5.2 and 5.3). `compressed` marks the payload
/// as compressed (RFC 7692 section 6). Returns false, and appends nothing, without randomness: a
/// mask must be unpredictable (section 10.3).
bool append_masked_frame(std::string& to, frame_opcode opcode, std::string_view payload,
                         bool compressed = false);

/// Appends a client's close frame, which has no reason; without a code for 0. Returns false as
/// above.
bool append_masked_close(std::string& to, unsigned code);

} // namespace parley
