#pragma once

#include <parley/secret.hpp>
#include <parley/ticket.hpp>

#include "core/url.hpp"
#include "core/wipe.hpp"

#include <string>
#include <utility>

namespace parley {

/// What one connection attempt needs to know beyond the configuration of its factory.
class connect_request {
public:
    connect_request(server_url to, std::string path)
        : server(std::move(to)), target(std::move(path)) {}
    /// The upgrade of this ticket, with its cookies.
    connect_request(server_url to, const ticket& with)
        : server(std::move(to)), target(server.websocket_target(with.value())),
          cookies(with.cookies()) {}
    connect_request(const connect_request&) = default;
    connect_request& operator=(const connect_request&) = default;
    ~connect_request() { wipe(target); }

    server_url server;  ///< where to
    std::string target; ///< the request target of the upgrade, ticket included: never logged
    secret cookies;     ///< the value of `Cookie`; empty for none
};

} // namespace parley
