// How a lost session comes back (doc/protocol.md 3).

#include "support/catch.hpp"
#include "support/connection_case.hpp"

namespace connection_reconnect_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using events = std::vector<std::string>;

TEST_CASE("connection: a lost session is restored, and its events are paired",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().refuse(errc::connect_failed);
    auto& third = test.transports->expect_connect();
    third.reply("hello");
    test.layer->unconfirmed = 2;
    test.open();

    first.close(1001);
    poll(test.io);
    CHECK(test.state() == websocket_state::waiting);
    CHECK(test.socket->status().retry_at == test.now() + 250ms);
    CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)"});
    const auto lost = std::get<connection_lost>(test.layer->happenings.front());
    CHECK(lost.unconfirmed == 2);
    CHECK(lost.cause.details.close_code == 1001u);
    test.pass(250ms);
    CHECK(test.layer->events.back() == "reconnecting(2)");
    CHECK(std::get<reconnecting>(test.layer->happenings.back()).delay == 500ms);
    test.pass(500ms);

    CHECK(test.layer->events ==
          events{"lost(closed)", "reconnecting(1)", "reconnecting(2)", "restored"});
    CHECK(test.layer->texts == std::vector<std::string>{"hello"});
    CHECK(test.layer->opened == 2);
    CHECK(test.socket->ready());
    CHECK(test.layer->fresh_asked == std::vector<bool>(3, false)); // the held one is reused
}

TEST_CASE("connection: each close has the reaction of the table",
          "[component][connection][I91][I96]") {
    struct row {
        unsigned code;
        const char* event;
        bool fresh;
    };
    const auto each =
        GENERATE(row{1000, "lost(closed, final)", false}, row{1001, "lost(closed)", false},
                 row{1002, "lost(protocol)", false}, row{1003, "lost(protocol)", false},
                 row{1005, "lost(closed)", false}, row{1006, "lost(closed)", false},
                 row{1007, "lost(protocol)", false}, row{1008, "lost(rejected)", true},
                 row{1009, "lost(protocol)", false}, row{1010, "lost(protocol)", false},
                 row{1011, "lost(closed)", false}, row{1012, "lost(closed)", false},
                 row{1013, "lost(closed)", false}, row{1014, "lost(closed)", false},
                 row{3000, "lost(closed)", false}, row{3999, "lost(closed)", false},
                 row{4000, "lost(closed)", false}, row{4401, "lost(rejected)", true},
                 row{4403, "lost(rejected)", true}, row{4999, "lost(closed)", false});
    connection_case test;
    auto& first = test.transports->expect_connect();
    if (each.code != 1000) test.transports->expect_connect();
    test.open();

    first.close(each.code);
    test.pass(1s);

    CHECK(test.layer->events.front() == each.event);
    CHECK(test.socket->ready() == (each.code != 1000));
    CHECK(test.layer->fresh_asked.back() == each.fresh);
    if (each.code == 1000)
        CHECK(test.layer->events == events{"lost(closed, final)", "failed(connection_closed)"});
}

TEST_CASE("connection: on_normal_close makes a close with 1000 an ordinary loss",
          "[component][connection]") {
    connection_config config;
    config.reconnect.on_normal_close = reconnect_config::normal_close::reconnect;
    connection_case test(config);
    test.transports->expect_connect().close(1000);
    test.transports->expect_connect();
    test.open();

    test.pass(1s);

    CHECK(test.socket->ready());
}

TEST_CASE("connection: with reconnecting disabled the first loss is final",
          "[component][connection]") {
    connection_config config;
    config.reconnect.enabled = false;
    connection_case test(config);
    auto& first = test.transports->expect_connect();
    test.open();

    first.fail_read(errc::connection_reset);
    poll(test.io);

    CHECK(test.layer->events == events{"lost(reset, final)", "failed(connection_reset)"});
    CHECK(test.state() == websocket_state::failed);
}

TEST_CASE("connection: an exhausted max_attempts is final, and is reported to each waiter",
          "[component][connection][I95]") {
    connection_config config;
    config.reconnect.max_attempts = 2;
    connection_case test(config);
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().refuse(errc::connect_failed);
    test.transports->expect_connect().refuse(errc::connect_failed);
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);
    const auto sending = test.begin_send("a", 1h);

    test.pass(10s);

    CHECK(test.layer->events == events{"lost(reset)", "reconnecting(1)", "reconnecting(2)",
                                       "failed(reconnect_exhausted)"});
    CHECK(sending.failed_with(errc::not_sent));
    test.transports->expect_connect();
    test.open(); // an explicit one starts afresh
    CHECK(test.socket->ready());
}

TEST_CASE("connection: the third rejection in a row of a fresh ticket ends the reconnecting",
          "[component][connection][B31]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 4; ++n)
        test.transports->expect_connect().close(4401);
    test.layer->ready_when_open = true;
    test.open();
    test.layer->ready_when_open = false;

    first.close(1001);
    test.pass(1min);

    // The first of the four was the held one, which is replaced at once.
    CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)", "reconnecting(2)",
                                       "reconnecting(3)", "failed(ticket_rejected)"});
    CHECK(test.layer->fresh_asked == std::vector<bool>{false, false, true, true, true});
}

TEST_CASE("connection: a ticket fetched for an earlier attempt counts as held",
          "[component][connection][O147]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().close(4401);                                 // ticket-1
    test.transports->expect_connect().refuse_in(phase::tcp, errc::connect_failed); // ticket-2
    test.transports->expect_connect().close(4401);                                 // and again
    for (int n = 3; n < 6; ++n)
        test.transports->expect_connect().close(4401); // ticket-3, -4, -5: three fresh ones
    test.open();
    test.layer->ready_when_open = false;

    first.close(1001);
    test.pass(1min);

    CHECK(test.layer->events.back() == "failed(ticket_rejected)");
    CHECK(test.transports->made() == 7);
    CHECK(test.transports->last().target() == "/ws?ticket=ticket-5");
}

TEST_CASE("connection: a wait that is shortened, but not to nothing, is announced once",
          "[component][connection]") {
    connection_case test;
    test.environment->fix_jitter(0.99);
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 6; ++n)
        test.transports->expect_connect().refuse(errc::connect_failed);
    test.transports->expect_connect().refuse_status(503, 5);
    test.transports->expect_connect();
    test.open();
    first.close(1001);
    while (test.transports->made() < 8)
        test.pass(100ms);
    const auto told = test.layer->events.size();
    CHECK(test.layer->events.back() == "reconnecting(8)");

    test.socket->notify_network_change();
    test.pass(1s);
    CHECK(test.layer->events.size() == told);
    test.pass(4s);

    CHECK(test.layer->events.back() == "restored");
}

TEST_CASE("connection: a failed refresh is a failed attempt, or the end",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.open();
    error_details details;
    details.retryable = true;
    test.layer->ticket_failure = error_info(errc::ticket_request_failed, "No.", details);
    first.close(4401);
    test.pass(250ms);
    CHECK(test.layer->events == events{"lost(rejected)", "reconnecting(1)", "reconnecting(2)"});
    CHECK(test.layer->fresh_asked.back());

    SECTION("it works later, and a fresh one is still requested") {
        test.transports->expect_connect();
        test.layer->ticket_failure.reset();
        test.pass(1s);
        CHECK(test.layer->fresh_asked == std::vector<bool>{false, true, true});
        CHECK(test.socket->ready());
    }
    SECTION("it fails permanently") {
        test.layer->ticket_failure = error_info(errc::authentication_failed, "403");
        test.pass(1s);
        CHECK(test.layer->events.back() == "failed(authentication_failed)");
    }
}

TEST_CASE("connection: a session that flaps does not reset the backoff",
          "[component][connection][I93]") {
    connection_case test;
    test.transports->otherwise([](auto& each) { each.after(1s).close(1001); });
    test.open();

    test.pass(1h);

    // Each turn lasts a second of session and 15 s of backoff at a jitter of one half.
    CHECK(test.transports->made() < 240);
    CHECK(test.transports->made() > 220);
}

TEST_CASE("connection: a stable session resets the backoff", "[component][connection][I93]") {
    connection_case test;
    test.transports->expect_connect().close(1001);
    test.transports->expect_connect().close(1001);
    auto& third = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    test.pass(1s);
    REQUIRE(test.socket->ready());

    test.pass(30s);
    third.close(1001);
    test.pass(1s);

    CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)", "restored",
                                       "lost(closed)", "reconnecting(2)", "restored",
                                       "lost(closed)", "reconnecting(1)", "restored"});
}

TEST_CASE("connection: Retry-After of the upgrade is a lower bound",
          "[component][connection][B32]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().refuse_status(503, 60);
    test.transports->expect_connect();
    test.open();
    first.close(1001);
    test.pass(250ms);

    test.pass(60s - 1ms);
    CHECK(test.transports->made() == 2);
    test.socket->notify_network_change(); // nor does this make it shorter
    test.pass(1ms);

    CHECK(test.socket->ready());
}

TEST_CASE("connection: a change of the network shortens the backoff",
          "[component][connection][I101]") {
    connection_case test;
    test.environment->fix_jitter(0.99);
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);

    test.socket->notify_network_change();
    poll(test.io);

    CHECK(test.socket->ready());
}

TEST_CASE("connection: a requested reconnect is a loss on request and a restoration",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.open();

    const auto again = test.begin_reconnect();

    CHECK_NOTHROW(again.get());
    CHECK(test.layer->events == events{"lost(requested)", "restored"});
    CHECK(first.closes() == std::vector<unsigned>{1000});
    CHECK(first.destroyed());
    CHECK(second.connected());
}

TEST_CASE("connection: a superseded connection closes beside its successor, and does nothing else",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    first.ignore_close();
    test.transports->expect_connect();
    test.open();

    const auto again = test.begin_reconnect();
    CHECK(again.done());
    CHECK_FALSE(first.destroyed());
    first.reply("from the past").close(1011);
    poll(test.io);

    CHECK(test.layer->texts.empty());
    CHECK(test.layer->events == events{"lost(requested)", "restored"});
    CHECK(first.destroyed());
}

TEST_CASE("connection: a superseded connection that does not close is cut after two seconds",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    first.ignore_close();
    test.transports->expect_connect();
    test.open();
    test.begin_reconnect().get();

    test.pass(2s);

    CHECK(first.destroyed());
    CHECK(test.socket->ready());
}

TEST_CASE("connection: a reconnect requested at the moment of a restoration is another one",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    std::optional<started<void>> again;
    test.layer->on_event = [&](const connection_event& happened) {
        if (again || !std::holds_alternative<connection_restored>(happened)) return;
        again = start(test.executor, test.socket->reconnect(test.now() + 30s));
    };

    first.close(1001);
    test.pass(1s);

    REQUIRE(again);
    REQUIRE(again->done());
    CHECK_NOTHROW(again->get());
    CHECK(test.layer->events ==
          events{"lost(closed)", "reconnecting(1)", "restored", "lost(requested)", "restored"});
}

TEST_CASE("connection: a reconnect that is not ready at its deadline throws, and continues",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect().hold(phase::tcp);
    test.open();
    const auto again = test.begin_reconnect(5s);
    test.pass(5s);
    CHECK(again.failed_with(errc::timed_out));

    test.transports->at(1).let_go();
    poll(test.io);

    CHECK(test.layer->events.back() == "restored");
}

TEST_CASE("connection: a reconnect whose deadline has passed leaves the session alone",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();

    CHECK(test.begin_reconnect(0s).failed_with(errc::timed_out));

    CHECK(test.layer->events.empty());
    CHECK(test.transports->made() == 1);
    CHECK(test.socket->ready());
}

TEST_CASE("connection: a reconnect while one runs joins it", "[component][connection][I99]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect().hold(phase::tcp);
    test.open();

    const auto a = test.begin_reconnect();
    const auto b = test.begin_reconnect();
    test.transports->at(1).let_go();
    poll(test.io);

    CHECK_NOTHROW(a.get());
    CHECK_NOTHROW(b.get());
    CHECK(test.transports->made() == 2);
}

TEST_CASE("connection: a reconnect in a backoff ends the wait", "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);

    const auto again = test.begin_reconnect();

    CHECK_NOTHROW(again.get());
    CHECK(test.layer->events == events{"lost(reset)", "reconnecting(1)", "restored"});
}

TEST_CASE("connection: a reconnect that ends permanently throws the reason",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    test.layer->ready_when_open = false;

    const auto again = test.begin_reconnect();
    test.socket->session_failed(error_info(errc::session_refused, "No."));
    poll(test.io);

    CHECK(again.failed_with(errc::session_refused));
    CHECK(test.layer->events == events{"lost(requested)", "failed(session_refused)"});
    CHECK(test.begin_reconnect().failed_with(errc::not_connected));
}

TEST_CASE("connection: an opening during a reconnect waits for it",
          "[component][connection][I99]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    first.fail_read(errc::connection_reset);
    poll(test.io);

    const auto opening = test.begin_open();
    CHECK_FALSE(opening.done());
    test.pass(1s);

    CHECK_NOTHROW(opening.get());
    CHECK(test.transports->made() == 2);
}

TEST_CASE("connection: a rejection by the layer on a ready session refreshes the ticket",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();

    test.socket->session_rejected(error_info(errc::ticket_rejected, "TICKET_EXPIRED"));
    test.pass(1s);

    CHECK(test.layer->events == events{"lost(rejected)", "reconnecting(1)", "restored"});
    CHECK(test.layer->fresh_asked == std::vector<bool>{false, true});
}

} // namespace connection_reconnect_test
