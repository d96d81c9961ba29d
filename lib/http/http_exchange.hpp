#pragma once

#include "http/http_client.hpp"

#include <memory>

namespace parley {

class network;

/// HTTP over connections of this network.
std::shared_ptr<http_client> make_http_client(std::shared_ptr<network> network);

} // namespace parley
