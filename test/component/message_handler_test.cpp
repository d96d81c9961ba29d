#include <parley/message_handler.hpp>

#include "support/catch.hpp"
#include "support/event_text.hpp"
#include "support/log_capture.hpp"
#include "support/run.hpp"
#include "support/test_environment.hpp"
#include "testing/frames.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace message_handler_test {

using namespace parley;
using namespace std::chrono_literals;
using parley::test::event_text;

namespace frames = testing::frames;

namespace {

using lines = std::vector<std::string>;

const std::string finished = frames::chat_finished("u1");

std::string delta(std::string_view text) { return frames::content_delta(text); }

/// Of a text with JSON escapes.
std::string escaped_delta(const std::string& text) {
    return frames::chat_event("content-delta", R"({"delta":")" + text + R"("})");
}

std::string call(std::string_view id, std::string_view name = "echo",
                 std::string_view parameters = R"({"x":1})") {
    return frames::tool_call_request(name, frames::quoted(id), parameters);
}

std::string ping(int number) {
    return frames::heartbeat_ping(R"("2026-01-02T03:04:05Z")", std::to_string(number));
}

awaitable<json_text> echo(tool_call call) { co_return call.parameters(); }

tool make_tool(std::string name, tool_handler handler = echo) {
    return {std::move(name), "", json_text::parse("{}"), std::move(handler)};
}

struct fixture {
    fixture() {
        options.send = [this](std::string frame) { sent.push_back(std::move(frame)); };
        options.log = log.sink();
        options.client_tools.push_back(make_tool("echo"));
    }

    message_handler& start() {
        handler = std::make_unique<message_handler>(io.get_executor(), options, environment);
        return *handler;
    }

    void take(const std::string& frame) { test::run(io, handler->handle(frame)); }

    /// All the events that are there.
    lines events() {
        lines seen;
        for (;;) {
            auto next = test::start(io, handler->next_event());
            test::poll(io);
            if (!next.done()) {
                next.cancel();
                test::poll(io);
                return seen;
            }
            const auto happened = next.get();
            if (!happened) {
                seen.push_back("end");
                return seen;
            }
            seen.push_back(event_text(*happened));
        }
    }

    asio::io_context io;
    std::shared_ptr<test::test_environment> environment = test::test_environment::make();
    test::log_capture log;
    message_handler_options options;
    lines sent;
    std::unique_ptr<message_handler> handler;
};

} // namespace

TEST_CASE("message_handler: frames become events, in order", "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(delta("Hello"));
    here.take(frames::text_delta(" world"));
    here.take(frames::server_tool_call("web", "w", "[1]"));
    here.take(frames::server_tool_result("web", "w"));
    here.take(frames::messages_persisted("t", "p"));
    here.take(frames::error("odd", "E"));
    here.take(finished);

    CHECK(here.events() == lines{"text Hello", "text  world", "server tool starts web w [1]",
                                 "server tool ends web w", "persisted t p", "server error odd E",
                                 "finished u1"});
}

TEST_CASE("message_handler: an unusable frame is skipped, and the session continues",
          "[component][message_handler][F67]") {
    const auto row = GENERATE(table<std::string, std::string>({
        {"hello", "not_json"},
        {R"({"type":"chat_finished")", "not_json"},
        {"", "not_json"},
        {"[]", "not_an_object"},
        {"7", "not_an_object"},
        {"null", "not_an_object"},
        {"{}", "no_type"},
        {R"({"type":7})", "no_type"},
        {R"({"type":"surprise"})", "unknown_type"},
        {R"({"type":"chat_event","event":"surprise","data":{}})", "unknown_event"},
        {frames::chat_event("provider-event", R"({"type":"surprise"})"), "unknown_event"},
        {R"({"type":"chat_event","event":"content-delta","data":{}})", "bad_field"},
        {R"({"type":"ui_component","toolCallId":"c","componentName":["n"],"props":{}})",
         "bad_field"},
    }));
    fixture here;
    here.start();
    here.take(std::get<0>(row));
    here.take(delta("on"));

    CHECK(here.events() == lines{"skipped " + std::get<1>(row), "text on"});
    CHECK(here.log.count(log_level::warning, "skipped") == 1);
}

TEST_CASE("message_handler: a frame over the limit is skipped",
          "[component][message_handler][F68]") {
    fixture here;
    here.options.limits.message_bytes = 1'000;
    here.start();
    here.take(delta(std::string(1'000, 'x')));

    CHECK(here.events() == lines{"skipped too_large"});
}

TEST_CASE("message_handler: invalid frames do not flood the log",
          "[component][message_handler][F67]") {
    fixture here;
    here.options.limits.event_count = 10'000;
    here.start();
    for (int i = 0; i < 1'000; ++i)
        here.take("nonsense");
    CHECK(here.events().size() == 1'000);
    CHECK(here.log.lines().size() == 10);

    here.environment->time->advance(1s);
    here.take("nonsense");
    CHECK(here.log.count(log_level::warning, "990 more") == 1);
}

TEST_CASE("message_handler: a ping is answered with its own values",
          "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(frames::heartbeat_ping(R"("T")", "9007199254740993"));
    here.take(frames::heartbeat_ack(R"("T")"));

    REQUIRE(here.sent.size() == 1);
    const auto pong = json_text::parse(here.sent[0]);
    CHECK(pong.string_at("/type") == "heartbeat_pong");
    CHECK(pong.string_at("/originalTimestamp") == "T");
    CHECK(pong.text_at("/pingTime")->view() == "9007199254740993");
    CHECK(here.events().empty());
}

TEST_CASE("message_handler: a flood of pings gets ten answers a second",
          "[component][message_handler][H90]") {
    fixture here;
    here.start();
    for (int i = 0; i < 1'000; ++i)
        here.take(ping(i));
    CHECK(here.sent.size() == 10);

    here.environment->time->advance(1s);
    for (int i = 0; i < 1'000; ++i)
        here.take(ping(i));
    CHECK(here.sent.size() == 20);
}

TEST_CASE("message_handler: the end of reasoning carries its whole text and duration",
          "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(frames::reasoning_start("r"));
    here.take(frames::reasoning_delta("r", "Let "));
    here.environment->time->advance(1500ms);
    here.take(frames::reasoning_delta("r", "me"));
    here.take(frames::reasoning_end("r"));
    here.take(frames::reasoning_end("r"));

    CHECK(here.events() == lines{"reasoning starts r", "reasoning r Let ", "reasoning r me",
                                 "reasoning ends r Let me 1500"});
}

TEST_CASE("message_handler: the end of a run ends its reasoning first",
          "[component][message_handler]") {
    const auto row = GENERATE(table<std::string, std::string>({
        {finished, "finished u1"},
        {frames::chat_error("no", "X"), "failed no X"},
    }));
    fixture here;
    here.start();
    here.take(frames::reasoning_delta(std::nullopt, "hm"));
    here.take(std::get<0>(row));
    here.take(std::get<0>(row));

    CHECK(here.events() == lines{"reasoning starts reasoning", "reasoning reasoning hm",
                                 "reasoning ends reasoning hm 0", std::get<1>(row),
                                 std::get<1>(row)});
}

TEST_CASE("message_handler: a surrogate pair cut between two deltas is one character",
          "[component][message_handler][O142]") {
    const auto kind = GENERATE(0, 1, 2);
    const auto piece = [&](const std::string& text) {
        if (kind == 0) return escaped_delta(text);
        const std::string data = kind == 1 ? R"({"type":"text-delta","textDelta":")"
                                           : R"({"type":"reasoning-delta","id":"r","text":")";
        return frames::chat_event("provider-event", data + text + R"("})");
    };
    const std::string prefix = kind == 2 ? "reasoning r " : "text ";
    fixture here;
    here.start();
    std::string text;
    for (const char* one :
         {R"(up \ud83d)", R"(\ude80 and \ud83c)", "", R"(\udf08.)", R"(\ud83d)", R"(x\ud83d)"})
        here.take(piece(one));
    here.take(finished);
    for (const auto& one : here.events())
        if (one.starts_with(prefix)) text += one.substr(prefix.size());
    CHECK(text == "up \U0001F680 and \U0001F308.\uFFFDx\uFFFD");
}

TEST_CASE("message_handler: a remaining half of a surrogate pair is emitted before the end",
          "[component][message_handler][O142]") {
    const auto row = GENERATE(table<std::string, std::string>({
        {finished, "finished u1"},
        {frames::chat_error("no"), "failed no"},
    }));
    fixture here;
    here.start();
    here.take(escaped_delta(R"(a\ud83d)"));
    here.take(std::get<0>(row));
    here.take(escaped_delta(R"(\ude80)"));
    here.take(escaped_delta(R"(b\ud83d)"));
    here.take(frames::session_established());
    here.take(escaped_delta(R"(c\ud83d)"));
    test::run(here.io, here.handler->stop());

    CHECK(here.events() == lines{"text a", "text \uFFFD", std::get<1>(row), "text \uFFFD", "text b",
                                 "text \uFFFD", "text c", "text \uFFFD", "end"});
}

TEST_CASE("message_handler: a new session ends the reasoning of the last one",
          "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(frames::reasoning_delta(std::nullopt, "hm"));
    here.take(frames::session_established());

    CHECK(here.events().back() == "reasoning ends reasoning hm 0");
}

TEST_CASE("message_handler: components are passed on, to be replaced by id",
          "[component][message_handler][F72]") {
    fixture here;
    here.start();
    here.take(frames::ui_component("c", "Card", R"({"n":1.0})", "streaming"));
    here.take(frames::ui_component("c", "Card", R"({"n":2})"));

    CHECK(here.events() ==
          lines{R"(component c Card {"n":1.0} streaming)", R"(component c Card {"n":2} complete)"});
}

TEST_CASE(
    "message_handler: a rejection is a server error, and other frames of the opening are ignored",
    "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(frames::authentication_error("no", "TICKET_EXPIRED"));
    here.take(frames::session_established());
    here.take(frames::tools_acknowledged("tools_configured", 1));
    here.take(frames::configure_tools());

    CHECK(here.events() == lines{"server error no TICKET_EXPIRED"});
    CHECK(here.sent.empty());
}

TEST_CASE("message_handler: runs a tool and answers", "[component][message_handler]") {
    fixture here;
    here.start();
    here.take(call("a"));
    test::poll(here.io);

    CHECK(here.sent == lines{R"({"type":"tool_call_response","callId":"a","result":{"x":1}})"});
    CHECK(here.events() ==
          lines{R"(tool starts echo a {"x":1})", R"(tool ends echo a succeeded {"x":1})"});
}

TEST_CASE("message_handler: answers a call that it cannot run",
          "[component][message_handler][G79]") {
    const auto row = GENERATE(table<std::string, std::string>({
        {call("a", "unknown"), "Tool not found: unknown"},
        {call("a", "echo", "[1]"), "Invalid parameters: echo"},
        {call("a", "echo", R"("Rome")"), "Invalid parameters: echo"},
        {call("a", ""), "Tool not found: "},
        {R"({"type":"tool_call_request","callId":"a","parameters":{}})", "Tool not found: "},
        {R"({"type":"tool_call_request","toolName":["echo"],"callId":"a"})", "Tool not found: "},
    }));
    fixture here;
    here.start();
    here.take(std::get<0>(row));

    CHECK(here.sent == lines{R"({"type":"tool_call_response","callId":"a","error":")" +
                             std::get<1>(row) + R"("})"});
    CHECK(here.events().size() == 1);
}

TEST_CASE("message_handler: rejects invalid tools at once", "[component][message_handler]") {
    fixture here;
    auto& handler = here.start();
    CHECK_THROWS_AS(handler.add_tool(make_tool("echo")), tool_configuration_error);
    CHECK_THROWS_AS(handler.remove_tool("other"), tool_configuration_error);

    here.options.client_tools.push_back(make_tool("echo"));
    CHECK_THROWS_AS(here.start(), tool_configuration_error);
}

TEST_CASE("message_handler: tools can be added and removed while it works",
          "[component][message_handler]") {
    fixture here;
    auto& handler = here.start();
    handler.remove_tool("echo");
    handler.add_tool(make_tool("other"));
    here.take(call("a", "other"));
    here.take(call("b", "echo"));
    test::poll(here.io);

    REQUIRE(here.sent.size() == 2);
    CHECK(here.sent[0].find(R"("callId":"a","result")") != std::string::npos);
    CHECK(here.sent[1].find("Tool not found: echo") != std::string::npos);
}

TEST_CASE("message_handler: handle waits while the queue is full, and keeps the order",
          "[component][message_handler]") {
    fixture here;
    here.options.limits.event_count = 2;
    auto& handler = here.start();
    here.take(delta("1"));
    here.take(delta("2"));
    auto third = test::start(here.io, handler.handle(delta("3")));
    auto fourth = test::start(here.io, handler.handle(delta("4")));
    test::poll(here.io);
    CHECK_FALSE(third.done());

    CHECK(event_text(*test::run(here.io, handler.next_event())) == "text 1");
    CHECK(third.done());
    CHECK_FALSE(fourth.done());
    CHECK(here.events() == lines{"text 2", "text 3", "text 4"});
    CHECK(fourth.done());
}

TEST_CASE("message_handler: a frame whose handle was cancelled is not processed",
          "[component][message_handler]") {
    fixture here;
    here.options.limits.event_count = 1;
    auto& handler = here.start();
    here.take(delta("1"));
    auto second = test::start(here.io, handler.handle(delta("2")));
    auto third = test::start(here.io, handler.handle(delta("3")));
    test::poll(here.io);
    second.cancel();
    test::poll(here.io);

    CHECK(second.aborted());
    CHECK(here.events() == lines{"text 1", "text 3"});
    CHECK(third.done());
}

TEST_CASE("message_handler: stopped, it returns the queued events and then the end",
          "[component][message_handler]") {
    fixture here;
    auto& handler = here.start();
    here.take(delta("1"));
    test::run(here.io, handler.stop());
    test::run(here.io, handler.stop());
    here.take(delta("2"));
    here.take(ping(1));

    CHECK(here.events() == lines{"text 1", "end"});
    CHECK(here.sent.empty());
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("message_handler: stopping ends a waiting handle", "[component][message_handler]") {
    fixture here;
    here.options.limits.event_count = 1;
    auto& handler = here.start();
    here.take(delta("1"));
    auto waiting = test::start(here.io, handler.handle(delta("2")));
    test::poll(here.io);

    test::run(here.io, handler.stop());

    CHECK(waiting.done());
    CHECK(here.events() == lines{"text 1", "end"});
}

TEST_CASE("message_handler: destruction completes each waiter", "[component][message_handler]") {
    fixture here;
    here.options.limits.event_count = 1;
    bool cancelled = false;
    here.options.client_tools.push_back(make_tool("slow", [&](tool_call) -> awaitable<json_text> {
        auto bell = here.environment->time->make_alarm(co_await asio::this_coro::executor);
        co_await bell->wait_until(time_point::max());
        cancelled = true;
        co_return json_text();
    }));
    auto& handler = here.start();
    here.take(call("a", "slow"));
    test::poll(here.io);
    auto frame = test::start(here.io, handler.handle(delta("2")));
    test::poll(here.io);
    REQUIRE_FALSE(frame.done());

    here.handler.reset();

    CHECK(test::out_of_work(here.io));
    CHECK(frame.aborted());
    CHECK(cancelled);
    CHECK(here.sent.size() == 1);
}

TEST_CASE("message_handler: destruction ends a wait for an event", "[component][message_handler]") {
    fixture here;
    auto waiting = test::start(here.io, here.start().next_event());
    test::poll(here.io);
    here.handler.reset();

    CHECK(test::out_of_work(here.io));
    CHECK(waiting.aborted());
}

TEST_CASE("message_handler: a tool may stop or destroy it", "[component][message_handler][F73]") {
    const bool destroy = GENERATE(false, true);
    fixture here;
    bool stopped = false;
    here.options.client_tools.push_back(make_tool("end", [&](tool_call) -> awaitable<json_text> {
        if (destroy) {
            here.handler.reset();
        } else {
            co_await here.handler->stop();
            stopped = true;
        }
        co_return json_text();
    }));
    here.start();
    here.take(call("a", "end"));
    test::pass(here.io, *here.environment->time, 1s);

    CHECK(test::out_of_work(here.io));
    CHECK_FALSE(stopped); // it is cancelled itself
    CHECK(here.sent.size() == 1);
}

TEST_CASE("message_handler: a tool that is not a coroutine fails its call, and nothing more",
          "[component][message_handler]") {
    fixture here;
    here.options.client_tools.push_back(
        make_tool("nothing", [](const tool_call&) { return awaitable<json_text>(); }));
    here.start();
    here.take(call("c1", "nothing"));
    here.take(call("c2"));

    REQUIRE(here.sent.size() == 2);
    CHECK(here.sent[0].find("empty awaitable") != std::string::npos);
    CHECK(here.sent[1].find(R"("result":{"x":1})") != std::string::npos);
}

TEST_CASE("message_handler: an exception of send is reported, and ends nothing",
          "[component][message_handler]") {
    fixture here;
    here.options.send = [](const std::string&) { throw std::runtime_error("pipe"); };
    here.start();
    here.take(ping(1));
    here.take(delta("on"));

    CHECK(here.events() == lines{"handler failed pipe", "text on"});
    CHECK(here.log.count(log_level::error, "pipe") == 1);
}

TEST_CASE("message_handler: processes frames, tools and events on many threads",
          "[component][threads][message_handler]") {
    constexpr int calls = 400;
    asio::thread_pool pool(3);
    asio::thread_pool tool_threads(2);
    std::mutex mutex;
    lines sent;
    std::atomic<int> runs = 0;
    message_handler_options options;
    options.limits.event_count = 32;
    options.tools.max_waiting = calls;
    options.tools.executor = tool_threads.get_executor();
    options.send = [&](std::string frame) {
        const std::lock_guard lock(mutex);
        sent.push_back(std::move(frame));
    };
    options.client_tools.push_back(make_tool("echo", [&](tool_call asked) -> awaitable<json_text> {
        ++runs;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        co_return asked.parameters();
    }));
    message_handler handler(pool.get_executor(), options, test::test_environment::make());
    const auto must_not_throw = [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    };

    auto feed = [&](int from) -> awaitable<void> {
        for (int i = from; i < calls; i += 4) {
            co_await handler.handle(call(std::to_string(i)));
            co_await handler.handle(call(std::to_string(i)));
            co_await handler.handle(delta("x"));
        }
    };
    int ended = 0;
    int texts = 0;
    auto read = [&]() -> awaitable<void> {
        while (ended < calls || texts < calls) {
            const auto happened = co_await handler.next_event();
            if (!happened) co_return;
            ended += std::holds_alternative<tool_finished>(*happened) ? 1 : 0;
            texts += std::holds_alternative<text_delta>(*happened) ? 1 : 0;
        }
        co_await handler.stop();
    };
    auto needed = asio::make_work_guard(pool); // there may be nothing to do before the stop
    for (int i = 0; i < 4; ++i)
        asio::co_spawn(pool, feed(i), must_not_throw);
    asio::co_spawn(tool_threads, read, must_not_throw);
    tool_threads.join();
    needed.reset();
    pool.join();

    CHECK(runs == calls);
    CHECK(ended == calls);
    CHECK(texts == calls);
    CHECK(sent.size() >= calls); // and one for each repeat that came after the answer
}

} // namespace message_handler_test
