#pragma once

#include <parley/fwd.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>

namespace parley {

/// So much is read and dropped before a socket is closed all the same.
inline constexpr std::size_t most_discarded = 16u << 20;

/// Ends our side of the connection, and drops what the peer still sends, up to its end. A socket
/// that is closed while it holds bytes resets the connection (RFC 9293 section 3.6), and takes from
/// the peer what it has not read yet: the close frame that says why.
///
/// Returns as well after `most_discarded` bytes, and when the socket is closed; without a deadline.
/// The socket lives until it returns, and nothing else reads it.
awaitable<void> discard_input(asio::ip::tcp::socket& socket);

} // namespace parley
