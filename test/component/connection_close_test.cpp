// How it ends: close in every state, destruction, cancellation (doc/test-catalogue.md, J).

#include "support/catch.hpp"
#include "support/connection_case.hpp"

#include <optional>
#include <string>
#include <vector>

namespace connection_close_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

bool nothing_left(connection_case& test) {
    poll(test.io);
    return test.transports->alive() == 0 && test.state() == websocket_state::closed &&
           !test.environment->time->next_deadline();
}

} // namespace

TEST_CASE("connection: closing a ready session sends a close frame and reports nothing",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    const bool at_once = GENERATE(false, true);
    CAPTURE(at_once);
    if (at_once) peer.write_at_once();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(nothing_left(test));
    CHECK(test.layer->events.empty());
    CHECK(test.transports->violations().empty());
}

TEST_CASE("connection: closing sends the queued messages", "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto a = test.begin_send("a");
    const auto b = test.begin_send("b");

    const auto closing = test.begin_close();
    CHECK(test.state() == websocket_state::closing);
    CHECK(test.begin_send("c").failed_with(errc::not_connected));
    test.pass(500ms);
    peer.let_go();
    poll(test.io);

    CHECK_NOTHROW(a.get());
    CHECK_NOTHROW(b.get());
    CHECK_NOTHROW(closing.get());
    CHECK(peer.writes() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("connection: a message that closing cannot send is reported", "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto a = test.begin_send("a");
    const auto b = test.begin_send("b");

    const auto closing = test.begin_close();
    test.pass(3s);

    CHECK_NOTHROW(closing.get());
    CHECK(a.failed_with(errc::sent_unconfirmed));
    CHECK(b.failed_with(errc::not_sent));
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a session that is lost during its close does not reconnect",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto message = test.begin_send("a");

    const auto closing = test.begin_close();
    CHECK(test.state() == websocket_state::closing);
    peer.fail_read(errc::connection_reset);
    poll(test.io);

    CHECK_NOTHROW(closing.get());
    CHECK(message.failed_with(errc::sent_unconfirmed));
    CHECK(test.layer->events == std::vector<std::string>());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a reconnect requested just before a close is dropped",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.open();

    const auto again =
        start(test.executor, test.socket->reconnect(test.now() + std::chrono::seconds(30)));
    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(again.failed_with(errc::disconnected));
    CHECK(test.layer->events == std::vector<std::string>());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a reconnect requested just before a close that sends its queue is dropped",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto message = test.begin_send("a");

    const auto again =
        start(test.executor, test.socket->reconnect(test.now() + std::chrono::seconds(30)));
    const auto closing = test.begin_close();
    CHECK(again.failed_with(errc::disconnected));
    CHECK_FALSE(closing.done());
    peer.let_go();
    poll(test.io);

    CHECK_NOTHROW(message.get());
    CHECK_NOTHROW(closing.get());
    CHECK(peer.writes() == lines{"a"});
    CHECK(test.layer->events == lines());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a peer that never finishes the close delays it by the cap at most",
          "[component][connection][I100]") {
    connection_case test;
    test.transports->expect_connect().ignore_close();
    test.open();

    const auto closing = test.begin_close(3s);
    test.pass(3s - 1ms);
    CHECK_FALSE(closing.done());
    test.pass(1ms);

    CHECK_NOTHROW(closing.get());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: closing works at once in every step of connecting",
          "[component][connection][I100]") {
    const auto step = GENERATE(phase::resolve, phase::tcp, phase::tls, phase::upgrade);
    connection_case test;
    test.transports->expect_connect().hold(step);
    const auto opening = test.begin_open();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(opening.failed_with(errc::disconnected));
    CHECK(nothing_left(test));
}

TEST_CASE("connection: closing works while the session opens", "[component][connection][I100]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect().ignore_close();
    const auto opening = test.begin_open();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(opening.failed_with(errc::disconnected));
    CHECK(nothing_left(test));
}

TEST_CASE("connection: closing works during a ticket request", "[component][connection][I100]") {
    connection_case test;
    test.layer->hold_tickets = true;
    const auto opening = test.begin_open();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(opening.failed_with(errc::disconnected));
    CHECK(nothing_left(test));
}

TEST_CASE("connection: closing works in a backoff, and ends the waiters",
          "[component][connection][I100]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);
    const auto sending = test.begin_send("a");
    const auto again = [&] {
        test.transports->expect_connect().hold(phase::tcp);
        return test.begin_reconnect();
    }();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(sending.failed_with(errc::not_sent));
    CHECK(again.failed_with(errc::disconnected));
    CHECK(nothing_left(test));
}

TEST_CASE("connection: two closes, also at the same time, are one",
          "[component][connection][J109]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    peer.ignore_close();
    test.open();

    const auto a = test.begin_close();
    const auto b = test.begin_close();
    peer.close(1000);
    poll(test.io);
    const auto c = test.begin_close();

    CHECK_NOTHROW(a.get());
    CHECK_NOTHROW(b.get());
    CHECK_NOTHROW(c.get());
    CHECK(peer.closes() == std::vector<unsigned>{1000});
}

TEST_CASE("connection: closing a connection that was never opened returns",
          "[component][connection]") {
    connection_case test;

    CHECK_NOTHROW(test.begin_close().get());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: closing does not wait for a reader that is held back",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.layer->room = false;
    peer.reply("one").reply("two");
    test.open();

    const auto closing = test.begin_close();

    CHECK_NOTHROW(closing.get());
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a closed connection can be opened again", "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    test.begin_close().get();

    test.open();

    CHECK(test.socket->ready());
    CHECK(test.begin_send("a").done());
}

TEST_CASE("connection: a layer may close from within a message or an event",
          "[component][connection][J109]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    std::optional<started<void>> closing;
    const auto close_now = [&] { closing = start(test.executor, test.socket->close(3s)); };

    SECTION("a message") {
        test.layer->on_message = [&](const std::string&) { close_now(); };
        first.reply("one").reply("two");
        test.open();
    }
    SECTION("an event") {
        test.layer->on_event = [&](const connection_event&) { close_now(); };
        test.open();
        first.fail_read(errc::connection_reset);
    }
    poll(test.io);

    REQUIRE(closing);
    CHECK_NOTHROW(closing->get());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: abandoning it completes each waiter with operation_aborted",
          "[component][connection][J105]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.open();
    first.hold_writes();
    const auto writing = test.begin_send("a");
    const auto queued = test.begin_send("b");
    first.fail_read(errc::connection_reset);
    poll(test.io);
    const auto waiting = test.begin_send("c");
    test.transports->expect_connect().hold(phase::tcp);
    const auto again = test.begin_reconnect();

    test.socket->abandon();
    poll(test.io);

    CHECK(writing.failed_with(errc::sent_unconfirmed));
    CHECK(queued.aborted());
    CHECK(waiting.aborted());
    CHECK(again.aborted());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: abandoning it while it opens completes the opening with operation_aborted",
          "[component][connection][J105]") {
    connection_case test;
    test.transports->expect_connect().hold(phase::tls);
    const auto opening = test.begin_open();

    test.socket->abandon();
    poll(test.io);

    CHECK(opening.aborted());
    CHECK(nothing_left(test));
}

TEST_CASE("connection: a failure of any operation is restored or reported, and closes",
          "[component][connection][J111]") {
    // The same scenario, with the first, the second, … operation of the transports failing, until
    // there is none of that number.
    std::size_t failing = 0;
    for (bool reached = true; reached;) {
        CAPTURE(++failing);
        connection_case test;
        test.transports->otherwise([](auto& each) {
            each.reply("hello").expect_write("a").reply("answer").expect_write("b").close(1011);
        });
        test.transports->fail_operation(failing, errc::connection_reset);

        const auto opening = test.begin_open();
        REQUIRE(opening.done());
        if (!opening.failed()) {
            const auto a = test.begin_send("a");
            const auto b = test.begin_send("b");
            test.pass(30s);
            CHECK(a.done());
            CHECK(b.done());
            test.pass(1min);
            CHECK(test.socket->ready());
        }
        const auto closing = test.begin_close();
        test.pass(3s);
        CHECK_NOTHROW(closing.get());
        CHECK(nothing_left(test));
        reached = test.transports->operations() >= failing;
    }
    CHECK(failing > 12);
}

TEST_CASE(
    "connection: a close frame that the peer does not take has a deadline, without a heartbeat too",
    "[component][connection][E65][I100]") {
    connection_config config;
    config.heartbeat.interval = 0ms;
    connection_case test(config);
    auto& first = test.transports->expect_connect();
    test.open();

    SECTION("of our close") {
        first.hold_writes();
        const auto closing = test.begin_close(3s);
        test.pass(3s);
        CHECK_NOTHROW(closing.get());
    }
    SECTION("of a session that is abandoned") {
        first.hold_writes();
        test.transports->expect_connect();
        const auto again = test.begin_reconnect();
        CHECK_NOTHROW(again.get());
        test.pass(2s);
        CHECK(first.destroyed());
        CHECK(test.socket->ready());
    }
    SECTION("in reply to the peer's, or for its fault") {
        test.transports->expect_connect();
        first.begin_close();
        test.pass(2s - 1ms);
        CHECK(test.layer->events.empty());
        test.pass(1s);
        CHECK(first.destroyed());
        CHECK(test.layer->events == lines{"lost(closed)", "reconnecting(1)", "restored"});
    }
}

TEST_CASE("connection: the peer's fault is the reason, also when the close frame was cut",
          "[component][connection][E56]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    first.fault(errc::protocol_violation);
    test.pass(3s);
    CHECK(test.layer->events == lines{"lost(protocol)", "reconnecting(1)", "restored"});
}

TEST_CASE(
    "connection: an operation cancelled at any suspension completes once and affects no other",
    "[component][connection][J102]") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    for (int turns = 0; turns < 25; ++turns) {
        connection_case test;
        test.transports->otherwise([](auto& each) { each.reply("hello"); });
        auto opening = start(test.executor, test.socket->open(test.now() + 30s));
        for (int n = 0; n < turns; ++n)
            test.io.poll_one();
        opening.cancel(type);
        poll(test.io);
        if (type == asio::cancellation_type::terminal) {
            REQUIRE(opening.done());
            CHECK((opening.aborted() || !opening.failed()));
        }
        test.begin_open().get();

        const auto kept = start(test.executor, test.socket->send("kept", test.now() + 5s, {}));
        auto dropped = start(test.executor, test.socket->send("dropped", test.now() + 5s, {}));
        for (int n = 0; n < turns; ++n)
            test.io.poll_one();
        dropped.cancel(type);
        poll(test.io);
        CHECK_NOTHROW(kept.get());
        REQUIRE(dropped.done());
        CHECK((dropped.aborted() || !dropped.failed()));
        const auto sent = test.transports->last().writes_with("dropped");
        CHECK(sent == (dropped.failed() ? 0u : 1u));
    }
}

TEST_CASE("connection: the context may be destroyed with everything pending",
          "[component][connection][J106]") {
    for (int turns = 0; turns < 40; ++turns) {
        const auto environment = test_environment::make();
        const auto transports = std::make_shared<scripted_transports>(environment->time);
        environment->set_transports(transports);
        const auto layer = std::make_shared<test_layer>();
        std::shared_ptr<websocket_manager::impl> socket;
        {
            asio::io_context io;
            const asio::any_io_executor strand = asio::make_strand(io.get_executor());
            connection_options options;
            options.server_url = "wss://chat.example";
            socket = std::make_shared<websocket_manager::impl>(strand, environment, options);
            layer->link = socket.get();
            layer->changed = std::make_unique<condition>(strand, environment->time);
            socket->attach(layer);
            auto& first = transports->expect_connect();
            first.reply("hello").expect_write("a").close(1001);
            transports->expect_connect().hold(phase::tcp);
            const auto now = environment->time->now();
            const auto opening = start(strand, socket->open(now + 30s));
            if (turns > 20) poll(io);
            const auto sending = start(strand, socket->send("a", now + 30s, {}));
            for (int n = 0; n < turns; ++n)
                io.poll_one();
            if (turns > 30) {
                environment->time->advance(1s);
                poll(io);
            }
            layer->changed.reset();
            socket.reset();
        }
        CHECK(transports->alive() == 0);
    }
}

} // namespace connection_close_test
