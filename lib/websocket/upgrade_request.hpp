#pragma once

#include <string>
#include <string_view>

namespace parley {

class connect_request;
class request_headers;

/// The offer of RFC 7692; the server may make the client's window smaller (section 7.1.2.2).
inline constexpr std::string_view deflate_offer = "permessage-deflate; client_max_window_bits";

/// A Sec-WebSocket-Key (RFC 6455 section 4.1): 24 characters, empty without randomness.
std::string new_upgrade_key();

/// The request that opens a WebSocket (RFC 6455 section 4.1). A secret: it has the ticket in it.
/// `extensions` may be empty.
std::string upgrade_request_text(const connect_request& request, const request_headers& headers,
                                 std::string_view key, std::string_view extensions);

/// The Sec-WebSocket-Accept for this key (RFC 6455 section 4.2.2); empty when OpenSSL fails.
std::string expected_accept(std::string_view key);

} // namespace parley
