#pragma once

namespace parley {

/// Whether a close code means that the server does not accept the ticket (doc/protocol.md 3.1).
/// Codes of RFC 6455 have their meaning from it.
constexpr bool rejects_ticket(unsigned close_code) noexcept {
    return close_code == 1008 || close_code == 4401 || close_code == 4403;
}

} // namespace parley
