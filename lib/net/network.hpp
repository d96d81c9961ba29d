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
#include <utility>

namespace parley {

enum class socket_use {
    session, ///< sends at once, and is kept alive where there is no heartbeat
    exchange ///< one request and its answer: as the system makes it
};

/// What one connection on its way needs. Strand only.
class dial_request {
public:
    dial_request(std::shared_ptr<const server_url> to, socket_use what_for,
                 std::shared_ptr<stop_signal> ended_by, std::function<void(phase)> phase_listener,
                 std::function<void(time_point)> timekeeper = nullptr)
        : server(std::move(to)), use(what_for), stop(std::move(ended_by)),
          on_phase(std::move(phase_listener)), watch(std::move(timekeeper)) {}

    std::shared_ptr<const server_url> server;
    socket_use use;
    std::shared_ptr<stop_signal> stop;
    std::function<void(phase)> on_phase; ///< resolve, tcp, proxy; empty for nobody
    /// Called before each wait, with the time when `stop->request_overdue()` is to be called, or
    /// `time_point::max()`; empty: the network keeps the time itself, at the price of a timer.
    std::function<void(time_point)> watch;
};

/// The way to servers, for tickets and WebSocket alike, as one configuration wants it. Usable from
/// any thread, and kept by what it has opened.
class network {
public:
    /// Throws `client_error` for what is wrong in the configuration.
    network(std::shared_ptr<const connection_config> config, std::shared_ptr<clock_source> clock,
            std::shared_ptr<resolver> names);

    /// Lookup, TCP, and the proxy's tunnel when there is a proxy and the server is not on this
    /// machine, for a socket of a strand's that
    /// lives until this returns. Stopped: the error of `aborted_error`.
    awaitable<result<void>> open(asio::ip::tcp::socket& socket, dial_request request);

    /// Made when it is first asked for, unless something in it has to be checked.
    tls_context& tls();
    const request_headers& headers() const noexcept { return headers_; }
    const connection_config& config() const noexcept { return *config_; }
    const std::shared_ptr<clock_source>& clock() const noexcept { return clock_; }

private:
    // No coroutines: within one each argument would be kept twice.
    awaitable<result<tcp_endpoints>> look_up(asio::ip::tcp::socket& socket,
                                             const dial_request& request);
    awaitable<result<void>> dial(asio::ip::tcp::socket& socket, const dial_request& request,
                                 tcp_endpoints found);
    awaitable<result<void>> tunnel(asio::ip::tcp::socket& socket, const dial_request& request);

    const proxy_url* proxy_for(const dial_request& request) const;
    error_info named(error_info failed, const dial_request& request) const;
    const std::string& first_host(const dial_request& request) const;
    std::uint16_t first_port(const dial_request& request) const;

    const std::shared_ptr<const connection_config> config_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<resolver> names_;
    const request_headers headers_;
    const std::unique_ptr<const proxy_url> proxy_;
    std::once_flag tls_made_;
    std::optional<tls_context> tls_;
};

} // namespace parley
