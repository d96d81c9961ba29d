#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/url.hpp"
#include "net/stop_signal.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace parley {

/// The CONNECT request. It may hold credentials: never log it.
std::string connect_request_text(const proxy_url& proxy, const server_url& server,
                                 std::string_view user_agent);

/// Opens a tunnel through the proxy that the socket is connected to (RFC 9110 section 9.3.6), on
/// the socket's strand. The socket outlives the operation. The error is `proxy_failed` or, when
/// stopped, that of `aborted_error`.
awaitable<result<void>> open_tunnel(asio::ip::tcp::socket& socket, proxy_url proxy,
                                    server_url server, std::string user_agent,
                                    std::shared_ptr<stop_signal> stop);

} // namespace parley
