// What becomes of a message.

#include "support/catch.hpp"
#include "support/connection_case.hpp"

#include <deque>

namespace connection_send_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("connection: a message is sent when its whole frame was handed over",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();

    const auto sending = test.begin_send("hello");

    CHECK_FALSE(sending.done());
    peer.let_go();
    poll(test.io);
    CHECK_NOTHROW(sending.get());
    CHECK(peer.writes() == std::vector<std::string>{"hello"});
    CHECK(test.socket->status().messages_sent == 1);
}

TEST_CASE("connection: messages that can be written at once are, in the order of the calls",
          "[component][connection][H86]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.write_at_once();

    test.socket->send_answer("answer");
    CHECK(peer.writes() == std::vector<std::string>{"answer"}); // no task had to be woken
    CHECK(test.begin_send("a").done());
    CHECK(test.socket->status().messages_sent == 2);
    CHECK(test.socket->status().queued_messages == 0);

    peer.hold_writes();
    const auto begun = test.begin_send("b");
    const auto behind = test.begin_send("c");
    test.socket->send_control("pong");
    CHECK_FALSE(begun.done());
    peer.let_go();
    poll(test.io);
    CHECK(peer.writes() == std::vector<std::string>{"answer", "a", "b", "pong", "c"});
    CHECK_NOTHROW(begun.get());
    CHECK_NOTHROW(behind.get());
    CHECK(test.begin_send("d").done());
    CHECK(test.transports->violations().empty());
}

TEST_CASE("connection: a message in progress when the connection died is unconfirmed",
          "[component][connection][F75]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.write_at_once();
    peer.hold_writes();
    const bool writer_has_it = GENERATE(true, false);
    CAPTURE(writer_has_it);
    auto& next = test.transports->expect_connect();

    if (!writer_has_it) peer.fail_read(errc::connection_reset);
    const auto begun = test.begin_send("begun");
    const auto behind = test.begin_send("behind");
    peer.fail_read(errc::connection_reset);
    poll(test.io);

    CHECK(begun.failed_with(errc::sent_unconfirmed));
    test.pass(10s);
    CHECK_NOTHROW(behind.get());
    CHECK(next.writes() == std::vector<std::string>{"behind"});
}

TEST_CASE("connection: before the first ready session no message can be sent",
          "[component][connection][F74]") {
    connection_case test;
    CHECK(test.begin_send("too early").failed_with(errc::not_connected));

    test.transports->expect_connect().hold(phase::tcp);
    const auto opening = test.begin_open();
    CHECK(test.begin_send("still too early").failed_with(errc::not_connected));
    CHECK_FALSE(opening.done());
}

TEST_CASE("connection: after the end no message can be sent", "[component][connection][F74]") {
    connection_config config;
    config.reconnect.enabled = false;
    connection_case test(config);
    auto& peer = test.transports->expect_connect();
    test.open();

    SECTION("closed by us") {
        const auto closing = test.begin_close();
        CHECK(closing.done());
    }
    SECTION("lost permanently") {
        peer.fail_read(errc::connection_reset);
        poll(test.io);
    }

    CHECK(test.begin_send("too late").failed_with(errc::not_connected));
}

TEST_CASE("connection: messages keep their order, and control overtakes them",
          "[component][connection][H86]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto a = test.begin_send("a");
    const auto b = test.begin_send("b");
    const auto c = test.begin_send("c");
    test.socket->send_answer("answer");
    test.socket->send_control("pong");

    peer.let_go();
    poll(test.io);

    CHECK(peer.writes() == std::vector<std::string>{"a", "pong", "answer", "b", "c"});
    CHECK(c.done());
}

TEST_CASE("connection: a message waits while the session reconnects",
          "[component][connection][F74]") {
    connection_case test;
    test.transports->expect_connect().fail_read(errc::connection_reset);
    test.transports->expect_connect().refuse(errc::connect_failed);
    auto& third = test.transports->expect_connect();
    test.open();

    const auto a = test.begin_send("a");
    const auto b = test.begin_send("b");
    CHECK_FALSE(a.done());
    CHECK(test.socket->status().queued_messages == 2);
    CHECK(test.socket->status().queued_bytes == 2);
    test.pass(5s);

    CHECK_NOTHROW(a.get());
    CHECK_NOTHROW(b.get());
    CHECK(third.writes() == std::vector<std::string>{"a", "b"});
    CHECK(test.socket->status().queued_messages == 0);
}

TEST_CASE("connection: a message that is still queued at its deadline was not sent",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect().fail_read(errc::connection_reset);
    test.transports->otherwise([](auto& each) { each.refuse(errc::connect_failed); });
    test.open();

    const auto sending = test.begin_send("a", 10s);
    test.pass(10s - 1ms);
    CHECK_FALSE(sending.done());
    test.pass(1ms);

    CHECK(sending.failed_with(errc::not_sent));
    CHECK(test.socket->status().queued_messages == 0);
}

TEST_CASE("connection: a message that was being written when the connection died is unconfirmed",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.open();
    first.hold_writes();
    const auto a = test.begin_send("a");
    const auto b = test.begin_send("b");

    first.fail_read(errc::connection_reset);
    test.pass(5s);

    CHECK(a.failed_with(errc::sent_unconfirmed));
    CHECK_NOTHROW(b.get());
    CHECK(second.writes() == std::vector<std::string>{"b"}); // nothing is sent twice
}

TEST_CASE("connection: a message that is being written at its deadline is unconfirmed",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto sending = test.begin_send("a", 10s);

    test.pass(10s);

    CHECK(sending.failed_with(errc::sent_unconfirmed));
}

TEST_CASE("connection: a cancelled message leaves the queue, and the others are untouched",
          "[component][connection][F76][J103]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto a = test.begin_send("a");
    auto b = test.begin_send("b");
    const auto c = test.begin_send("c");

    b.cancel();
    poll(test.io);
    CHECK(b.aborted());
    peer.let_go();
    poll(test.io);

    CHECK_NOTHROW(a.get());
    CHECK_NOTHROW(c.get());
    CHECK(peer.writes() == std::vector<std::string>{"a", "c"});
}

TEST_CASE("connection: a message whose writing has begun is sent to its end, cancelled or not",
          "[component][connection][F76]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    auto sending = test.begin_send("a");

    sending.cancel();
    poll(test.io);
    CHECK_FALSE(sending.done());
    peer.let_go();
    poll(test.io);

    CHECK_NOTHROW(sending.get());
    CHECK(test.socket->ready());
}

TEST_CASE("connection: senders wait while the peer takes nothing, and keep their order",
          "[component][connection][F75]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    std::deque<started<void>> sending;
    std::vector<std::string> expected;
    for (int n = 0; n < 10; ++n) {
        expected.push_back(std::to_string(n));
        sending.push_back(test.begin_send(expected.back()));
    }

    peer.let_go();
    poll(test.io);

    CHECK(peer.writes() == expected);
    for (const auto& each : sending)
        CHECK_NOTHROW(each.get());
}

TEST_CASE("connection: the sender is notified when its frame is taken and when it is handed over",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    std::vector<send_progress> heard;
    std::function<void(send_progress)> listen = [&](send_progress now) { heard.push_back(now); };
    const auto sending = start(test.executor, test.socket->send("a", test.now() + 5s, listen));
    poll(test.io);
    CHECK(heard == std::vector<send_progress>{send_progress::writing});

    peer.let_go();
    poll(test.io);

    CHECK(heard == std::vector<send_progress>{send_progress::writing, send_progress::written});
    CHECK(sending.done());
}

TEST_CASE("connection: a control message without a session is dropped", "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);

    test.socket->send_control("pong");
    test.pass(1s);

    REQUIRE(test.socket->ready());
    CHECK(second.writes().empty());
}

TEST_CASE("connection: an answer outlives the session, and a control message does not",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.open();
    first.hold_writes();
    const auto sending = test.begin_send("a");
    test.socket->send_control("pong");
    test.socket->send_answer("answer");

    first.fail_read(errc::connection_reset);
    test.pass(5s);

    CHECK(second.writes() == std::vector<std::string>{"answer"});
    CHECK(sending.failed_with(errc::sent_unconfirmed));
}

TEST_CASE("connection: an answer waits for a session as long as its lifetime, and no longer",
          "[component][connection]") {
    const auto late = GENERATE(false, true);
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.open();
    test.transports->otherwise([](auto& each) { each.refuse(errc::connect_failed); });
    first.fail_read(errc::connection_reset);
    test.pass(1s);

    test.socket->send_answer("answer");
    test.pass(late ? 60s : 59s);
    REQUIRE_FALSE(test.socket->ready());
    test.transports->otherwise([](auto&) {});
    test.socket->notify_network_change();
    poll(test.io);

    REQUIRE(test.socket->ready());
    CHECK(test.transports->last().writes().size() == (late ? 0 : 1));
}

TEST_CASE("connection: a failed write ends the connection, with the close code if there is one",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    first.fail_write(errc::connection_reset);
    const auto sending = test.begin_send("a");
    CHECK(sending.failed_with(errc::sent_unconfirmed));

    SECTION("the close frame is there to read") {
        first.close(1001);
        poll(test.io);
        CHECK(test.layer->events.front() == "lost(closed)");
    }
    SECTION("there is nothing to read") {
        test.pass(1s);
        CHECK(test.layer->events.front() == "lost(reset)");
    }
}

TEST_CASE("connection: reading pauses while the peer does not take our replies",
          "[component][connection][H90]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.layer->on_message = [&](const std::string&) { test.socket->send_control("pong"); };
    test.open();
    peer.hold_writes();
    for (int n = 0; n < 1'000; ++n)
        peer.reply("ping");
    poll(test.io);
    CHECK(test.layer->texts.size() < 300);

    peer.let_go();
    poll(test.io);

    CHECK(test.layer->texts.size() == 1'000);
    CHECK(peer.writes().size() == 1'000);
}

TEST_CASE("connection: reading pauses while the layer has no space", "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.layer->on_message = [&](const std::string&) { test.layer->room = false; };
    peer.reply("one").reply("two");
    test.open();
    CHECK(test.layer->texts == std::vector<std::string>{"one"});

    test.pass(1h); // silence of our own making does not count

    CHECK(test.socket->ready());
    test.layer->make_room();
    poll(test.io);
    CHECK(test.layer->texts == std::vector<std::string>{"one", "two"});
}

} // namespace connection_send_test
