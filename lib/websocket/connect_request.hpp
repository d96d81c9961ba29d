#pragma once

#include <parley/secret.hpp>

#include "core/url.hpp"
#include "core/wipe.hpp"

#include <string>
#include <utility>

namespace parley {

/// One WebSocket to open.
class connect_request {
public:
    connect_request(server_url to, std::string path, secret with_cookies = {},
                    std::string shown = {})
        : server(std::move(to)), target(std::move(path)), cookies(std::move(with_cookies)),
          url(std::move(shown)) {}
    connect_request(const connect_request&) = default;
    connect_request& operator=(const connect_request&) = default;
    ~connect_request() { wipe(target); }

    server_url server;  ///< where to connect
    std::string target; ///< the request target of the upgrade; a secret
    secret cookies;     ///< the value of `Cookie`; empty for none
    std::string url;    ///< what errors show in place of the target
};

} // namespace parley
