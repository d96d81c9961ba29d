// Questions and their answers, on manual time and without sockets.

#include "support/client_case.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chat_client_ask_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const std::string persisted_frame = frames::messages_persisted("t", "c");
const std::string created_frame = frames::thread_created("c", "t", "/");
const std::string failed_frame = frames::chat_error("no");
const std::string component_frame = frames::ui_component("u", "c", "{}");

awaitable<std::size_t> ask_often(client_case& test, scripted_connection& peer, int times) {
    std::size_t letters = 0;
    for (int i = 0; i < times; ++i) {
        peer.expect_write("chat_message").reply(text_frame("abc")).reply(finished_frame);
        peer.reply(persisted_frame);
        const auto said = co_await test.client->ask("hi");
        letters += said.text.size();
    }
    co_return letters;
}

std::size_t stops(const scripted_connection& peer) {
    return peer.writes_with(R"("type":"stop_run")");
}

} // namespace

TEST_CASE("chat_client: a client used through ask alone keeps no events",
          "[component][chat_client]") {
    client_case test;
    test.config.log_threshold = log_level::warning;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    CHECK(run(test.io, ask_often(test, peer, 100'000)) == 300'000);
    const auto counted = test.client->metrics();
    CHECK(counted.messages_sent >= 100'000);
    CHECK(test.log.lines().empty());
    CHECK(test.told().size() <= 1);
    CHECK(test.client->metrics().events_dropped == counted.events_dropped);
}

TEST_CASE(
    "chat_client: while no events are taken the oldest are dropped, counted and reported once",
    "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.event_count = 10;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    for (int i = 0; i < 1'000; ++i)
        peer.reply(text_frame(std::to_string(i)));
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    peer.reply(text_frame("an answer")).reply(finished_frame);
    poll(test.io);
    CHECK(peer.finished());
    CHECK(asked.get().text == "an answer");
    CHECK(test.client->metrics().events_dropped == 990);
    CHECK(test.log.count(log_level::warning, "the application takes no events") == 1);

    // From the first that is taken, what is not taken is not read.
    CHECK(std::get<text_delta>(*run(test.io, test.client->next_event())).text == "990");
    for (int i = 0; i < 100; ++i)
        peer.reply(text_frame("more"));
    poll(test.io);
    CHECK_FALSE(peer.finished());
    CHECK(test.told().size() == 9 + 100);
    CHECK(test.client->metrics().events_dropped == 990);
}

TEST_CASE("chat_client: the server's facts about a run's thread belong to its ask",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();

    SECTION("before the end of the run, or with it") {
        peer.expect_write("hi").reply(created_frame).reply(text_frame("a"));
        peer.reply(component_frame).reply(finished_frame).reply(persisted_frame);
        const auto said = run(test.io, test.client->ask("hi"));
        CHECK(said.thread_id == "t");
        CHECK(said.provider_res_id == "c");
        CHECK(said.conversation_id == "conversation-1");
        CHECK(said.persisted);
        CHECK(said.events == 4); // a component is an event of its own
        CHECK(test.told() == lines{"component u c {} complete"});
    }
    SECTION("after the end, before the next run begins") {
        peer.expect_write("hi").reply(text_frame("a")).reply(finished_frame);
        CHECK_FALSE(run(test.io, test.client->ask("hi")).persisted);
        auto next = start(test.io, test.client->ask("next"));
        poll(test.io);
        peer.reply(persisted_frame).reply(text_frame("b")).reply(finished_frame);
        poll(test.io);
        CHECK_FALSE(next.get().persisted);
        CHECK(test.told() == lines{"persisted t c"});
    }
    SECTION("of a run without an ask, they are events") {
        run(test.io, test.client->send_message("hi"));
        peer.reply(created_frame).reply(finished_frame).reply(persisted_frame);
        poll(test.io);
        CHECK(test.told() == lines{"thread t c", "finished conversation-1", "persisted t c"});
    }
}

TEST_CASE("chat_client: a cancelled ask stops its run, and the next one has its own answer",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    peer.reply(created_frame).reply(text_frame("half"));
    poll(test.io);
    asked.cancel();
    poll(test.io);
    CHECK(asked.aborted());
    CHECK(stops(peer) == 1);
    CHECK(peer.writes().back().find(R"("conversationUuid":"c")") != std::string::npos);

    auto next = start(test.io, test.client->ask("next"));
    poll(test.io);
    CHECK(peer.writes_with("next") == 0); // the server is still at the one before
    peer.reply(text_frame("late")).reply(finished_frame);
    poll(test.io);
    CHECK(peer.writes_with("next") == 1);
    peer.reply(text_frame("own")).reply(finished_frame);
    poll(test.io);
    CHECK(next.get().text == "own");
    CHECK(test.told().empty());
}

TEST_CASE("chat_client: a run that stop_run does not end delays the next for ten seconds",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    asked.cancel();
    poll(test.io);

    SECTION("the next ask") {
        auto next = start(test.io, test.client->ask("next"));
        test.pass(9999ms);
        CHECK(peer.writes_with("next") == 0);
        test.pass(1ms);
        CHECK(peer.writes_with("next") == 1);
        peer.reply(text_frame("own")).reply(finished_frame);
        poll(test.io);
        CHECK(next.get().text == "own");
    }
    SECTION("the next facts of the server") {
        run(test.io, test.client->send_message("next"));
        peer.reply(text_frame("late"));
        test.pass(10s);
        peer.reply(text_frame("own")).reply(finished_frame);
        poll(test.io);
        CHECK(test.told() == lines{"text own", "finished conversation-1"});
    }
    SECTION("nothing once its session is lost") {
        peer.fail_read(errc::connection_reset);
        test.expect_session().expect_write("next").reply(finished_frame);
        auto next = start(test.io, test.client->ask("next"));
        test.pass(1s);
        CHECK(next.done());
        CHECK_FALSE(next.failed());
    }
}

TEST_CASE("chat_client: an ask that is cancelled before it is sent stops nothing",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto first = start(test.io, test.client->ask("first"));
    auto waiting = start(test.io, test.client->ask("waits its turn"));
    poll(test.io);
    waiting.cancel();
    poll(test.io);
    CHECK(waiting.aborted());
    CHECK(stops(peer) == 0);
    peer.reply(finished_frame);
    poll(test.io);
    CHECK(first.done());
    peer.hold_writes();
    auto writing = start(test.io, test.client->send_message("takes its time"));
    auto queued = start(test.io, test.client->ask("queued"));
    poll(test.io);
    queued.cancel();
    peer.let_go();
    poll(test.io);
    CHECK(stops(peer) == 0);
}

TEST_CASE("chat_client: where cancelled asks are not stopped, the next one names the run that it "
          "waits for",
          "[component][chat_client]") {
    client_case test;
    test.config.stop_cancelled_asks = false;
    test.config.timeouts.answer = 20s;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    asked.cancel();
    poll(test.io);
    CHECK(asked.aborted());
    auto next = start(test.io, test.client->ask("next"));
    test.pass(20s);
    REQUIRE(next.failed_with(errc::answer_timeout));
    CHECK(next.failure()->message.find("cancelled") != std::string::npos);
    CHECK(next.failure()->message.find("stop_cancelled_asks") != std::string::npos);
    CHECK(stops(peer) == 0);
    CHECK(peer.writes_with("next") == 0);
}

TEST_CASE("chat_client: a silent run is stopped, and does not delay the next ask",
          "[component][chat_client]") {
    client_case test;
    test.config.timeouts.answer = 20s;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    test.pass(20s);
    CHECK(asked.failed_with(errc::answer_timeout));
    CHECK(stops(peer) == 1);
    auto next = start(test.io, test.client->ask("next"));
    poll(test.io);
    peer.reply(text_frame("late")).reply(failed_frame);
    poll(test.io);
    peer.reply(text_frame("own")).reply(finished_frame);
    poll(test.io);
    CHECK(next.get().text == "own");
}

TEST_CASE("chat_client: a streaming ask reports each piece before the answer is complete",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    lines pieces;
    auto asked =
        start(test.io,
              test.client->ask("hi", [&](std::string_view piece) { pieces.emplace_back(piece); }));
    poll(test.io);
    peer.reply(text_frame("a"));
    poll(test.io);
    CHECK(pieces == lines{"a"});
    peer.reply(text_frame("b")).reply(text_frame("c"));
    poll(test.io);
    CHECK_FALSE(asked.done());
    peer.reply(text_frame("d")).reply(finished_frame).reply(persisted_frame);
    poll(test.io);
    REQUIRE(asked.done());
    CHECK(asked.get().text == "abcd");
    std::string all;
    for (const auto& piece : pieces)
        all += piece;
    CHECK(all == "abcd");
    CHECK(pieces.size() >= 3);
    CHECK(stops(peer) == 0);
}

TEST_CASE("chat_client: a streaming ask ends as its run ends", "[component][chat_client]") {
    client_case test;
    test.config.timeouts.answer = 20s;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    std::string told;
    auto asked =
        start(test.io, test.client->ask("hi", [&](std::string_view piece) { told += piece; }));
    poll(test.io);
    peer.reply(text_frame("half"));

    SECTION("the run fails") {
        peer.reply(failed_frame);
        poll(test.io);
        CHECK(asked.failed_with(errc::chat_failed));
    }
    SECTION("the connection is lost") {
        peer.fail_read(errc::connection_reset);
        test.expect_session();
        test.pass(1s);
        CHECK(asked.failed_with(errc::sent_unconfirmed));
    }
    SECTION("the run falls silent") {
        test.pass(21s);
        CHECK(asked.failed_with(errc::answer_timeout));
        CHECK(stops(peer) == 1);
    }
    SECTION("the client is disconnected") {
        auto closing = start(test.io, test.client->disconnect());
        test.pass(5s);
        CHECK(asked.failed_with(errc::disconnected));
    }
    SECTION("the client is destroyed") {
        poll(test.io);
        test.client.reset();
        poll(test.io);
        CHECK(asked.aborted());
        CHECK(out_of_work(test.io));
    }
    CHECK(told == "half");
}

TEST_CASE("chat_client: a cancelled streaming ask stops its run", "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    const bool cancelled = GENERATE(true, false);
    auto asked = start(test.io, test.client->ask("hi", [&](std::string_view) {
        if (!cancelled) throw std::runtime_error("the screen is full");
    }));
    poll(test.io);
    peer.reply(text_frame("half"));
    poll(test.io);
    if (cancelled) asked.cancel();
    poll(test.io);
    REQUIRE(asked.done());
    if (cancelled)
        CHECK(asked.aborted());
    else
        CHECK_THROWS_AS(asked.get(), std::runtime_error);
    CHECK(stops(peer) == 1);
    peer.reply(text_frame("late")).reply(finished_frame);
    peer.expect_write("next").reply(text_frame("own")).reply(finished_frame);
    CHECK(run(test.io, test.client->ask("next")).text == "own");
}

TEST_CASE("chat_client: the context may be destroyed while a streaming ask waits",
          "[component][chat_client][J106]") {
    const bool has_begun = GENERATE(true, false);
    client_case test;
    test.leave_everything = true;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    if (!has_begun) test.asked.push_back(start(test.io, test.client->ask("the one before")));
    test.asked.push_back(start(test.io, test.client->ask("hi", [](std::string_view) {})));
    poll(test.io);
    if (has_begun) peer.reply(text_frame("half"));
    poll(test.io);
    CHECK_FALSE(test.asked.back().done());
}

TEST_CASE("chat_client: a streaming ask without a handler is an ordinary ask",
          "[component][chat_client]") {
    client_case test;
    test.make();
    test.expect_session().expect_write("hi").reply(text_frame("a")).reply(finished_frame);
    test.init();
    CHECK(run(test.io, test.client->ask("hi", nullptr)).text == "a");
}

TEST_CASE("chat_client: an answer over its limit ends the ask with the partial answer",
          "[component][chat_client]") {
    const bool of_text = GENERATE(true, false);
    const bool streams = GENERATE(false, true);
    CAPTURE(of_text, streams);
    client_case test;
    test.config.connection.limits.answer_bytes = 39;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    std::string told;
    const auto on_text = [&told](std::string_view piece) { told += piece; };
    auto asked = streams ? start(test.io, test.client->ask("hi", on_text))
                         : start(test.io, test.client->ask("hi"));
    poll(test.io);
    const auto piece =
        of_text ? frames::content_delta("0123456789") : frames::reasoning_delta("r", "0123456789");
    for (int i = 0; i < 3; ++i)
        peer.reply(piece);
    poll(test.io);
    CHECK_FALSE(asked.done());
    peer.reply(piece);
    poll(test.io);
    REQUIRE(asked.failed_with(errc::answer_too_large));
    CHECK(stops(peer) == 1);
    try {
        asked.get();
    } catch (const answer_error& thrown) {
        CHECK(thrown.partial().text.size() == (of_text ? 30u : 0u));
        CHECK(thrown.partial().reasoning.size() == (of_text ? 0u : 30u));
        CHECK(thrown.message() == "The answer is larger than 39 bytes.");
    }
    CHECK(told.size() == (streams && of_text ? 30u : 0u));

    // Its later events are dropped, and the next one has its own limit.
    auto next = start(test.io, test.client->ask("next"));
    for (int i = 0; i < 100; ++i)
        peer.reply(piece);
    poll(test.io);
    CHECK(peer.writes_with("next") == 0);
    peer.reply(finished_frame);
    poll(test.io);
    peer.reply(text_frame(std::string(39, 'x'))).reply(finished_frame);
    poll(test.io);
    CHECK(next.get().text.size() == 39);
    CHECK(test.told().empty());
}

TEST_CASE("chat_client: the tools of an answer count towards its limit, empty ones too",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.answer_bytes = 10'000;
    test.config.client_tools.push_back(echo_tool("e"));
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    int calls = 0;
    for (; !asked.done() && calls < 200; ++calls) {
        peer.reply(frames::tool_call_request("e", std::to_string(calls), "{}"));
        poll(test.io);
    }
    CHECK(asked.failed_with(errc::answer_too_large));
    CHECK(calls > 10);
    CHECK(stops(peer) == 1);
}

TEST_CASE(
    "chat_client: where cancelled asks are not stopped, the rest of a large answer becomes events",
    "[component][chat_client]") {
    client_case test;
    test.config.stop_cancelled_asks = false;
    test.config.connection.limits.answer_bytes = 5;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    peer.reply(text_frame("12345")).reply(text_frame("6")).reply(text_frame("7"));
    peer.reply(finished_frame);
    poll(test.io);
    CHECK(asked.failed_with(errc::answer_too_large));
    CHECK(stops(peer) == 0);
    CHECK(test.told() == lines{"text 6", "text 7", "finished conversation-1"});
}

TEST_CASE("chat_client: an ask that the server fails has the partial answer",
          "[component][chat_client]") {
    client_case test;
    test.make();
    test.expect_session().expect_write("hi").reply(text_frame("half")).reply(failed_frame);
    test.init();
    try {
        run(test.io, test.client->ask("hi"));
        FAIL("it went well");
    } catch (const answer_error& thrown) {
        CHECK(thrown.code() == errc::chat_failed);
        CHECK(thrown.partial().text == "half");
    }
}

} // namespace chat_client_ask_test
