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
void transport_listener::on_readable(std::shared_ptr<const void>, std::exception_ptr) {}
bool transport::listen(std::shared_ptr<transport_listener>, std::shared_ptr<const void>) {
    return false;
}
bool transport::read_at_once() { return false; }
bool transport::has_ended() const { return false; }
error_info transport::end_reason() { return {}; }
bool transport::can_write_at_once() const { return false; }
bool transport::write_at_once(std::string_view) { return false; }
bool transport::close_at_once(unsigned) { return false; }
transport_factory::~transport_factory() = default;
http_client::~http_client() = default;

http_request::~http_request() {
    wipe(body);
    for (auto& [name, value] : headers)
        wipe(value);
}

} // namespace parley
