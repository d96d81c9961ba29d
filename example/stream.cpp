// Asks a question and prints the pieces of the answer as they arrive: stream [URL]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string_view>
#include <utility>

//! [talk]
parley::awaitable<void> talk(parley::chat_client& client) {
    co_await client.init(); // the session is ready, or this throws the reason
    auto show = [](std::string_view piece) { std::cout << piece << std::flush; };
    co_await client.ask("Hello", show); // returns the whole answer, or throws
    std::cout << '\n';
    co_await client.disconnect(); // sends what is queued, and closes; nothing is left running
}
//! [talk]

int main(int argc, char** argv) {
    //! [server]
    parley::testing::chat_server server; // a test server in this process
    parley::chat_client_config config;
    config.server_url = argc > 1 ? argv[1] : server.url();
    //! [server]

    //! [run]
    boost::asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    boost::asio::co_spawn(io, talk(client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
    //! [run]
}
