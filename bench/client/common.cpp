#include <parley/telemetry.hpp>

#include "client/client.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace bench {

parley::chat_client_config config_of(const task& asked, bool deflate) {
    parley::chat_client_config config;
    config.server_url = asked.url;
    config.auth.user_mp_auth_token = parley::secret("bench-token");
    config.connection.compression = deflate;
    config.connection.tls.ca_file = asked.tls() ? asked.ca_file : "";
    static const auto counted = std::make_shared<parley::telemetry>();
    if (asked.scenario.ends_with("-telemetry")) config.telemetry = counted;
    return config;
}

std::shared_ptr<parley::ticket_manager> make_tickets(asio::io_context& context, const task& asked) {
    auto config = config_of(asked);
    parley::ticket_manager_options options;
    options.connection = config.connection;
    return std::make_shared<parley::ticket_manager>(context.get_executor(), config.auth,
                                                    config.server_url, config.ticket, options);
}

parley::awaitable<void> hold_ticket(std::shared_ptr<parley::ticket_manager> tickets) {
    co_await tickets->get_valid_ticket();
}

void rethrow(std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
}

void run(asio::io_context& context, std::function<parley::awaitable<void>()> body) {
    asio::co_spawn(context, std::move(body), rethrow);
    context.run();
    context.restart();
}

} // namespace bench
