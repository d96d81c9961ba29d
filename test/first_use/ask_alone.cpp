// A service that uses `ask` alone, and never takes an event, gets every answer: `ask_alone [ASKS]`.

#include <parley/chat_client.hpp>

#include "first_use/program.hpp"

#include <cstdlib>
#include <string>

using namespace parley;

namespace {

awaitable<void> talk(asio::any_io_executor executor, int asks) {
    testing::chat_server server;
    server.on_message([](const testing::received_message& message) {
        return testing::answer_script{}.text("you said " + message.content);
    });
    chat_client client(executor, first_use::config_for(server));
    co_await client.init();
    for (int i = 0; i < asks; ++i) {
        const auto said = std::to_string(i);
        const answer got = co_await client.ask(said);
        first_use::expect(got.text == "you said " + said, "each ask gets its own answer");
    }
    co_await client.disconnect();
}

} // namespace

int main(int argc, char** argv) {
    const int asks = argc > 1 ? std::atoi(argv[1]) : 3'000;
    return first_use::run(
        [asks](asio::any_io_executor executor) { return talk(std::move(executor), asks); });
}
