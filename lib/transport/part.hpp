#pragma once

#include "transport/tls.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <utility>

namespace parley {

inline bool never_blocks(const asio::ip::tcp::socket& socket) { return socket.non_blocking(); }

inline bool never_blocks(const tls_stream& stream) { return stream.next_layer().non_blocking(); }

/// A read may begin, and take what comes, while somebody waits for input.
constexpr bool reads_beside_wait(const asio::ip::tcp::socket&) noexcept { return true; }
constexpr bool reads_beside_wait(const tls_stream&) noexcept { return false; }

/// While nothing else is under way.
inline void cancel_wait(asio::ip::tcp::socket& socket) noexcept {
    boost::system::error_code already_closed;
    socket.cancel(already_closed);
}
inline void cancel_wait(tls_stream&) noexcept {} // its wait is a read

/// Until a read without a wait is worth a try.
template <class Token>
void async_await_input(asio::ip::tcp::socket& socket, Token&& token) {
    socket.async_wait(asio::socket_base::wait_read, std::forward<Token>(token));
}

template <class Token>
void async_await_input(tls_stream& stream, Token&& token) {
    stream.async_wait_readable(std::forward<Token>(token));
}

/// Says goodbye below the WebSocket, and waits for nobody's answer: to read on until the peer
/// closes TCP, as Beast does, may take for ever (PITFALLS P33, P45).
template <class Token>
auto async_part(asio::ip::tcp::socket& socket, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [executor = socket.get_executor()](auto handler) {
            asio::post(executor, [handler = std::move(handler)]() mutable {
                std::move(handler)(boost::system::error_code());
            });
        },
        token);
}

/// With a close_notify.
template <class Token>
auto async_part(tls_stream& stream, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [&stream](auto handler) {
            const auto executor = asio::get_associated_executor(
                handler, asio::any_io_executor(stream.get_executor()));
            auto finish = [handler = std::move(handler)](boost::system::error_code) mutable {
                std::move(handler)(boost::system::error_code());
            };
            stream.async_shutdown(asio::bind_executor(executor, std::move(finish)));
        },
        token);
}

} // namespace parley
