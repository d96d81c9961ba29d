#pragma once

#include "http/http.hpp"

#include <memory>

namespace parley {

class network;

/// HTTP by Beast, which no other file sees.
std::shared_ptr<http_client> make_beast_http(std::shared_ptr<network> network);

} // namespace parley
