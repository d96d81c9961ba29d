#pragma once

#include "transport/transport.hpp"

#include <memory>

namespace parley {

class network;

/// WebSockets by Beast, which no other file sees.
std::shared_ptr<transport_factory> make_beast_transports(std::shared_ptr<network> network);

} // namespace parley
