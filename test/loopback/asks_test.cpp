// Questions to a server over sockets.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>

#include "support/live.hpp"
#include "support/long_run.hpp"

#include <cstddef>
#include <malloc.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asks_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::answer_script;
using parley::testing::chat_server;
using parley::testing::chat_server_options;

namespace {

awaitable<void> ask_often(chat_client& client, int times) {
    for (int i = 0; i < times; ++i)
        co_await client.ask("hi");
}

std::size_t heap_in_use() { return mallinfo2().uordblks; }

/// The conversation that each chat_message of the server's record names; `-` for none.
std::vector<std::string> conversations(const chat_server& server) {
    std::vector<std::string> all;
    for (const auto& one : server.received("chat_message"))
        all.push_back(json_text::parse(one.text).string_at("/providerResId").value_or("-"));
    return all;
}

} // namespace

TEST_CASE("ask: thousands of asks on one client leave its memory as it was",
          "[loopback][chat_client][long]") {
    const int half = long_run() ? 50'000 : 1'500;
    live l;
    if (long_run()) l.patience = 1h;
    chat_server_options options;
    options.max_recorded = 10;
    chat_server server(options);
    server.on_message([](const auto&) { return answer_script().text("hello"); });
    auto config = config_for(server);
    config.log_threshold = log_level::warning;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    l.run(ask_often(client, half));
    const auto before = heap_in_use();
    l.run(ask_often(client, half));
    CHECK(heap_in_use() < before + (64u << 10));
    CHECK(server.seen().chat_messages == 2 * static_cast<std::size_t>(half));
    l.run(client.disconnect());
}

TEST_CASE("ask: after a cancelled ask the next has its answer at once", "[loopback][chat_client]") {
    live l;
    chat_server server;
    server.on_message([](const auto& message) {
        if (message.content == "endless") return answer_script().text("on and on").never_finish();
        return answer_script().text("You said " + message.content);
    });
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    std::string told;
    auto endless =
        start(l.io, client.ask("endless", [&](std::string_view piece) { told += piece; }));
    CHECK(l.until([&] { return !told.empty(); }));
    endless.cancel();
    CHECK(l.run(client.ask("next")).text == "You said next");
    CHECK(endless.aborted());
    CHECK(server.seen().stop_runs == 1);
    CHECK(server.violations().empty());
    l.run(client.disconnect());
}

TEST_CASE("ask: a streaming ask has reported its pieces when the connection is lost",
          "[loopback][chat_client]") {
    live l;
    chat_server server;
    server.on_message([](const auto&) { return answer_script().text("half").pause(100ms).drop(); });
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    std::string told;
    const auto said =
        l.run(as_result(client.ask("hi", [&](std::string_view piece) { told += piece; })));
    CHECK(said.error().is(errc::sent_unconfirmed));
    CHECK(told == "half");
    l.run(client.disconnect());
}

TEST_CASE("ask: the conversation continues after a restart of the server",
          "[loopback][chat_client]") {
    live l;
    std::optional<chat_server> server;
    server.emplace();
    chat_client client(l.io.get_executor(), config_for(*server));
    l.run(client.init());
    const auto first = l.run(client.ask("one"));
    REQUIRE(first.conversation_id);
    CHECK(conversations(*server) == std::vector<std::string>{"-"});

    chat_server_options options;
    options.port = server->port();
    server.reset();
    server.emplace(options);
    CHECK(l.until([&] { return client.metrics().connections_opened == 2; }));
    l.run(client.ask("two"));
    l.run(client.ask(chat_message("three").new_conversation()));
    const auto named = conversations(*server);
    REQUIRE(named.size() == 2);
    CHECK(named[0] == *first.conversation_id);
    CHECK(named[1] == "-");
    l.run(client.disconnect());
}

} // namespace asks_test
