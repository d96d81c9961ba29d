// What a program does with each outcome of a message.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;

//! [ask]
parley::awaitable<std::string> ask_safely(parley::chat_client& client, std::string question) {
    for (int attempt = 1;; ++attempt) {
        const auto got = co_await parley::as_result(client.ask(question));
        if (got) co_return got->text;
        const parley::error_info& why = got.error();
        if (why.is(parley::errc::not_sent) && attempt < 3) continue; // the server knows nothing
        if (why.is(parley::errc::sent_unconfirmed))
            co_return "The server may have answered; look at the conversation before you repeat "
                      "it.";
        co_return why.message;
    }
}
//! [ask]

parley::awaitable<void> talk(parley::chat_client& client, parley::testing::chat_server& server) {
    co_await client.init();
    std::cout << co_await ask_safely(client, "Hello") << '\n';
    server.drop_all_after(1); // the next message breaks the connection
    std::cout << co_await ask_safely(client, "Transfer 100 francs") << '\n';
    std::cout << co_await ask_safely(client, "Are you there?") << '\n';
    co_await client.disconnect();
}

int main() {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = server.url();
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, talk(client, server), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
