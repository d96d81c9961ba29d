// What every implementation of these interfaces shares, so that one without a network needs no
// other file of this folder.

#include "core/wipe.hpp"
#include "http/http_client.hpp"
#include "transport/environment.hpp"
#include "transport/transport.hpp"

#include <boost/asio/awaitable.hpp>

namespace parley {

environment::~environment() = default;
transport::~transport() = default;
transport_factory::~transport_factory() = default;
http_client::~http_client() = default;

http_request::~http_request() {
    wipe(body);
    for (auto& [name, value] : headers)
        wipe(value);
}

} // namespace parley
