#include "net/network.hpp"

#include "net/dial.hpp"
#include "net/network_error.hpp"
#include "net/proxy_connect.hpp"

#include <algorithm>
#include <string>

namespace parley {

namespace {

void report(const dial_request& request, phase now) {
    if (request.on_phase) request.on_phase(now);
}

void prepare(asio::ip::tcp::socket& socket, const heartbeat_config& heartbeat) {
    // A socket that lives without these does live; one that does not tells at its first use.
    boost::system::error_code unsupported;
    socket.set_option(asio::ip::tcp::no_delay(true), unsupported);
    // A heartbeat notices sooner that the peer is dead.
    if (heartbeat.interval.count() == 0)
        socket.set_option(asio::ip::tcp::socket::keep_alive(true), unsupported);
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

/// None for a server on this machine: to such a one plain text is said because nobody else hears
/// it.
const proxy_url* network::proxy_for(const dial_request& request) const {
    return request.server->loopback() ? nullptr : proxy_.get();
}

const std::string& network::first_host(const dial_request& request) const {
    const proxy_url* const proxy = proxy_for(request);
    return proxy ? proxy->host() : request.server->host();
}

std::uint16_t network::first_port(const dial_request& request) const {
    const proxy_url* const proxy = proxy_for(request);
    return proxy ? proxy->port() : request.server->port();
}

awaitable<result<tcp_endpoints>> network::look_up(asio::ip::tcp::socket& socket,
                                                  const dial_request& request) {
    if (request.watch) request.watch(time_point::max());
    const time_point deadline = after(clock_->now(), config_->resolve_timeout);
    return names_->resolve(socket.get_executor(), clock_, first_host(request), first_port(request),
                           deadline, request.stop);
}

awaitable<result<void>> network::dial(asio::ip::tcp::socket& socket, const dial_request& request,
                                      tcp_endpoints found) {
    const std::string name = host_and_port(first_host(request), first_port(request));
    return connect_any(socket, clock_, std::move(found),
                       proxy_for(request) ? "the proxy " + name : name, config_->connect_timeout,
                       request.stop, request.watch);
}

awaitable<result<void>> network::tunnel(asio::ip::tcp::socket& socket,
                                        const dial_request& request) {
    if (request.watch) request.watch(time_point::max());
    return open_tunnel(socket, *proxy_, *request.server, headers_.user_agent(), request.stop);
}

/// A name that cannot be looked up is the proxy's, where there is one.
error_info network::named(error_info failed, const dial_request& request) const {
    if (proxy_for(request) && failed.code.category() == category())
        failed.message = "The proxy " + host_and_port(proxy_->host(), proxy_->port()) +
                         " cannot be found: " + failed.message;
    return failed;
}

awaitable<result<void>> network::open(asio::ip::tcp::socket& socket, dial_request request) {
    report(request, phase::resolve);
    result<tcp_endpoints> found = known_endpoints(first_host(request), first_port(request));
    if (found->empty()) found = co_await look_up(socket, request);
    if (!found) co_return named(std::move(found).error(), request);

    report(request, phase::tcp);
    auto outcome = co_await dial(socket, request, *std::move(found));
    if (!outcome) co_return outcome;
    if (request.use == socket_use::session) prepare(socket, config_->heartbeat);
    if (!proxy_for(request)) co_return outcome;

    report(request, phase::proxy);
    co_return co_await tunnel(socket, request);
}

} // namespace parley
