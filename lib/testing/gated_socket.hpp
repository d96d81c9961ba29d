#pragma once

#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <utility>

namespace parley::testing {

/// A TCP socket whose reads can be held back, so that the layer above it (TLS, WebSocket) falls
/// silent and the peer's sends fill the window. For one thread.
class gated_socket {
public:
    using socket_type = boost::asio::ip::tcp::socket;
    using executor_type = socket_type::executor_type;
    using lowest_layer_type = socket_type::lowest_layer_type;

    explicit gated_socket(socket_type socket)
        : socket_(std::move(socket)),
          gate_(socket_.get_executor(), boost::asio::steady_timer::time_point::max()) {}

    executor_type get_executor() { return socket_.get_executor(); }
    lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
    socket_type& socket() { return socket_; }

    void hold() { held_ = true; }
    void release() {
        held_ = false;
        gate_.cancel();
    }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
            read_op<Buffers>(*this, buffers), token, socket_);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return socket_.async_write_some(buffers, std::forward<Token>(token));
    }

private:
    /// Reads, and keeps what it read until the gate is open. An error passes at once.
    template <class Buffers>
    class read_op {
    public:
        read_op(gated_socket& owner, const Buffers& buffers) : owner_(owner), buffers_(buffers) {}

        template <class Self>
        void operator()(Self& self, boost::system::error_code ec = {}, std::size_t size = 0) {
            gated_socket& owner = owner_;
            switch (std::exchange(stage_, stage_ == stage::start ? stage::reading : stage::held)) {
            case stage::start: {
                const Buffers buffers = buffers_; // `self` is about to move, and we with it
                owner.socket_.async_read_some(buffers, std::move(self));
                return;
            }
            case stage::reading:
                size_ = size;
                if (ec) {
                    self.complete(ec, size);
                    return;
                }
                break;
            case stage::held:
                break;
            }
            if (owner.held_) {
                owner.gate_.async_wait(std::move(self));
                return;
            }
            self.complete({}, size_);
        }

    private:
        enum class stage { start, reading, held };
        gated_socket& owner_;
        Buffers buffers_;
        stage stage_{stage::start};
        std::size_t size_{0};
    };

    socket_type socket_;
    boost::asio::steady_timer gate_;
    bool held_{false};
};

} // namespace parley::testing
