#pragma once

#include "net/tls_stream.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace parley {

// What a socket and TLS over it are asked by different names.

inline asio::ip::tcp::socket& socket_of(asio::ip::tcp::socket& socket) noexcept { return socket; }
inline asio::ip::tcp::socket& socket_of(tls_stream& stream) noexcept { return stream.next_layer(); }

/// The socket has taken all that was written.
inline bool flushed(const asio::ip::tcp::socket&) noexcept { return true; }
inline bool flushed(const tls_stream& stream) noexcept { return stream.flushed(); }

/// Waits until a read is worth a try.
template <class Token>
auto async_wait_readable(asio::ip::tcp::socket& socket, Token&& token) {
    return socket.async_wait(asio::socket_base::wait_read, std::forward<Token>(token));
}
template <class Token>
auto async_wait_readable(tls_stream& stream, Token&& token) {
    return stream.async_wait_readable(std::forward<Token>(token));
}

} // namespace parley
