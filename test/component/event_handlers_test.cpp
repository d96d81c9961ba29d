// The spellings of the documentation, with captures of every size: what a lambda captures is
// destroyed once. AddressSanitizer sees it where g++ 12 does it twice.

#include <parley/event_handlers.hpp>

#include "support/client_case.hpp"

#include <memory>
#include <string>
#include <utility>

namespace event_handlers_test {

using namespace parley;
using namespace parley::test;

namespace {

const std::string long_text(200, 'x');

/// What handlers capture, and what they have heard.
struct captured {
    std::shared_ptr<std::string> heard = std::make_shared<std::string>();
    std::string* pointer = heard.get();
    std::string small = "s";
    std::string large = long_text;
};

awaitable<void> run_with_captures(chat_client& client, std::shared_ptr<captured> of) {
    auto [heard, pointer, small, large] = *of;
    event_handlers handlers;
    handlers.on_text([pointer](const std::string& piece) { *pointer += "1" + piece; });
    handlers.on_text([small, pointer](const std::string&) { *pointer += small; })
        .on_text([heard](const std::string&) { *heard += "h"; })
        .on_text([heard, small, large, more = large](const std::string&) -> awaitable<void> {
            *heard += large == more ? small : "";
            co_return;
        });
    co_await client.run(std::move(handlers));
}

awaitable<void> add_tools_with_captures(chat_client& client, std::shared_ptr<captured> of) {
    auto [heard, pointer, small, large] = *of;
    const auto schema = json_text::parse(R"({"type":"object"})");
    tool first("one", "", schema, [pointer](tool_call call) -> awaitable<json_text> {
        *pointer += call.name();
        co_return call.parameters();
    });
    co_await client.add_client_tool(std::move(first));
    tool second("two", "", schema,
                [heard, small, large, more = large](tool_call call) -> awaitable<json_text> {
                    *heard += large == more ? call.name() + small : "";
                    co_return call.parameters();
                });
    co_await client.add_client_tool(std::move(second));
}

awaitable<void> ask_with_captures(chat_client& client, std::shared_ptr<captured> of) {
    auto [heard, pointer, small, large] = *of;
    // By reference, or nothing: such a lambda may stand where it is used.
    co_await client.ask("one", [&](std::string_view piece) { *heard += piece; });
    text_handler named = [heard, small, large](std::string_view piece) {
        *heard += std::string(piece) + small;
    };
    co_await client.ask("two", std::move(named));
}

template <class Handlers>
concept takes_handlers = requires(Handlers handlers) {
    std::forward<Handlers>(handlers).on_text([](const std::string&) {});
};

} // namespace

TEST_CASE("event_handlers: cannot be added to a temporary", "[component][event_handlers]") {
    STATIC_REQUIRE(takes_handlers<event_handlers&>);
    STATIC_REQUIRE_FALSE(takes_handlers<event_handlers>);
}

TEST_CASE("event_handlers: captures of every size live as long as run, and are destroyed once",
          "[component][event_handlers]") {
    client_case test;
    test.make();
    test.expect_session().reply(text_frame("a"));
    test.init();
    const auto of = std::make_shared<captured>();
    auto running = start(test.io, run_with_captures(*test.client, of));
    poll(test.io);
    CHECK(*of->heard == "1ashs");
    CHECK(of->heard.use_count() > 2);
    auto closing = start(test.io, test.client->disconnect());
    test.pass(std::chrono::seconds(5));
    CHECK(running.done());
    CHECK(of->heard.use_count() == 1);
}

TEST_CASE("tool: captures of every size live as long as the tool, and are destroyed once",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    const std::string acknowledged = frames::tools_acknowledged("client_tools_updated");
    peer.expect_write(R"("name":"one")").reply(acknowledged);
    peer.expect_write(R"("name":"two")").reply(acknowledged);
    peer.reply(call_frame("one", "c")).reply(call_frame("two", "c"));
    test.init();
    const auto of = std::make_shared<captured>();
    run(test.io, add_tools_with_captures(*test.client, of));
    poll(test.io);
    CHECK(of->heard->find("one") != std::string::npos);
    test.client.reset();
    poll(test.io);
    CHECK(of->heard.use_count() == 1);
}

TEST_CASE("ask: captures of on_text live as long as the call, and are destroyed once",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("one").reply(text_frame("a")).reply(finished_frame);
    peer.expect_write("two").reply(text_frame("b")).reply(finished_frame);
    test.init();
    const auto of = std::make_shared<captured>();
    run(test.io, ask_with_captures(*test.client, of));
    CHECK(*of->heard == "abs");
    CHECK(of->heard.use_count() == 1);
}

} // namespace event_handlers_test
