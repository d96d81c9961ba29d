#include "net/proxy_connect.hpp"

#include "async/asio_errors.hpp"
#include "core/http_status.hpp"
#include "core/request_headers.hpp"
#include "core/response_head.hpp"
#include "core/wipe.hpp"
#include "net/network_error.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

namespace parley {

namespace {

error_info failure(const proxy_url& proxy, bool retryable, std::string reason) {
    return network_error(errc::proxy_failed, phase::proxy, retryable,
                         "The proxy " + host_and_port(proxy.host(), proxy.port()) +
                             " did not open a tunnel",
                         std::move(reason));
}

result<void> judge(const proxy_url& proxy, const response_head& head) {
    if (head.current() != response_head::state::complete)
        return failure(proxy, false, std::string(head.fault()));
    const int status = head.status();
    if (status / 100 == 2) return {};
    std::string reason = "the proxy refused";
    if (status == 407)
        reason = proxy.authorization().empty()
                     ? "the proxy requires credentials: set connection_config::proxy to "
                       "http://user:password@host:port"
                     : "the proxy does not accept the credentials of connection_config::proxy";
    error_info refused = failure(proxy, retryable_status(status), std::move(reason));
    refused.details.http_status = status;
    return refused;
}

} // namespace

std::string connect_request_text(const proxy_url& proxy, const server_url& server,
                                 std::string_view user_agent) {
    const std::string authority = host_and_port(server.host(), server.port());
    header_list headers{{"Host", authority}, {"User-Agent", user_agent}};
    if (!proxy.authorization().empty())
        headers.emplace_back("Proxy-Authorization", proxy.authorization());
    return write_request("CONNECT", authority, headers);
}

awaitable<result<void>> open_tunnel(asio::ip::tcp::socket& socket, proxy_url proxy,
                                    server_url server, std::string user_agent,
                                    std::shared_ptr<stop_signal> stop) {
    const stop_signal::hook hook(stop, [&socket] {
        boost::system::error_code already_closed;
        socket.close(already_closed);
    });
    const wiped_text request(connect_request_text(proxy, server, user_agent));
    const auto sent =
        co_await asio::async_write(socket, asio::buffer(request.get()), as_tuple_awaitable);
    if (stop->requested()) co_return aborted_error(phase::proxy);
    if (std::get<0>(sent)) co_return failure(proxy, true, std::get<0>(sent).message());

    response_head head;
    std::array<char, 1024> chunk;
    for (;;) {
        const auto got = co_await socket.async_read_some(asio::buffer(chunk), as_tuple_awaitable);
        if (stop->requested()) co_return aborted_error(phase::proxy);
        if (std::get<0>(got)) co_return failure(proxy, true, std::get<0>(got).message());
        const std::string_view bytes(chunk.data(), std::get<1>(got));
        const std::size_t taken = head.feed(bytes);
        if (head.current() == response_head::state::incomplete) continue;
        auto verdict = judge(proxy, head);
        // The client sends first in the tunnel: bytes behind the head are not the server's.
        if (verdict && taken != bytes.size())
            co_return failure(proxy, false, "data before the tunnel was used");
        co_return verdict;
    }
}

} // namespace parley
