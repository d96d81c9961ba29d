#include "net/network.hpp"

#include "net/dial.hpp"
#include "net/network_error.hpp"
#include "net/proxy_connect.hpp"

#include <algorithm>
#include <string>

namespace parley {

namespace {

/// With a proxy it is the proxy's name that could not be looked up.
error_info proxy_not_found(error_info failed, const proxy_url& proxy) {
    if (failed.code.category() == category())
        failed.message = "The proxy " + host_and_port(proxy.host(), proxy.port()) +
                         " cannot be found: " + failed.message;
    return failed;
}

} // namespace

network::network(std::shared_ptr<const connection_config> config,
                 std::shared_ptr<clock_source> clock, std::shared_ptr<resolver> names)
    : config_(std::move(config)), clock_(std::move(clock)), names_(std::move(names)),
      headers_(*config_),
      proxy_(config_->proxy.empty()
                 ? nullptr
                 : std::make_unique<const proxy_url>(proxy_url::parse(config_->proxy))) {
    const auto& asked = config_->tls;
    const std::string* const texts[] = {&asked.ca_file, &asked.ca_pem, &asked.certificate_file,
                                        &asked.key_file};
    if (!std::ranges::all_of(texts, [](const std::string* text) { return text->empty(); })) tls();
}

tls_context& network::tls() {
    std::call_once(tls_made_, [this] { tls_.emplace(config_->tls); });
    return *tls_;
}

/// None for a server on this machine: plain text is allowed because it does not leave the machine.
const proxy_url* network::proxy_for(const server_url& server) const {
    return server.loopback() ? nullptr : proxy_.get();
}

/// A socket without these options works; a broken one reports an error at its first use.
void network::prepare(asio::ip::tcp::socket& socket) const {
    boost::system::error_code unsupported;
    socket.set_option(asio::ip::tcp::no_delay(true), unsupported);
    if (config_->heartbeat.interval.count() == 0) // a heartbeat detects a dead peer sooner
        socket.set_option(asio::ip::tcp::socket::keep_alive(true), unsupported);
}

awaitable<result<void>> network::open(asio::ip::tcp::socket& socket,
                                      std::shared_ptr<const server_url> server,
                                      std::shared_ptr<stop_signal> stop,
                                      std::function<void(phase)> on_phase) {
    const proxy_url* const proxy = proxy_for(*server);
    const std::string host = proxy ? proxy->host() : server->host();
    const std::uint16_t port = proxy ? proxy->port() : server->port();
    on_phase(phase::resolve);
    const time_point deadline = after(clock_->now(), config_->resolve_timeout);
    auto found =
        co_await names_->resolve(socket.get_executor(), clock_, host, port, deadline, stop);
    if (!found && proxy) co_return proxy_not_found(found.error(), *proxy);
    if (!found) co_return found.error();

    on_phase(phase::tcp);
    const std::string name = (proxy ? "the proxy " : "") + host_and_port(host, port);
    auto outcome = co_await connect_any(socket, clock_, *std::move(found), name,
                                        config_->connect_timeout, stop);
    if (!outcome) co_return outcome;
    prepare(socket);
    if (!proxy) co_return outcome;

    on_phase(phase::proxy);
    co_return co_await open_tunnel(socket, *proxy, *server, headers_.user_agent(), stop);
}

} // namespace parley
