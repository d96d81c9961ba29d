// A tool that answers from the program's own data, and rejects invalid calls: tool [URL]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

//! [data]
struct order {
    std::string state;
    double total;
};

const std::map<std::string, order> orders{{"A-17", {"shipped", 49.9}}, {"A-18", {"packed", 12.0}}};
//! [data]

//! [handler]
parley::awaitable<parley::json_text> find_order(parley::tool_call call) {
    const auto id = call.parameters().string_at("/order_id");
    if (!id) throw std::invalid_argument("order_id is missing");
    const auto found = orders.find(*id);
    if (found == orders.end()) throw std::out_of_range("there is no order " + *id);
    co_return parley::json_object()
        .set("state", found->second.state)
        .set("total", found->second.total);
}
//! [handler]

//! [tool]
parley::tool order_tool() {
    auto schema = parley::json_text::parse(R"({
        "type": "object",
        "properties": {"order_id": {"type": "string", "description": "As on the invoice: A-17"}},
        "required": ["order_id"]
    })");
    parley::tool made("find_order", "The state and the total of an order", std::move(schema),
                      find_order);
    made.timeout(std::chrono::seconds(5)).max_running(4);
    return made;
}
//! [tool]

//! [activity]
parley::awaitable<void> ask_about_orders(parley::chat_client& client) {
    co_await client.init();
    const parley::answer got = co_await client.ask("Where is order A-17?");
    for (const auto& used : got.tools)
        std::cout << used.name << " answered " << (used.result ? used.result->view() : used.error)
                  << '\n';
    std::cout << got.text << '\n';
    co_await client.disconnect();
}
//! [activity]

//! [script]
parley::testing::answer_script call_twice(const parley::testing::received_message&) {
    using namespace parley::testing;
    answer_script script;
    script.call_tool("find_order", R"({"order_id":"A-17"})");
    script.then([](const tool_answer& good) {
        answer_script more;
        more.text("The server was told " + good.result.value_or("nothing"));
        more.call_tool("find_order", R"({"order_id":"B-1"})");
        more.then([](const tool_answer& bad) {
            answer_script last;
            last.text(", then: " + bad.error.value_or("no error"));
            return last;
        });
        return more;
    });
    return script;
}
//! [script]

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    server.on_message(call_twice);
    parley::chat_client_config config;
    config.server_url = argc > 1 ? argv[1] : server.url();
    config.client_tools.push_back(order_tool());

    boost::asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    boost::asio::co_spawn(io, ask_about_orders(client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
