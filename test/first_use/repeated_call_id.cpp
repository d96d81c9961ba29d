// A model that numbers its calls anew in each turn gets the result of each call, not of an earlier
// one.

#include <parley/chat_client.hpp>

#include "first_use/program.hpp"

#include <string>

using namespace parley;

namespace {

awaitable<json_text> echo(tool_call call) { co_return call.parameters(); }

awaitable<void> talk(asio::any_io_executor executor) {
    testing::chat_server server;
    server.on_message([](const testing::received_message& message) {
        return testing::answer_script{}
            .call_tool("echo", "{\"city\":\"" + message.content + "\"}", "call_1")
            .then([](const testing::tool_answer& answered) {
                return testing::answer_script{}.text(answered.result.value_or("no result"));
            });
    });
    auto config = first_use::config_for(server);
    config.client_tools.emplace_back("echo", "Its parameters", json_text::parse("{}"), echo);
    chat_client client(executor, std::move(config));
    co_await client.init();
    for (const std::string city : {"Bern", "Chur", "Bern"}) {
        const answer got = co_await client.ask(city);
        first_use::expect(got.text == "{\"city\":\"" + city + "\"}",
                          "the call for " + city + " has its own result, not " + got.text);
    }
    co_await client.disconnect();
}

} // namespace

int main() { return first_use::run(talk); }
