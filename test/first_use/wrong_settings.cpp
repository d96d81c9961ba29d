// Settings that cannot work are refused by each constructor, and the message names the field.

#include <parley/chat_client.hpp>
#include <parley/message_handler.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "first_use/program.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <string>

using namespace parley;

namespace {

void expect_refused(const std::string& names, const std::function<void()>& make) {
    try {
        make();
    } catch (const client_error& refused) {
        first_use::expect(refused.code() == errc::invalid_configuration,
                          names + " is an invalid configuration, not " + refused.what());
        first_use::expect(std::string(refused.what()).find(names) != std::string::npos,
                          std::string(refused.what()) + " names " + names);
        return;
    }
    first_use::expect(false, "a wrong " + names + " is refused");
}

awaitable<void> construct(asio::any_io_executor executor) {
    const std::string url = "ws://127.0.0.1:1";
    chat_client_config good;
    good.server_url = url;
    const asio::any_io_executor nowhere;

    expect_refused("executor", [&] { chat_client(nowhere, good); });
    expect_refused("executor", [&] { ticket_manager(nowhere, auth_data{}, url); });
    expect_refused("executor", [&] { websocket_manager(nowhere, url, connection_config{}); });
    expect_refused("executor", [&] { message_handler(nowhere, message_handler_options{}); });
    expect_refused("ticket_manager",
                   [&] { chat_client(executor, good, std::shared_ptr<ticket_manager>()); });

    auto config = good;
    config.connection.limits.message_bytes = std::numeric_limits<std::size_t>::max();
    expect_refused("message_bytes", [&] { chat_client(executor, config); });
    config = good;
    config.timeouts.init = std::chrono::milliseconds(-1);
    expect_refused("init", [&] { chat_client(executor, config); });
    config = good;
    config.ticket.request_timeout = std::chrono::milliseconds(-1);
    expect_refused("request_timeout", [&] { chat_client(executor, config); });
    expect_refused("request_timeout",
                   [&] { ticket_manager(executor, auth_data{}, url, config.ticket); });
    co_return;
}

} // namespace

int main() { return first_use::run(construct); }
