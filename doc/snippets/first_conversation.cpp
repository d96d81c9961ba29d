// A first conversation: a question, a tool that the server calls, an answer in pieces.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string_view>
#include <utility>

//! [tool]
parley::awaitable<parley::json_text> weather(parley::tool_call call) {
    auto city = call.parameters().string_at("/city").value_or("nowhere");
    co_return parley::json_object{}.set("city", city).set("sky", "clear").set("celsius", 21);
}
//! [tool]

//! [talk]
parley::awaitable<void> talk(parley::chat_client& client) {
    co_await client.init();
    auto show = [](std::string_view piece) { std::cout << piece << std::flush; };
    co_await client.ask("What's the weather in Zürich?", show);
    std::cout << '\n';
    co_await client.disconnect();
}
//! [talk]

int main() {
    //! [server]
    parley::testing::chat_server server;
    //! [server]

    //! [config]
    parley::chat_client_config config;
    config.server_url = server.url();
    auto schema = parley::json_text::parse(
        R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})");
    config.client_tools.emplace_back("get_weather", "The weather in a city", schema, weather);
    //! [config]

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
