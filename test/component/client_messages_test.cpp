// Runs, handlers and tools of a whole client: what interleaves, and what goes away in between.

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/event_text.hpp"
#include "support/secret_watch.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace client_messages_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const std::string failed_frame = frames::chat_error("no");

std::string component_frame(const std::string& id, int number) {
    return frames::ui_component(id, "Card", R"({"n":)" + std::to_string(number) + "}");
}

lines events_of(client_case& test) {
    lines seen;
    for (;;) {
        auto next = start(test.io, test.client->next_event());
        poll(test.io);
        if (!next.done()) {
            next.cancel();
            poll(test.io);
            return seen;
        }
        const auto happened = next.get();
        seen.push_back(happened ? event_text(*happened) : "end");
        if (!happened) return seen;
    }
}

/// A tool that takes that long, and counts what becomes of its runs.
struct slow_tool {
    explicit slow_tool(std::shared_ptr<manual_clock> on) : clock(std::move(on)) {}

    tool make(std::string name = "slow") {
        return {std::move(name), "", json_text::parse("{}"),
                [this](tool_call call) { return run(this, std::move(call)); }};
    }
    static awaitable<json_text> run(slow_tool* self, tool_call call) {
        ++self->begun;
        auto bell = self->clock->make_alarm(co_await asio::this_coro::executor);
        const auto end = self->clock->now() + self->time;
        co_await bell->wait_until(end);
        const bool cancelled = self->clock->now() < end;
        ++(cancelled ? self->cancelled : self->ended);
        co_return call.parameters();
    }

    std::shared_ptr<manual_clock> clock;
    std::chrono::milliseconds time{5s};
    int begun = 0;
    int ended = 0;
    int cancelled = 0;
};

/// A client with a configured tool, on a ready session.
struct tool_case {
    explicit tool_case(std::function<void(chat_client_config&)> change = {}) {
        test.config.client_tools.push_back(slow.make());
        test.config.client_tools.push_back(echo_tool("echo"));
        if (change) change(test.config);
        test.make();
        peer = &expect_session();
        test.init();
    }
    scripted_connection& expect_session() {
        auto& next = test.expect_session();
        return next.expect_write("configure_tools").reply(tools_configured_frame);
    }
    std::size_t answers(scripted_connection& on) const {
        return on.writes_with("tool_call_response");
    }

    client_case test;
    slow_tool slow{test.environment->time};
    scripted_connection* peer = nullptr;
};

} // namespace

TEST_CASE("client: frames outside of a run are events, and leave nothing behind",
          "[component][chat_client][F70]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    peer.reply(text_frame("before")).reply(finished_frame).reply(finished_frame);
    peer.reply(text_frame("after")).reply(failed_frame);
    CHECK(events_of(test) == lines{"text before", "finished conversation-1",
                                   "finished conversation-1", "text after", "failed no"});

    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    peer.reply(text_frame("a")).reply(finished_frame).reply(finished_frame).reply(failed_frame);
    poll(test.io);
    CHECK(asked.get().text == "a");
    CHECK(events_of(test) == lines{"finished conversation-1", "failed no"});
}

TEST_CASE("client: each ask gets its own run, whatever else the server sends",
          "[component][chat_client][F70]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    run(test.io, test.client->send_message("not asked"));
    auto first = start(test.io, test.client->ask("one"));
    auto second = start(test.io, test.client->ask("two"));
    poll(test.io);
    CHECK(peer.writes_with("chat_message") == 1);

    peer.reply(text_frame("0")).reply(finished_frame);
    poll(test.io);
    peer.reply(text_frame("1")).reply(component_frame("c", 1)).reply(failed_frame);
    poll(test.io);
    peer.reply(text_frame("2")).reply(finished_frame);
    poll(test.io);

    CHECK(first.failed_with(errc::chat_failed));
    CHECK(second.get().text == "2");
    CHECK(events_of(test) ==
          lines{"text 0", "finished conversation-1", R"(component c Card {"n":1} complete)"});
}

TEST_CASE("client: a thousand components arrive one by one, each with its id",
          "[component][chat_client][F72]") {
    client_case test;
    test.config.connection.limits.event_count = 64;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    CHECK(events_of(test).empty()); // the application takes them
    for (int i = 0; i < 1'000; ++i)
        peer.reply(component_frame("c" + std::to_string(i % 10), i));
    peer.reply(frames::ui_component("c", "n", "{}", "melting"));
    const auto seen = events_of(test);
    REQUIRE(seen.size() == 1'001);
    CHECK(seen[999] == R"(component c9 Card {"n":999} complete)");
    CHECK(seen[1'000] == "component c n {} complete"); // another status counts as none
    CHECK(test.client->metrics().fields_ignored == 1);
}

TEST_CASE("client: components stored by id, as event.hpp says, are the last of each",
          "[component][chat_client][F72]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    for (int i = 0; i < 100; ++i)
        peer.reply(component_frame("c" + std::to_string(i % 10), i));
    poll(test.io);

    std::map<std::string, ui_component> shown;
    for (int i = 0; i < 100; ++i) {
        const auto happened = run(test.io, test.client->next_event());
        const auto& one = std::get<ui_component>(happened.value());
        shown.insert_or_assign(one.call_id, one);
    }

    REQUIRE(shown.size() == 10);
    for (int i = 0; i < 10; ++i)
        CHECK(shown.at("c" + std::to_string(i)).props.view() ==
              R"({"n":)" + std::to_string(90 + i) + "}");
}

TEST_CASE("client: a handler may send, ask and wait, and the others run in order",
          "[component][chat_client][F73]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.reply(text_frame("a")).reply(text_frame("b"));
    test.init();
    lines told;
    auto& clock = *test.environment->time;
    event_handlers handlers;
    handlers.on_text([&](const std::string& piece) -> awaitable<void> {
        told.push_back(piece);
        auto bell = clock.make_alarm(co_await asio::this_coro::executor);
        co_await bell->wait_until(clock.now() + 5s); // it takes its time
        co_await test.client->send_message("seen " + piece);
        told.push_back("sent " + piece);
    });
    handlers.on_any([&](const event& happened) { told.push_back("any " + event_text(happened)); });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    CHECK(told == lines{"a"});
    CHECK(test.client->is_connected());
    test.pass(10s);
    CHECK(told == lines{"a", "sent a", "any text a", "b", "sent b", "any text b"});
    CHECK(peer.writes_with("seen") == 2);
}

TEST_CASE("client: an exception of a handler stops no other", "[component][chat_client][F73]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.reply(text_frame("a")).reply(text_frame("b"));
    test.init();
    lines told;
    event_handlers handlers;
    handlers.on_text([](const std::string&) -> awaitable<void> {
        throw std::runtime_error("trouble");
        co_return;
    });
    handlers.on_text([](const std::string&) { throw 7; }); // NOLINT: whatever it is
    handlers.on_text([&](const std::string& piece) { told.push_back(piece); });
    handlers.on<handler_failed>([&](const handler_failed& e) { told.push_back(e.message); });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    CHECK(told == lines{"a", "b", "trouble", "an exception that is not a std::exception", "trouble",
                        "an exception that is not a std::exception"});
    CHECK(test.client->metrics().handlers_failed == 4);
    CHECK(test.log.count(log_level::error, "trouble") == 2);
    CHECK_FALSE(running.done());
}

TEST_CASE("client: exceptions of tools, handlers and classifiers are shortened and show no secret",
          "[component][chat_client][G80][N132]") {
    const careless_stranger throwing;
    client_case test;
    const std::string rest(900, 'x');
    const std::string secret_text = "the token SENTINEL-TOKEN, the key SENTINEL-KEY\n" + rest;
    test.config.auth.chat_server_key = secret("SENTINEL-KEY");
    test.config.client_tools.emplace_back(
        "slow", "", json_text::parse("{}"),
        [&](tool_call) -> awaitable<json_text> { throw std::runtime_error(secret_text + rest); });
    test.config.connection.reconnect.classify = [&](const error_info&,
                                                    bool) -> std::optional<close_action> {
        throw std::runtime_error("ticket-1, " + secret_text);
    };
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    event_handlers handlers;
    lines told;
    handlers.on_text([&](const std::string&) { throw std::runtime_error(secret_text); });
    handlers.on<handler_failed>([&](const handler_failed& e) { told.push_back(e.message); });
    handlers.on<tool_finished>([&](const tool_finished& e) { told.push_back(e.error); });
    const auto running = start(test.io, test.client->run(std::move(handlers)));
    peer.reply(text_frame("a")).reply(call_frame("slow", "call"));
    peer.expect_write("tool_call_response").close(1000);
    poll(test.io);

    const std::string cleaned = "the token ***, the key ***\n";
    REQUIRE(told.size() == 2);
    std::ranges::sort(told, {}, &std::string::size);
    CHECK(told[0] == cleaned + rest);
    CHECK(told[1].starts_with(cleaned));
    CHECK(told[1].size() < 1'010);
    const auto& writes = peer.writes();
    const auto answer = std::ranges::find_if(writes, [](const std::string& frame) {
        return frame.find("tool_call_response") != std::string::npos;
    });
    REQUIRE(answer != writes.end());
    CHECK(json_text::parse(*answer).string_at("/error") == told[1]);
    CHECK(test.log.count(log_level::error, "a handler of run threw: the token ***, the key ***") ==
          1);
    CHECK(test.log.count(log_level::error, "classify threw: ***, the token ***, the key ***") == 1);
    for (const auto& [level, line] : test.log.lines()) {
        CHECK_FALSE(tells_a_secret(line));
        if (line.starts_with("reconnect.classify threw")) CHECK(line.size() < 250);
    }
}

TEST_CASE("client: a handler may disconnect", "[component][chat_client][F73]") {
    client_case test;
    test.make();
    test.expect_session().reply(text_frame("a")).reply(text_frame("b"));
    test.init();
    lines told;
    event_handlers handlers;
    handlers.on_text([&](const std::string& piece) -> awaitable<void> {
        told.push_back(piece);
        co_await test.client->disconnect();
        told.emplace_back("disconnected");
    });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    test.pass(3s);
    CHECK(running.done());
    CHECK_FALSE(running.failed());
    CHECK(told.size() >= 2);
    CHECK(told[1] == "disconnected");
    CHECK(test.transports->alive() == 0);
}

TEST_CASE("client: a coroutine handler may destroy the client, and runs no further handler",
          "[component][chat_client][F73]") {
    client_case test;
    test.make();
    test.expect_session().reply(text_frame("a")).reply(text_frame("b"));
    test.init();
    int told = 0;
    event_handlers handlers;
    handlers.on_text([&](const std::string&) -> awaitable<void> {
        ++told;
        test.client.reset();
        co_return;
    });
    handlers.on_any([&](const event&) { ++told; });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    CHECK(running.done());
    CHECK(told >= 2);
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("client: a call that is requested a thousand times, and after a reconnect, runs once",
          "[component][chat_client][G78]") {
    tool_case here;
    auto& second = here.expect_session();
    for (int i = 0; i < 1'000; ++i)
        here.peer->reply(call_frame("slow", "a"));
    here.test.pass(5s);
    CHECK(here.slow.begun == 1);
    CHECK(here.answers(*here.peer) == 1);

    here.peer->reply(call_frame("slow", "a"));
    poll(here.test.io);
    here.peer->fail_read(errc::connection_reset);
    here.test.pass(1s);
    REQUIRE(second.connected());
    CHECK(here.answers(*here.peer) == 2);
    second.reply(call_frame("slow", "a"));
    poll(here.test.io);
    CHECK(here.slow.begun == 1);
    CHECK(here.answers(second) == 1);
    CHECK(here.test.client->metrics().tool_calls_repeated == 1'001);
}

TEST_CASE("client: calls whose ids start again in each run get answers of their own",
          "[component][chat_client][O141]") {
    tool_case here;
    const auto call = [](std::string_view id, std::string_view parameters) {
        return frames::tool_call_request("echo", id, parameters);
    };
    const auto answer = [](const std::string& id, const std::string& result) {
        return R"({"type":"tool_call_response","callId":)" + id + R"(,"result":)" + result + "}";
    };
    here.peer->reply(call(R"("call_0")", R"({"n":1})")).reply(call(R"("call_0")", R"({"n":2})"));
    here.peer->reply(call("0", R"("{\"n\":3}")")).reply(call(R"("")", "null"));
    here.peer->reply(R"({"type":"tool_call_request","callId":"x"})");
    const auto long_id = frames::quoted(std::string(5'000, 'i'));
    here.peer->reply(call(long_id, R"({"n":4})"));
    poll(here.test.io);
    const auto sent = here.peer->writes();
    for (const auto& wanted :
         {answer(R"("call_0")", R"({"n":1})"), answer(R"("call_0")", R"({"n":2})"),
          answer("0", R"({"n":3})"), answer(R"("")", "{}"), answer(long_id, R"({"n":4})"),
          std::string(R"({"type":"tool_call_response","callId":"x","error":"Tool not found: "})")})
        CHECK(std::count(sent.begin(), sent.end(), wanted) == 1);
}

TEST_CASE("client: frames with fields of another type open a session, end runs and fail them",
          "[component][chat_client][O140]") {
    const auto odd = GENERATE(as<std::string>(), "null", "[]", "{}", "7", "true", R"("3")");
    CAPTURE(odd);
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    auto& peer = test.transports->expect_connect();
    peer.reply(R"({"type":"session_established","data":)" + odd + "}");
    peer.expect_write("configure_tools").reply(R"({"type":"tools_configured","data":)" + odd + "}");
    test.init();

    auto finishing = start(test.io, test.client->ask("one"));
    poll(test.io);
    peer.reply(text_frame("a"));
    peer.reply(R"({"type":"chat_finished","uuid":[],"data":{"messageCount":)" + odd + "}}");
    poll(test.io);
    REQUIRE(finishing.done());
    CHECK(finishing.get().text == "a");

    auto failing = start(test.io, test.client->ask("two"));
    poll(test.io);
    peer.reply(R"({"type":"chat_error","error":)" + odd + R"(,"data":)" + odd + "}");
    poll(test.io);
    CHECK(failing.failed_with(errc::chat_failed));
    CHECK(test.client->metrics().fields_ignored > 0);

    peer.reply(R"({"type":"error","error":)" + odd + R"(,"data":)" + odd + "}");
    poll(test.io);
    const auto outside = run(test.io, test.client->next_event());
    REQUIRE(outside.has_value());
    CHECK(std::holds_alternative<server_error>(*outside));
    peer.reply(R"({"type":"authentication_error","error":)" + odd + R"(,"code":)" + odd + "}");
    test.pass(5s);
    CHECK_FALSE(test.client->is_connected());
}

TEST_CASE("client: answers from before a disconnect are forgotten",
          "[component][chat_client][O141]") {
    tool_case here;
    here.peer->reply(call_frame("echo", "a"));
    poll(here.test.io);
    auto closing = start(here.test.io, here.test.client->disconnect());
    here.test.pass(3s);
    REQUIRE(closing.done());
    auto& second = here.expect_session();
    here.test.init();
    second.reply(call_frame("echo", "a"));
    poll(here.test.io);
    const auto counted = here.test.client->metrics();
    CHECK(here.answers(second) == 1);
    CHECK(counted.tool_calls_repeated == 0);
}

TEST_CASE("client: an answer after which the server closes with 1009 is not sent again",
          "[component][chat_client][O143]") {
    tool_case here([](chat_client_config& config) {
        config.client_tools.push_back(
            {"big", "", json_text::parse("{}"), [](tool_call) -> awaitable<json_text> {
                 co_return json_text::from_string(std::string(100'000, 'x'));
             }});
    });
    auto& second = here.expect_session();
    here.peer->reply(call_frame("big", "a"));
    poll(here.test.io);
    CHECK(here.peer->writes_with("xxx") == 1);
    here.peer->close(1009);
    here.test.pass(60s);
    REQUIRE(second.connected());
    second.reply(call_frame("big", "a"));
    poll(here.test.io);
    CHECK(second.writes_with("xxx") == 0);
    CHECK(second.writes_with(R"("callId":"a","error":"Tool result too large: big")") == 2);
}

TEST_CASE("client: a close with 1009 after a large message leaves the answers as they are",
          "[component][chat_client][O143]") {
    tool_case here;
    auto& second = here.expect_session();
    here.peer->reply(call_frame("echo", "a"));
    poll(here.test.io);
    run(here.test.io, here.test.client->send_message(std::string(1'000, 'm')));
    here.peer->close(1009);
    here.test.pass(60s);
    REQUIRE(second.connected());
    second.reply(call_frame("echo", "a"));
    poll(here.test.io);
    CHECK(second.writes_with("too large") == 0);
    CHECK(second.writes_with(R"("result":{})") == 1);
}

TEST_CASE("client: a server that echoes the configuration is answered at a limited rate",
          "[component][chat_client][O145]") {
    tool_case here;
    for (int i = 0; i < 1'000; ++i)
        here.peer->reply(frames::configure_tools());
    poll(here.test.io);
    CHECK(here.peer->writes_with("configure_tools") == 1 + 5);
    CHECK(here.test.client->metrics().configurations_unanswered == 995);
    here.test.pass(10s);
    here.peer->reply(frames::configure_tools()).reply(frames::configure_tools());
    poll(here.test.io);
    CHECK(here.peer->writes_with("configure_tools") == 1 + 6);
}

TEST_CASE("client: a loss within a surrogate pair is reported after U+FFFD",
          "[component][chat_client][O142]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    auto& second = test.expect_session();
    test.init();
    peer.reply(frames::chat_event("content-delta", R"({"delta":"a\ud83d"})"));
    poll(test.io);
    peer.fail_read(errc::connection_reset);
    test.pass(5s);
    REQUIRE(second.connected());
    second.reply(frames::chat_event("content-delta", R"({"delta":"\ude80"})"));
    poll(test.io);
    const auto seen = events_of(test);
    REQUIRE(seen.size() == 6);
    CHECK(seen[0] == "text a");
    CHECK(seen[1] == "text \uFFFD");
    CHECK(seen[2] == "lost reset");
    CHECK(seen[5] == "text \uFFFD");
}

TEST_CASE("client: a tool that ends while there is no session is answered in the next",
          "[component][chat_client][G82]") {
    tool_case here;
    auto& second = here.test.transports->expect_connect();
    second.hold(phase::upgrade);
    here.peer->reply(call_frame("slow", "a"));
    poll(here.test.io);
    here.peer->fail_read(errc::connection_reset);
    here.test.pass(6s);
    CHECK(here.slow.ended == 1);
    CHECK(here.answers(*here.peer) == 0);

    second.reply(session_established_frame);
    second.expect_write("configure_tools").reply(tools_configured_frame);
    second.let_go();
    poll(here.test.io);
    CHECK(here.answers(second) == 1);
    CHECK(second.writes().back() == R"({"type":"tool_call_response","callId":"a","result":{}})");
}

TEST_CASE("client: disconnect cancels the running tools, and answers the waiting ones",
          "[component][chat_client][G83]") {
    tool_case here;
    here.slow.time = 20s;
    for (int i = 0; i < 72; ++i)
        here.peer->reply(call_frame("slow", std::to_string(i)));
    poll(here.test.io);
    REQUIRE(here.slow.begun == 8);

    auto closing = start(here.test.io, here.test.client->disconnect());
    here.test.pass(3s);
    CHECK(closing.done());
    CHECK(here.slow.cancelled == 8);
    CHECK(here.peer->writes_with("Client is shutting down") == 72);
    CHECK(here.test.client->metrics().tool_calls_shut_down == 72);
}

TEST_CASE("client: the outcomes of tools are counted, and their time is measured",
          "[component][chat_client][tools]") {
    tool_case here;
    here.peer->reply(call_frame("slow", "a"))
        .reply(call_frame("echo", "b"))
        .reply(call_frame("x", "c"));
    here.peer->reply(frames::tool_call_request("echo", R"("d")", "1"));
    here.test.pass(10s);
    const auto counted = here.test.client->metrics();
    CHECK(counted.tool_calls == 4);
    CHECK(counted.tool_calls_failed == 2);
    CHECK(counted.tool_calls_not_found == 1);
    CHECK(counted.tool_calls_invalid == 1);
    CHECK(counted.tool_time == 5s);
    CHECK(counted.tool_time_longest == 5s);
}

TEST_CASE("client: a flood of calls and pings is answered, and stays within the limits",
          "[component][chat_client][G81][H90]") {
    tool_case here([](chat_client_config& config) { config.connection.limits.event_count = 64; });
    here.slow.time = 20s;
    CHECK(events_of(here.test).empty()); // the application takes them
    for (int i = 0; i < 2'000; ++i)
        here.peer->reply(call_frame("slow", std::to_string(i)));
    here.peer->reply(frames::heartbeat_ping(R"("T")", "1"));
    const auto seen = events_of(here.test);
    CHECK(here.slow.begun == 8);
    CHECK(here.answers(*here.peer) == 2'000 - 72);
    CHECK(here.peer->writes_with("Tool busy: slow") == 2'000 - 72);
    CHECK(here.peer->writes_with("heartbeat_pong") == 1);
    CHECK(here.test.client->metrics().tool_calls_busy == 2'000 - 72);
}

} // namespace client_messages_test
