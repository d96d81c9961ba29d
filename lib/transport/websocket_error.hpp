#pragma once

#include <parley/error.hpp>

#include "core/clock.hpp"
#include "core/response_head.hpp"

#include <string>
#include <string_view>

namespace parley {

// The errors of a WebSocket. The phase of a session's errors is `session`: the owner of the session
// knows whether it was ready.

error_info handshake_violation(std::string reason);

/// The error for an answer to the upgrade that is no 101, with its `Retry-After`. None for a 101,
/// and while the answer is incomplete.
result<void> head_error(const response_head& head, wall_time now);

/// `code` is the one that we closed with, or would have.
error_info protocol_violation(std::string reason, unsigned code);

error_info too_large(std::string reason);

/// `code` and `text` of the close frame; 0 when it had no code, which is reported as 1005 (RFC 6455
/// section 7.1.5).
error_info closed_by_peer(unsigned code, std::string_view text);

/// Reset, or closed without the closing handshake.
error_info broken_connection(phase where, std::string reason);

} // namespace parley
