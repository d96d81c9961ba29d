// A user interface that shows what the connection does.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/event_handlers.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;

/// Stands for a label of the user interface.
struct status_line {
    void show(const std::string& text) { std::cout << "[" << text << "]\n"; }
};

//! [handlers]
parley::event_handlers handlers_for(std::shared_ptr<status_line> line) {
    parley::event_handlers handlers;
    handlers.on_text([](const std::string& piece) { std::cout << piece << std::flush; });
    handlers.on_finished([](const parley::chat_finished&) { std::cout << '\n'; });
    handlers.on_failed([line](const parley::chat_failed& failed) { line->show(failed.error); });
    handlers.on_lost([line](const parley::connection_lost& lost) {
        if (lost.unconfirmed > 0) line->show("no answer: it may have been lost");
    });
    handlers.on<parley::reconnecting>([line](const parley::reconnecting& next) {
        line->show("attempt " + std::to_string(next.attempt) + " in " +
                   std::to_string(next.delay.count()) + " ms: " + next.cause.message);
    });
    handlers.on_restored([line](const parley::connection_restored&) { line->show("online"); });
    handlers.on<parley::connection_failed>([line](const parley::connection_failed& ended) {
        line->show("offline: " + ended.cause.message); // offer a button that calls init again
    });
    return handlers;
}
//! [handlers]

//! [talk]
parley::awaitable<void> use(parley::chat_client& client, parley::testing::chat_server& server) {
    server.drop_all();
    const auto sent = co_await parley::as_result(client.send_message("Hello")); // waits meanwhile
    if (!sent) std::cout << "[not sent: " << sent.error().message << "]\n";
    client.notify_network_change(); // what the system says when a laptop wakes up
    co_await client.disconnect();   // always: it ends `run` too
}

parley::awaitable<void> talk(parley::chat_client& client, parley::testing::chat_server& server) {
    using namespace asio::experimental::awaitable_operators;
    co_await client.init();
    auto shown = client.run(handlers_for(std::make_shared<status_line>()));
    auto used = use(client, server);
    co_await (std::move(shown) && std::move(used)); // `run` ends with the client
}
//! [talk]

int main() {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = server.url();
    config.connection.reconnect.max_attempts = 5;
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
