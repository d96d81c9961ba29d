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

/// Appends a client's frame, whole and masked (RFC 6455 sections 5.2 and 5.3). `compressed` says
/// that the payload is (RFC 7692 section 6). False, and nothing was appended: there is no
/// randomness, and a mask must not be guessed (section 10.3).
bool append_masked_frame(std::string& to, frame_opcode opcode, std::string_view payload,
                         bool compressed = false);

/// Appends a client's close frame; code 0 is none, and takes no reason along. `reason` is what
/// `close_text` makes of one. False as above.
bool append_masked_close(std::string& to, unsigned code, std::string_view reason);

/// As much of a reason as fits into a close frame (RFC 6455 section 5.5), cut between two
/// characters.
std::string_view close_text(std::string_view reason);

} // namespace parley
