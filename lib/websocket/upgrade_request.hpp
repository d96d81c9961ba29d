#pragma once

#include <string>
#include <string_view>

namespace parley {

class connect_request;
class request_headers;

/// What we offer of RFC 7692: a window of ours may be made smaller (section 7.1.2.2).
inline constexpr std::string_view deflate_offer = "permessage-deflate; client_max_window_bits";

/// A Sec-WebSocket-Key (RFC 6455 section 4.1): 24 characters, empty without randomness.
std::string new_upgrade_key();

/// What opens a WebSocket (RFC 6455 section 4.1). A secret: the ticket is in it. `extensions` may
/// be empty.
std::string upgrade_request_text(const connect_request& request, const request_headers& headers,
                                 std::string_view key, std::string_view extensions);

/// The Sec-WebSocket-Accept that answers this key (RFC 6455 section 4.2.2); empty when OpenSSL
/// cannot say.
std::string expected_accept(std::string_view key);

} // namespace parley
