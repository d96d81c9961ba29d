#pragma once

#include <string>
#include <string_view>

namespace parley {

/// RFC 6455 section 5.2.
enum class frame_opcode : unsigned char { text = 1, close = 8 };

/// Appends a client's frame, whole and masked (RFC 6455 sections 5.2 and 5.3). False, and nothing
/// was appended: there is no randomness, and a mask must not be guessed (section 10.3).
bool append_masked_frame(std::string& to, frame_opcode opcode, std::string_view payload);

/// A client's close frame with this code, for a session that its WebSocket can no longer close.
/// Empty without randomness.
std::string masked_close_frame(unsigned code);

/// As much of a reason as fits into a close frame (RFC 6455 section 5.5), cut between two
/// characters.
std::string close_text(std::string reason);

} // namespace parley
