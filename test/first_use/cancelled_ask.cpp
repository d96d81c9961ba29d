// After an `ask` that was cancelled, the next one gets its answer at once.

#include <parley/chat_client.hpp>
#include <parley/with_timeout.hpp>

#include "first_use/program.hpp"

#include <chrono>

using namespace parley;

namespace {

awaitable<void> talk(asio::any_io_executor executor) {
    testing::chat_server server;
    server.on_message([](const testing::received_message& message) {
        auto script = testing::answer_script{}.text("said " + message.content);
        return message.content == "long" ? script.never_finish() : script.finish();
    });
    auto config = first_use::config_for(server);
    config.timeouts.answer = std::chrono::hours(1); // the next ask must not depend on it
    chat_client client(executor, std::move(config));
    co_await client.init();
    bool given_up = false;
    try {
        co_await with_timeout(client.ask("long"), std::chrono::milliseconds(200));
    } catch (const std::exception&) {
        given_up = true;
    }
    first_use::expect(given_up, "an answer without an end is given up at the caller's deadline");
    const answer got = co_await client.ask("short");
    first_use::expect(got.text == "said short", "the next ask has its own answer, not " + got.text);
    co_await client.disconnect();
}

} // namespace

int main() { return first_use::run(talk); }
