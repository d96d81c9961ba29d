#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/url.hpp"
#include "net/network.hpp"
#include "net/stop_signal.hpp"
#include "transport/transport.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// One of one kind or the other, plain or TLS, from the handshake on.
class websocket_connection {
public:
    virtual ~websocket_connection() = default;
    virtual awaitable<result<void>> secure(std::shared_ptr<const connect_request> request) = 0;
    virtual awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) = 0;
    virtual bool listen(std::shared_ptr<transport_listener> who,
                        std::shared_ptr<const void> kept) = 0;
    virtual bool read_at_once() = 0;
    virtual bool has_ended() const = 0;
    virtual error_info end_reason() = 0;
    virtual awaitable<result<void>> read() = 0;
    virtual bool can_write_at_once() const = 0;
    virtual bool write_at_once(std::string_view text) = 0;
    virtual awaitable<result<void>> write(std::string_view message, bool binary) = 0;
    virtual awaitable<result<void>> ping() = 0;
    virtual bool close_at_once(unsigned code) = 0;
    virtual awaitable<result<void>> close(unsigned code, std::string reason) = 0;
};

/// Over a connected socket. `executor` and `listener` outlive it.
std::unique_ptr<websocket_connection>
make_websocket_connection(std::shared_ptr<network> net, std::shared_ptr<stop_signal> stop,
                          transport_listener& listener, const asio::any_io_executor& executor,
                          asio::ip::tcp::socket&& socket, bool secure);

} // namespace parley
