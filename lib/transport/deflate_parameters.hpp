#pragma once

namespace parley {

/// What permessage-deflate was agreed with (RFC 7692 section 7.1): the windows in bits.
struct deflate_parameters {
    int server_window = 15;
    int client_window = 15;
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
};

} // namespace parley
