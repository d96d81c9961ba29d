// Asks one question, and handles each outcome of it: ask [URL]

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <utility>

//! [ask]
parley::awaitable<std::string> ask(parley::chat_client& client, std::string question) {
    for (int attempt = 1;; ++attempt) {
        const auto got = co_await parley::as_result(client.ask(question));
        if (got) co_return got->text;
        const parley::error_info& why = got.error();
        if (why.is(parley::errc::not_sent) && attempt < 3) continue; // the server knows nothing
        if (why.is(parley::errc::sent_unconfirmed))
            std::cerr << "The server may have the question: look at the conversation before you "
                         "repeat it.\n";
        co_return got.value().text; // throws the error
    }
}
//! [ask]

parley::awaitable<void> talk(parley::chat_client& client) {
    co_await client.init();
    std::cout << co_await ask(client, "Hello") << '\n';
    co_await client.disconnect();
}

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = argc > 1 ? argv[1] : server.url();
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
}
