#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "core/request_headers.hpp"
#include "core/url.hpp"
#include "net/resolve.hpp"
#include "net/stop_signal.hpp"
#include "net/tls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace parley {

/// Opens connections as one configuration has it, for HTTP and WebSocket alike. Usable from any
/// thread; a connection keeps the network that opened it.
class network {
public:
    /// Throws `client_error` for what is wrong in the configuration.
    network(std::shared_ptr<const connection_config> config, std::shared_ptr<clock_source> clock,
            std::shared_ptr<resolver> names);

    /// Looks the host up, connects, and opens the proxy's tunnel when there is a proxy and the
    /// server is not on this machine. The socket belongs to a strand and lives until this returns.
    /// When stopped it returns the error of `aborted_error`. `on_phase` gets resolve, tcp, proxy.
    awaitable<result<void>> open(asio::ip::tcp::socket& socket,
                                 std::shared_ptr<const server_url> server,
                                 std::shared_ptr<stop_signal> stop,
                                 std::function<void(phase)> on_phase);

    /// Made at its first use, or by the constructor when there are settings to check.
    tls_context& tls();
    const request_headers& headers() const noexcept { return headers_; }
    const connection_config& config() const noexcept { return *config_; }
    const std::shared_ptr<clock_source>& clock() const noexcept { return clock_; }

private:
    void prepare(asio::ip::tcp::socket& socket) const;
    const proxy_url* proxy_for(const server_url& server) const;

    const std::shared_ptr<const connection_config> config_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<resolver> names_;
    const request_headers headers_;
    const std::unique_ptr<const proxy_url> proxy_;
    std::once_flag tls_made_;
    std::optional<tls_context> tls_;
};

} // namespace parley
