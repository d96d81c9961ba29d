#pragma once

#include <string>

namespace parley {

/// As much of it as fits into a close frame (RFC 6455 section 5.5), cut between two characters.
std::string close_text(std::string reason);

/// A client's close frame with this code, masked, for a session that its WebSocket can no longer
/// close. Empty without randomness: a mask must not be guessed (RFC 6455 section 10.3).
std::string masked_close_frame(unsigned code);

} // namespace parley
