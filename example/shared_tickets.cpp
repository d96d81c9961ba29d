// Three sessions that share one ticket: shared_tickets [URL]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/ticket_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;

//! [client]
parley::awaitable<void> talk(std::string url, std::shared_ptr<parley::ticket_manager> tickets) {
    auto executor = co_await asio::this_coro::executor;
    parley::chat_client_config config;
    config.server_url = std::move(url);
    parley::chat_client client(executor, std::move(config), std::move(tickets));
    co_await client.init();
    const parley::answer got = co_await client.ask("Hello");
    std::cout << got.text << '\n';
    co_await client.disconnect();
}
//! [client]

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    const std::string url = argc > 1 ? argv[1] : server.url();
    //! [tickets]
    asio::io_context io;
    parley::auth_data auth;
    auth.user_mp_auth_token = parley::secret("the service's own token");
    const auto tickets = std::make_shared<parley::ticket_manager>(io.get_executor(), auth, url);
    tickets->start_proactive_renewal(); // before the ticket expires, so that no caller waits for it
    //! [tickets]

    //! [owner]
    int failed = 0;
    const auto report = [&failed](std::exception_ptr failure) {
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            ++failed;
            std::cerr << error.what() << '\n';
        }
    };
    int talking = 3;
    const auto ended = [&](std::exception_ptr failure) {
        report(failure);
        if (--talking == 0) asio::co_spawn(io, tickets->stop(), report);
    };
    for (int number = 0; number < 3; ++number)
        asio::co_spawn(io, talk(url, tickets), ended);
    io.run();
    //! [owner]
    std::cout << "Requests for tickets: " << tickets->snapshot().requests << '\n';
    return failed == 0 ? 0 : 1;
}
