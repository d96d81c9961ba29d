// Ends in order at SIGINT or SIGTERM, and when its conversation fails: shutdown [URL]

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <exception>
#include <iostream>
#include <utility>

namespace asio = boost::asio;

//! [converse]
parley::awaitable<void> converse(parley::chat_client& client) {
    co_await client.init();
    for (;;) {
        const auto got = co_await parley::as_result(client.ask("Hello"));
        if (!got && got.error().is(parley::errc::disconnected)) co_return; // the program is ending
        std::cout << got.value().text << '\n';
        std::raise(SIGTERM); // in place of the user who ends the program
    }
}
//! [converse]

//! [shut_down]
parley::awaitable<void> shut_down(asio::signal_set& signals, parley::chat_client& client) {
    co_await parley::as_result(signals.async_wait(asio::use_awaitable)); // or cancelled
    signals.clear();              // from now on a signal ends the process at once
    co_await client.disconnect(); // within timeouts.disconnect, whatever the server does
}
//! [shut_down]

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = argc > 1 ? argv[1] : server.url();
    //! [main]
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::signal_set signals(io, SIGINT, SIGTERM);
    std::exception_ptr why;
    asio::co_spawn(io, converse(client), [&why, &signals](std::exception_ptr failure) {
        why = failure;
        signals.cancel(); // nothing is left to wait for
    });
    asio::co_spawn(io, shut_down(signals, client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run(); // returns when the client is disconnected
        if (why) std::rethrow_exception(why);
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
    //! [main]
}
