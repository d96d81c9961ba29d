#pragma once

namespace parley {

/// The smallest window that zlib compresses with: for a smaller one messages go as they are.
inline constexpr int least_deflated = 9;

/// What permessage-deflate was agreed with (RFC 7692 section 7.1): the windows in bits, 8 to 15.
struct deflate_parameters {
    int server_window = 15;
    int client_window = 15;
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
};

} // namespace parley
