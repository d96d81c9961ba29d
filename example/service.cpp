// A service: many sessions on two threads, one ticket for all, and an orderly end at a signal.
// service [URL]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/ticket_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;

using clients = std::vector<std::unique_ptr<parley::chat_client>>;

std::atomic<int> failures = 0;

//! [report]
void report(std::exception_ptr failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const parley::client_error& error) {
        if (error.code() == parley::errc::disconnected) return; // the service is ending
        ++failures;
        std::cerr << std::string(error.what()) + '\n';
    } catch (const std::exception& error) {
        ++failures;
        std::cerr << std::string(error.what()) + '\n';
    }
}
//! [report]

//! [converse]
parley::awaitable<void> converse(parley::chat_client& client, std::string user) {
    co_await client.init();
    for (const char* question : {"Hello", "And again"}) {
        const parley::answer got = co_await client.ask(question);
        std::cout << user + " got: " + got.text + '\n';
    }
}
//! [converse]

//! [shutdown]
parley::awaitable<void> shut_down(asio::signal_set& signals, clients& all,
                                  std::shared_ptr<parley::ticket_manager> tickets) {
    co_await signals.async_wait(asio::use_awaitable);
    auto executor = co_await asio::this_coro::executor;
    const auto open = std::make_shared<std::atomic<std::size_t>>(all.size());
    const auto closed = [executor, open, tickets](std::exception_ptr failure) {
        report(failure);
        if (--*open == 0) asio::co_spawn(executor, tickets->stop(), report); // nobody needs it now
    };
    for (auto& client : all)
        asio::co_spawn(executor, client->disconnect(), closed); // all at the same time
}
//! [shutdown]

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    const std::string url = argc > 1 ? argv[1] : server.url();

    //! [tickets]
    asio::thread_pool pool(2);
    parley::auth_data auth;
    auth.user_mp_auth_token = parley::secret("the service's own token");
    const auto tickets = std::make_shared<parley::ticket_manager>(pool.get_executor(), auth, url);
    tickets->start_proactive_renewal();
    //! [tickets]

    //! [clients]
    clients all;
    parley::chat_client_config config;
    config.server_url = url;
    for (int number = 0; number < 8; ++number)
        all.push_back(std::make_unique<parley::chat_client>(pool.get_executor(), config, tickets));
    //! [clients]

    //! [run]
    asio::signal_set signals(pool, SIGINT, SIGTERM);
    asio::co_spawn(pool, shut_down(signals, all, tickets), report);
    std::atomic<int> talking = 8;
    for (int number = 0; number < 8; ++number) {
        const auto user = "user " + std::to_string(number);
        asio::co_spawn(pool, converse(*all[static_cast<std::size_t>(number)], user),
                       [&talking](std::exception_ptr failure) {
                           report(failure);
                           // A service runs until it is ended; this one ends itself.
                           if (--talking == 0) std::raise(SIGTERM);
                       });
    }
    pool.join(); // returns when nothing is left to do
    //! [run]
    return failures == 0 ? 0 : 1;
}
