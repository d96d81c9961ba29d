// Where code runs: the client on one executor, its callers on others, blocking tools on a pool.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace asio = boost::asio;

//! [blocking]
parley::awaitable<parley::json_text> look_up_weather(parley::tool_call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // a driver that blocks, say
    co_return parley::json_text::from_string("clear");
}

parley::tool blocking_tool(asio::thread_pool& workers) {
    auto schema = parley::json_text::parse(R"({"type":"object"})");
    parley::tool made("get_weather", "The weather", std::move(schema), look_up_weather);
    made.executor(workers.get_executor()); // not on the client's strand, which it would block
    return made;
}
//! [blocking]

//! [caller]
parley::awaitable<std::string> converse(parley::chat_client& client) {
    co_await client.init(); // resumes here, on the executor of this coroutine
    const auto got = co_await parley::as_result(client.ask("What's the weather?"));
    co_await client.disconnect(); // whatever came: a live session would keep `network` running
    co_return got.value().text;   // or throws
}
//! [caller]

int main() {
    parley::testing::chat_server server;
    //! [main]
    asio::thread_pool workers(2);
    asio::io_context network;
    parley::chat_client_config config;
    config.server_url = server.url();
    config.client_tools.push_back(blocking_tool(workers));
    parley::chat_client client{network.get_executor(), std::move(config)};

    auto work = asio::make_work_guard(network);
    std::thread runner([&network] { network.run(); });
    auto said = asio::co_spawn(workers, converse(client), asio::use_future); // another thread
    int status = 0;
    try {
        std::cout << said.get() << '\n';
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        status = 1;
    }
    work.reset();
    runner.join();
    workers.join();
    //! [main]
    return status;
}
