#pragma once

#include "transport/transport.hpp"

#include <memory>

namespace parley {

class network;

/// WebSockets over sockets and TLS.
std::shared_ptr<transport_factory> make_socket_transports(std::shared_ptr<network> network);

} // namespace parley
