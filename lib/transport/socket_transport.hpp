#pragma once

#include "transport/transport.hpp"

#include <memory>
#include <string_view>

namespace parley {

class network;

// A chat has no binary messages; a conformance suite has them echoed.

/// A listener that is one of these too is given binary messages whole, after `on_binary`.
class binary_listener {
public:
    virtual void on_binary_message(std::string_view message) = 0;

protected:
    ~binary_listener() = default;
    binary_listener() = default;
    binary_listener(const binary_listener&) = default;
    binary_listener& operator=(const binary_listener&) = default;
};

/// `transport::write` of a binary message, over one of `make_socket_transports`.
awaitable<result<void>> write_binary(transport& over, std::string_view message);

/// WebSockets over sockets and TLS, by the codec of `websocket_connection`.
std::shared_ptr<transport_factory> make_socket_transports(std::shared_ptr<network> network);

} // namespace parley
