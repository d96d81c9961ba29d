// How a session is opened: init's one attempt (doc/protocol.md 2.1 and 3).

#include "support/catch.hpp"
#include "support/connection_case.hpp"

namespace connection_opening_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("connection: an opening returns when the layer reports the session ready",
          "[component][connection]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect();

    const auto opening = test.begin_open();

    CHECK(test.layer->opened == 1);
    CHECK_FALSE(opening.done());
    CHECK_FALSE(test.socket->ready());
    CHECK(test.socket->status().phase == phase::session);
    test.socket->session_ready();
    CHECK(test.socket->ready());
    poll(test.io);
    CHECK_NOTHROW(opening.get());
    CHECK(test.state() == websocket_state::ready);
    CHECK(test.transports->at(0).target() == "/ws?ticket=ticket-1");
    CHECK(test.layer->events.empty());
}

TEST_CASE("connection: opening a ready session returns at once", "[component][connection]") {
    connection_case test;
    test.transports->expect_connect();
    test.open();

    test.open();

    CHECK(test.transports->made() == 1);
}

TEST_CASE("connection: each step of connecting has its deadline, named in the error",
          "[component][connection][B35]") {
    struct row {
        phase step;
        std::chrono::seconds limit;
        errc why;
    };
    const auto each = GENERATE(
        row{phase::resolve, 5s, errc::resolve_timeout}, row{phase::tcp, 30s, errc::connect_timeout},
        row{phase::tls, 10s, errc::tls_timeout}, row{phase::upgrade, 10s, errc::upgrade_timeout});
    connection_case test;
    test.transports->expect_connect().hold(each.step);
    const auto opening = test.begin_open();

    test.pass(each.limit - 1ms);
    CHECK_FALSE(opening.done());
    CHECK(test.socket->status().phase == each.step);
    test.pass(1ms);

    REQUIRE(opening.done());
    CHECK(opening.failed_with(each.why));
    CHECK(opening.failure()->details.phase == each.step);
    CHECK(opening.failure()->details.attempt == 1u);
    CHECK(opening.failure()->details.url == "wss://chat.example/ws?ticket=…");
    CHECK(test.state() == websocket_state::failed);
    CHECK(test.transports->at(0).destroyed());
}

TEST_CASE("connection: an opening that never finishes ends at the overall deadline",
          "[component][connection][B36]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect().ignore_close();
    const auto opening = test.begin_open(20s);

    test.pass(20s);

    CHECK(opening.failed_with(errc::session_timeout));
}

TEST_CASE("connection: a missing ticket ends the opening at its deadline",
          "[component][connection]") {
    connection_case test;
    test.layer->hold_tickets = true;
    const auto opening = test.begin_open(20s);

    test.pass(20s);

    CHECK(opening.failed_with(errc::ticket_timeout));
    CHECK(test.transports->made() == 0);
}

TEST_CASE("connection: a failure of the first attempt is thrown and not retried",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect().refuse(errc::connect_failed);

    const auto opening = test.begin_open();

    CHECK(opening.failed_with(errc::connect_failed));
    test.pass(1h);
    CHECK(test.transports->made() == 1);
    CHECK(test.layer->events.empty());
}

TEST_CASE("connection: a rejected ticket leads to one fresh one and one more attempt",
          "[component][connection][B31]") {
    connection_case test;
    test.transports->expect_connect().refuse_status(401);
    test.transports->expect_connect();

    test.open();

    CHECK(test.layer->fresh_asked == std::vector<bool>{false, true});
    CHECK(test.transports->at(1).target() == "/ws?ticket=ticket-2");
}

TEST_CASE(
    "connection: the second rejection is thrown as authentication_error, without a third attempt",
    "[component][connection][B31]") {
    connection_case test;
    test.transports->expect_connect().refuse_status(401);
    test.transports->expect_connect().refuse_status(403);

    const auto opening = test.begin_open();

    CHECK(opening.failed_with(errc::ticket_rejected));
    CHECK_THROWS_AS(opening.get(), authentication_error);
    CHECK(opening.failure()->details.http_status == 403);
    test.pass(1h);
    CHECK(test.transports->made() == 2);
}

TEST_CASE("connection: the close that follows a rejection by the layer belongs to it",
          "[component][connection]") {
    connection_case test;
    test.layer->ready_when_open = false;
    auto& first = test.transports->expect_connect();
    first.reply("authentication_error").close(1000);
    test.transports->expect_connect();
    test.layer->on_message = [&](const std::string&) {
        test.socket->session_rejected(error_info(errc::ticket_rejected, "TICKET_EXPIRED"));
        test.layer->ready_when_open = true;
    };

    test.open();

    CHECK(test.layer->fresh_asked == std::vector<bool>{false, true});
}

TEST_CASE("connection: a verdict of the layer is thrown unchanged", "[component][connection]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect();
    const auto opening = test.begin_open();

    test.socket->session_failed(error_info(errc::tools_refused, "No."));
    poll(test.io);

    CHECK(opening.failed_with(errc::tools_refused));
    CHECK_THROWS_AS(opening.get(), tool_configuration_error);
    CHECK(test.transports->at(0).closes() == std::vector<unsigned>{1000});
}

TEST_CASE("connection: a peer that does not answer the close delays the error by a second at most",
          "[component][connection]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect().ignore_close();
    const auto opening = test.begin_open();

    test.socket->session_failed(error_info(errc::tools_refused, "No."));
    test.pass(1s);

    CHECK(opening.failed_with(errc::tools_refused));
    CHECK(test.transports->at(0).destroyed());
}

TEST_CASE("connection: a close before the session is ready is a connection_error with the code",
          "[component][connection][I91]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect().close(1011);

    const auto opening = test.begin_open();

    CHECK(opening.failed_with(errc::connection_closed));
    CHECK(opening.failure()->details.close_code == 1011u);
}

TEST_CASE("connection: an exception of the ticket source is thrown", "[component][connection]") {
    connection_case test;
    test.layer->ticket_failure = error_info(errc::authentication_failed, "401");

    const auto opening = test.begin_open();

    CHECK_THROWS_AS(opening.get(), authentication_error);
    CHECK(test.transports->made() == 0);
}

TEST_CASE("connection: after a failure it can be opened again", "[component][connection]") {
    connection_case test;
    test.transports->expect_connect().refuse(errc::connect_failed);
    test.transports->expect_connect();
    CHECK(test.begin_open().failed_with(errc::connect_failed));

    test.open();

    CHECK(test.socket->ready());
}

TEST_CASE("connection: retry_first keeps trying with the backoff until the deadline",
          "[component][connection]") {
    connection_config config;
    config.reconnect.retry_first = true;
    connection_case test(config);
    test.transports->otherwise([](auto& each) { each.refuse(errc::connect_failed); });
    const auto opening = test.begin_open(30s);

    // Waits of 0.25, 0.5, 1, 2, 4, 8 s at a jitter of one half: the next would end after 30 s.
    test.pass(15'750ms);

    CHECK(opening.failed_with(errc::connect_failed));
    CHECK(test.transports->made() == 7);
    CHECK(test.layer->events.empty());
}

TEST_CASE("connection: with retry_first a wait that would pass the deadline fails at once",
          "[component][connection]") {
    connection_config config;
    config.reconnect.retry_first = true;
    connection_case test(config);
    test.transports->expect_connect().refuse_status(503, 120);

    const auto opening = test.begin_open(30s);

    CHECK(opening.failed_with(errc::upgrade_failed));
}

TEST_CASE("connection: a cancelled opening is abandoned, and leaves nothing behind",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect().hold(phase::tcp);
    auto opening = test.begin_open();

    opening.cancel();
    poll(test.io);

    CHECK(opening.aborted());
    CHECK(test.transports->alive() == 0);
    CHECK(test.state() == websocket_state::idle);
    test.transports->expect_connect();
    test.open();
    CHECK(test.socket->ready());
}

TEST_CASE("connection: messages of a cancelled opening are not sent in the next",
          "[component][connection]") {
    connection_case test;
    test.layer->ready_when_open = false;
    test.transports->expect_connect().hold_writes();
    auto opening = test.begin_open();
    test.socket->send_control("being written");
    test.socket->send_control("waiting");
    poll(test.io);
    opening.cancel();
    poll(test.io);
    test.pass(2s); // for its close
    REQUIRE(opening.aborted());

    auto& second = test.transports->expect_connect();
    test.layer->ready_when_open = true;
    test.open();

    CHECK(second.writes().empty());
}

TEST_CASE("connection: a cancelled opening does not wait for a ticket source that continues",
          "[component][connection]") {
    connection_case test;
    test.layer->hold_tickets = true;
    auto opening = test.begin_open();

    opening.cancel();
    poll(test.io);

    CHECK(opening.aborted());
}

} // namespace connection_opening_test
