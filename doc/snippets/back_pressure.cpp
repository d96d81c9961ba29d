// A consumer that is slower than the server: nothing is lost, and nothing piles up.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <variant>

namespace asio = boost::asio;

//! [slow]
parley::awaitable<void> store_slowly(parley::chat_client& client) {
    asio::steady_timer disk(co_await asio::this_coro::executor);
    while (const auto happened = co_await client.next_event()) {
        if (const auto* piece = std::get_if<parley::text_delta>(&*happened)) {
            disk.expires_after(std::chrono::milliseconds(1)); // stands for a slow write
            co_await disk.async_wait(asio::use_awaitable);
            std::cout << piece->text;
        }
        if (std::holds_alternative<parley::chat_finished>(*happened)) break;
        if (std::holds_alternative<parley::chat_failed>(*happened)) break;
        if (const auto* lost = std::get_if<parley::connection_lost>(&*happened))
            if (lost->unconfirmed > 0) break; // the answer does not come any more
    }
}
//! [slow]

parley::awaitable<void> talk(parley::chat_client& client) {
    co_await client.init();
    co_await client.send_message("Count to a hundred");
    co_await store_slowly(client);
    std::cout << '\n' << client.metrics().events_dropped << " events dropped\n";
    co_await client.disconnect();
}

int main() {
    parley::testing::chat_server server;
    server.on_message([](const parley::testing::received_message&) {
        parley::testing::answer_script script;
        for (int number = 1; number <= 100; ++number)
            script.text(std::to_string(number) + " ");
        return script;
    });
    //! [limits]
    parley::chat_client_config config;
    config.server_url = server.url();
    config.connection.limits.event_count = 16; // default: 1024, and 4 MiB of text
    //! [limits]
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, talk(client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
