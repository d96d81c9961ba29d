// A ready session is run by its reader alone: no task waits beside it, what is there whole is
// handed up without one, and whatever ends the session brings the loop of the connection back.

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/connection_case.hpp"

#include <new>

namespace connection_read_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

/// A ready session whose reader waits.
scripted_connection& open_and_wait(connection_case& test) {
    auto& peer = test.transports->expect_connect();
    peer.write_at_once();
    test.open();
    REQUIRE(peer.reading());
    test.layer->reads = 0;
    return peer;
}

} // namespace

TEST_CASE("connection: frames that arrive together are one read", "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    const auto operations = test.transports->operations();

    peer.reply("one").reply("two").binary(7).reply("three");
    poll(test.io);

    CHECK(test.layer->texts == lines{"one", "two", "three"});
    CHECK(test.layer->binaries == std::vector<std::size_t>{7});
    CHECK(test.layer->reads == 1);
    CHECK(test.transports->operations() == operations + 1); // the next read
    CHECK(peer.reading());
    CHECK(test.socket->status().messages_received == 4);
}

TEST_CASE("connection: frames that arrive with the upgrade response are one read",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect().reply("one").reply("two");
    test.open();

    CHECK(test.layer->texts == lines{"one", "two"});
    CHECK(test.layer->reads == 1);
    CHECK(test.transports->operations() == 3); // the connect, and the next read
    CHECK(peer.reading());
}

TEST_CASE("connection: a read that ends the session ends for the layer too",
          "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    test.transports->otherwise([](auto&) {});
    SECTION("by its result") {
        test.layer->on_message = [&test](auto&) {
            test.socket->session_failed(error_info(errc::tools_refused, "No."));
        };
    }
    SECTION("by its exception") {
        test.layer->on_message = [](auto&) { throw std::bad_alloc(); };
    }
    peer.reply("a call of a tool");
    poll(test.io);
    CHECK(peer.destroyed());
    CHECK(test.layer->texts == lines{"a call of a tool"});
    CHECK(test.layer->reads > 0); // what it asked for is not forgotten
}

TEST_CASE("connection: space that appears during the check is not missed",
          "[component][connection]") {
    // Who takes events does so on another thread, between any two looks.
    const unsigned looks = GENERATE(range(1u, 10u));
    CAPTURE(looks);
    connection_case test;
    auto& peer = open_and_wait(test);
    test.layer->full_looks = looks;
    peer.reply("one");
    poll(test.io);
    CHECK(test.layer->texts == lines{"one"});
    test.layer->full_looks = 0;
    peer.reply("two");
    poll(test.io);
    CHECK(test.layer->texts == lines{"one", "two"});
}

TEST_CASE(
    "connection: a frame that arrives in pieces is delivered once, whatever is sent meanwhile",
    "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    const bool held = GENERATE(false, true);
    CAPTURE(held);
    if (held) peer.hold_writes();

    peer.reply("whole").bytes(10, true);
    poll(test.io);
    REQUIRE(peer.reading());
    const auto sending = test.begin_send("a");
    peer.bytes(10, true);
    const auto behind = test.begin_send("b");
    CHECK(sending.done() == !held);
    CHECK(test.layer->texts == lines{"whole"});
    peer.reply("in pieces").reply("next");
    poll(test.io);

    CHECK(test.layer->texts == lines{"whole", "in pieces", "next"});
    CHECK(peer.reading());
    CHECK(behind.done() == !held);
    peer.let_go();
    poll(test.io);
    CHECK_NOTHROW(sending.get());
    CHECK_NOTHROW(behind.get());
    CHECK(peer.writes() == lines{"a", "b"});
}

TEST_CASE("connection: an incomplete frame has its deadline, whatever is sent meanwhile",
          "[component][connection][D53]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    test.transports->otherwise([](auto&) {});

    peer.bytes(10, true);
    poll(test.io);
    for (int n = 0; n < 5; ++n) {
        CHECK(test.layer->events.empty());
        CHECK(test.begin_send("still there?").done());
        peer.bytes(1, true);
        test.pass(6s);
    }

    test.pass(5s);
    REQUIRE(test.layer->events.size() == 3);
    CHECK(test.layer->events.front() == "lost(protocol)");
    CHECK(test.layer->events.back() == "restored");
}

TEST_CASE("connection: a message does not wake the reader, and the reader does not delay a message",
          "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    const auto operations = test.transports->operations();

    test.socket->send_answer("the writer is idle");
    CHECK(peer.writes() == lines{"the writer is idle"});
    CHECK(peer.reading());
    CHECK(test.transports->operations() == operations);

    peer.hold_writes();
    const auto begun = test.begin_send("begun");
    const auto behind = test.begin_send("behind");
    peer.reply("to be heard");
    poll(test.io);
    CHECK(test.layer->texts == lines{"to be heard"});
    CHECK_FALSE(begun.done());
    CHECK(test.transports->operations() == operations + 2); // a flush, and the next read
    peer.let_go();
    poll(test.io);
    CHECK(peer.writes() == lines{"the writer is idle", "begun", "behind"});
    CHECK(behind.done());
}

TEST_CASE("connection: the layer's reply to a message is written before the next message is read",
          "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    lines order;
    test.layer->on_message = [&](const std::string& text) {
        test.socket->send_control("re: " + text);
        order.push_back(text + ", written " + std::to_string(peer.writes().size()));
    };

    peer.reply("one").reply("two");
    poll(test.io);

    CHECK(order == lines{"one, written 1", "two, written 2"});
    CHECK(peer.writes() == lines{"re: one", "re: two"});
}

TEST_CASE("connection: any end of a session ends the wait of its reader",
          "[component][connection][I100]") {
    connection_case test;
    auto& peer = open_and_wait(test);

    SECTION("a close of ours") {
        CHECK_NOTHROW(test.begin_close().get());
        CHECK(peer.closes() == std::vector<unsigned>{1000});
        CHECK(test.layer->events.empty());
    }
    SECTION("destruction of its owner") {
        test.socket->abandon();
        poll(test.io);
        CHECK(test.layer->events.empty());
    }
    SECTION("the peer's close") {
        peer.close(1000);
        poll(test.io);
        CHECK(test.layer->events == lines{"lost(closed, final)", "failed(connection_closed)"});
    }
    SECTION("a requested reconnect") {
        test.transports->expect_connect();
        CHECK_NOTHROW(test.begin_reconnect().get());
        CHECK(test.layer->events == lines{"lost(requested)", "restored"});
    }
    CHECK(peer.destroyed());
    CHECK_FALSE(peer.reading());
}

TEST_CASE("connection: a cancelled opening whose reader waits leaves nothing behind",
          "[component][connection][J102]") {
    connection_case test;
    test.layer->ready_when_open = false;
    auto& peer = test.transports->expect_connect();
    auto opening = test.begin_open();
    REQUIRE(peer.reading());

    opening.cancel();
    poll(test.io);

    CHECK(opening.aborted());
    CHECK(peer.destroyed());
    CHECK(test.state() == websocket_state::idle);
}

TEST_CASE("connection: the reconnect loop never runs within a message, and there is one",
          "[component][connection][I99]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    test.transports->expect_connect();
    std::vector<started<void>> asked;
    test.layer->on_message = [&](const std::string&) {
        for (int n = 0; n < 3; ++n)
            asked.push_back(start(test.executor, test.socket->reconnect(test.now() + 30s)));
        CHECK(test.layer->events.empty());
        CHECK(test.transports->made() == 1);
    };

    peer.reply("go");
    poll(test.io);

    REQUIRE(asked.size() == 3);
    for (const auto& each : asked)
        CHECK_NOTHROW(each.get());
    CHECK(test.layer->events == lines{"lost(requested)", "restored"});
    CHECK(test.transports->made() == 2);
}

TEST_CASE("connection: a session that is lost without an owner does not reconnect",
          "[component][connection]") {
    connection_case test;
    auto& peer = open_and_wait(test);
    const auto gone = std::weak_ptr<test_layer>(test.layer);
    const bool by_peer = GENERATE(true, false);
    CAPTURE(by_peer);

    peer.hold_writes();
    const auto sending = test.begin_send("a"); // whose operation holds no layer
    test.layer.reset();
    if (by_peer)
        peer.fail_read(errc::connection_reset);
    else
        test.pass(10min); // until it is taken for dead
    poll(test.io);
    CHECK_FALSE(test.environment->time->next_deadline()); // not even a backoff

    CHECK(gone.expired());
    CHECK(sending.failed_with(errc::sent_unconfirmed));
    CHECK(test.transports->made() == 1);
    CHECK(peer.destroyed());
}

TEST_CASE("chat_client: taking an event resumes the reader where it stopped",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.event_count = 4;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    CHECK(test.told().empty()); // the application takes them
    REQUIRE(peer.reading());
    for (int n = 0; n < 40; ++n)
        peer.reply(text_frame(std::to_string(n)));
    poll(test.io);
    CHECK_FALSE(peer.reading()); // what it does not ask for stays with TCP
    CHECK_FALSE(peer.finished());

    for (int n = 0; n < 40; ++n)
        CHECK(event_text(run(test.io, test.client->next_event()).value()) ==
              "text " + std::to_string(n));

    CHECK(peer.finished());
    CHECK(peer.reading());
    peer.reply(text_frame("and then"));
    CHECK(test.told() == lines{"text and then"});
}

TEST_CASE("chat_client: a peer that died while no events were taken is detected once they are",
          "[component][chat_client][H87]") {
    client_case test;
    test.config.connection.limits.event_count = 4;
    test.make();
    auto& peer = test.expect_session().ignore_pings();
    test.init();
    CHECK(test.told().empty()); // the application takes them
    for (int n = 0; n < 10; ++n)
        peer.reply(text_frame("x"));
    poll(test.io);
    test.pass(20min);
    REQUIRE(test.client->is_connected()); // the silence was ours
    test.expect_session();

    CHECK(test.told() == lines(10, "text x"));
    test.pass(35s - 1ms);
    CHECK(test.told() == lines());
    test.pass(1ms);

    CHECK(test.told() == lines{"lost silent", "reconnecting 1"});
}

} // namespace connection_read_test
