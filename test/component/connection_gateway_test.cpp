// How a session comes back through gateways: their verdicts, their idle timeouts, and a server that
// has forgotten its tickets (doc/protocol.md 1.8, 3.2 and 3.4).

#include "support/catch.hpp"
#include "support/connection_case.hpp"

namespace connection_gateway_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using events = std::vector<std::string>;

namespace {

error_info of_ticket(errc code, std::optional<int> status, bool from_server = false) {
    error_details details;
    details.phase = phase::ticket;
    details.http_status = status;
    details.from_server = from_server;
    return error_info(code, "No ticket.", details);
}

std::vector<error_info> causes(const connection_case& test) {
    std::vector<error_info> all;
    for (const auto& happened : test.layer->happenings)
        if (const auto* again = std::get_if<reconnecting>(&happened)) all.push_back(again->cause);
    return all;
}

} // namespace

TEST_CASE("connection: a gateway's status for the upgrade does not end a session that was ready",
          "[component][connection][O139]") {
    const int status = GENERATE(200, 302, 400, 404, 426, 501, 505);
    connection_case test;
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 3; ++n)
        test.transports->expect_connect().refuse_status(status);
    test.transports->expect_connect();
    test.open();

    first.close(1001);
    test.pass(250ms); // the first attempt is made as always; then half of 5, 10 and 20 s
    CHECK(test.transports->made() == 2);
    test.pass(2500ms);
    CHECK(test.transports->made() == 3);
    test.pass(5s);
    CHECK(test.transports->made() == 4);
    test.pass(10s - 1ms);
    CHECK_FALSE(test.socket->ready());
    test.pass(1ms);

    CHECK(test.socket->ready());
    const auto told = causes(test);
    REQUIRE(told.size() == 4);
    CHECK(told.front().details.close_code == 1001u);
    for (std::size_t n = 1; n < told.size(); ++n)
        CHECK(told[n].details.http_status == status);
}

TEST_CASE("connection: a gateway's status for the ticket does not end a session that was ready",
          "[component][connection][O139]") {
    const auto why = GENERATE(
        of_ticket(errc::ticket_http_status, 404), of_ticket(errc::ticket_http_status, 400),
        of_ticket(errc::ticket_redirected, 302), of_ticket(errc::ticket_malformed, 200), // a page
        of_ticket(errc::authentication_failed, 401), of_ticket(errc::authentication_failed, 403),
        of_ticket(errc::ticket_certificate, std::nullopt));
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    test.layer->ticket_failure = why;

    first.close(4401);
    test.pass(1h);
    CHECK(test.state() == websocket_state::waiting);
    const auto told = causes(test);
    REQUIRE(told.size() > 10);
    CHECK(told.size() < 40);
    for (std::size_t n = 1; n < told.size(); ++n)
        CHECK(told[n].code == why.code);
    test.layer->ticket_failure.reset();
    test.pass(5min);

    CHECK(test.layer->events.back() == "restored");
}

TEST_CASE("connection: a rejection in the protocol's format is final",
          "[component][connection][O139]") {
    const auto status = GENERATE(401, 403);
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.open();
    test.layer->ticket_failure = of_ticket(errc::authentication_failed, status, true);

    first.close(4401);
    test.pass(1s);

    CHECK(test.layer->events ==
          events{"lost(rejected)", "reconnecting(1)", "failed(authentication_failed)"});
}

TEST_CASE("connection: during init a gateway's status is thrown at once",
          "[component][connection][O139]") {
    connection_config config;
    config.reconnect.retry_first = true;
    connection_case test(config);
    SECTION("on the upgrade") {
        test.transports->expect_connect().refuse_status(404);
        CHECK(test.begin_open().failed_with(errc::upgrade_failed));
    }
    SECTION("on the ticket") {
        test.layer->ticket_failure = of_ticket(errc::authentication_failed, 403);
        CHECK(test.begin_open().failed_with(errc::authentication_failed));
    }
    CHECK(test.layer->events.empty());
}

TEST_CASE("connection: bare rejections of the upgrade are retried slowly, each with a fresh ticket",
          "[component][connection][O139]") {
    const bool same = GENERATE(false, true);
    connection_case test;
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 6; ++n)
        test.transports->expect_connect().refuse_status(403);
    test.transports->expect_connect();
    test.open();
    test.layer->gives_again = same;

    first.close(1001);
    test.pass(10min);

    // The held one is replaced at once; waits are half of 0.5, 1, 2, 5, 10 and 20 s.
    CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)", "reconnecting(2)",
                                       "reconnecting(3)", "reconnecting(4)", "reconnecting(5)",
                                       "reconnecting(6)", "restored"});
    CHECK(test.layer->fresh_asked ==
          std::vector<bool>{false, false, true, true, true, true, true, true});
}

TEST_CASE("connection: a source that returns the rejected ticket again is not asked for ever",
          "[component][connection][O147]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 4; ++n)
        test.transports->expect_connect().close(4401);
    test.open();
    test.layer->ready_when_open = false;
    test.layer->gives_again = true;

    first.close(1001);
    test.pass(1h);

    CHECK(test.layer->events.back() == "failed(ticket_rejected)");
    CHECK(test.transports->made() == 5);
}

TEST_CASE("connection: a close with 1000 before the session is ready is a failed attempt",
          "[component][connection][I91]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.transports->expect_connect();
    SECTION("while it reconnects") {
        test.open();
        test.layer->ready_when_open = false;
        first.close(1001);
        test.pass(250ms);
        second.close(1000);
        poll(test.io);
        test.layer->ready_when_open = true;
        test.pass(500ms);
        CHECK(test.layer->events ==
              events{"lost(closed)", "reconnecting(1)", "reconnecting(2)", "restored"});
        CHECK(causes(test).back().details.close_code == 1000u);
    }
    SECTION("during init it is thrown, and retryable") {
        test.layer->ready_when_open = false;
        auto opening = test.begin_open();
        first.close(1000);
        poll(test.io);
        REQUIRE(opening.failed_with(errc::connection_closed));
        CHECK(opening.failure()->details.close_code == 1000u);
        CHECK(opening.failure()->details.retryable);
    }
}

TEST_CASE("connection: a held ticket that the server has forgotten is replaced at once",
          "[component][connection][O147]") {
    connection_case test;
    test.environment->fix_jitter(0.99);
    auto& first = test.transports->expect_connect();
    for (int n = 0; n < 8; ++n)
        test.transports->expect_connect().refuse(errc::connect_failed);
    auto& held = test.transports->expect_connect();
    SECTION("by a status") { held.refuse_status(401); }
    SECTION("by a close") { held.close(4401); }
    auto& fresh = test.transports->expect_connect();
    fresh.hold(phase::tcp);
    test.open();
    test.layer->ready_when_open = false;

    first.fail_read(errc::connection_reset);
    while (test.transports->made() < 10)
        test.pass(100ms); // the last wait was of 30 s
    poll(test.io);
    REQUIRE(test.transports->made() == 11); // at once
    CHECK(test.layer->fresh_asked.back());
    test.layer->ready_when_open = true;
    fresh.let_go();
    poll(test.io);

    CHECK(test.socket->ready());
    CHECK(fresh.target() == "/ws?ticket=ticket-2");
}

TEST_CASE("connection: behind an idle timeout a session is online for all but moments of an hour",
          "[component][connection][O146]") {
    const auto limit = GENERATE(2s, 5s, 10s, 20s, 26s);
    CAPTURE(limit.count());
    connection_case test;
    test.environment->seed_jitter(11);
    test.transports->otherwise([limit](auto& each) { each.idle_timeout(limit); });
    time_point lost_at{};
    std::chrono::steady_clock::duration offline{0};
    test.layer->on_event = [&](const connection_event& happened) {
        if (std::holds_alternative<connection_lost>(happened)) lost_at = test.now();
        if (std::holds_alternative<connection_restored>(happened)) offline += test.now() - lost_at;
    };
    test.open();

    test.pass(1h);

    CHECK(test.socket->ready());
    CHECK(offline < 3min);               // online 95 % of the time
    CHECK(test.transports->made() <= 3); // the heartbeat has learned
}

TEST_CASE("connection: an idle timeout that no heartbeat prevents costs a moment each time",
          "[component][connection][O146]") {
    connection_config config;
    config.heartbeat.interval = 0ms; // none
    connection_case test(config);
    test.transports->otherwise([](auto& each) { each.idle_timeout(20s); });
    test.open();

    test.pass(1h);

    CHECK(test.transports->made() >= 175); // each turn lasts 20 s and a part of half a second
    CHECK(test.layer->events.back() == "restored");
}

TEST_CASE("connection: a cut within a message is instability", "[component][connection][O146]") {
    enum class under_way { nothing, ours, theirs, run };
    const auto what =
        GENERATE(under_way::nothing, under_way::ours, under_way::theirs, under_way::run);
    connection_case test;
    test.transports->otherwise([](auto&) {});
    test.open();

    for (int n = 0; n < 3; ++n) {
        auto& now = test.transports->last();
        test.pass(4s);
        if (what == under_way::ours) now.hold_writes();
        const auto sending = test.begin_send("a message");
        if (what == under_way::theirs) now.bytes(10, true);
        if (what == under_way::run) test.layer->unconfirmed = 1;
        test.pass(1s);
        now.fail_read(errc::connection_reset);
        test.pass(10s);
        REQUIRE(test.socket->ready());
    }

    const auto again = "reconnecting(" + std::to_string(what == under_way::nothing ? 1 : 3) + ")";
    CHECK(test.layer->events[test.layer->events.size() - 2] == again);
}

TEST_CASE("connection: a reconnect's deadline reports the failure of the last attempt",
          "[component][connection][O148]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().refuse_status(504);
    test.transports->expect_connect().hold(phase::tcp);
    test.open();
    first.close(1001);
    test.pass(250ms);
    test.pass(500ms);

    const auto again = test.begin_reconnect(2s);
    const auto opening = test.begin_open(3s);
    test.pass(3s);

    for (const auto* one : {&again, &opening}) {
        REQUIRE(one->failed_with(errc::timed_out));
        const auto details = one->failure()->details;
        CHECK(details.http_status == 504);
        CHECK(details.phase == phase::upgrade);
        CHECK(details.attempt == 1u);
        CHECK(details.url.starts_with("wss://chat.example/ws?ticket="));
        CHECK(one->failure()->message.find("The upgrade was refused.") != std::string::npos);
    }
}

TEST_CASE("connection: a deadline during the ticket request reports its failure",
          "[component][connection][O148]") {
    connection_case test;
    test.layer->hold_tickets = true;
    SECTION("of the attempt before") {
        test.layer->failing_tickets = of_ticket(errc::ticket_http_status, 504);
        test.layer->failing_tickets->details.url = "https://chat.example/api/v1/tickets";
        test.layer->failing_tickets->details.attempt = 3;
        auto opening = test.begin_open(5s);
        test.pass(5s);
        REQUIRE(opening.failed_with(errc::ticket_timeout));
        const auto details = opening.failure()->details;
        CHECK(details.http_status == 504);
        CHECK(details.attempt == 3u);
        CHECK(details.phase == phase::ticket);
        CHECK(details.url == "https://chat.example/api/v1/tickets");
    }
    SECTION("none: names the URL of the WebSocket") {
        auto opening = test.begin_open(5s);
        test.pass(5s);
        REQUIRE(opening.failed_with(errc::ticket_timeout));
        CHECK(opening.failure()->details.url.empty());
    }
    test.layer->hold_tickets = false;
    test.layer->changed->notify_all();
}

TEST_CASE("connection: a session that was ready was ready, whatever its loss reports",
          "[component][connection]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    error_details details;
    details.phase = phase::session; // all that a transport knows
    details.retryable = true;
    test.open();

    first.fail_read(error_info(errc::connection_reset, "It broke.", details));
    poll(test.io);

    const auto* lost = std::get_if<connection_lost>(&test.layer->happenings.front());
    REQUIRE(lost);
    CHECK(lost->cause.details.phase == phase::ready);
    CHECK(test.socket->status().last_error->details.phase == phase::ready);
}

TEST_CASE("connection: an init that could have waited for the server says so",
          "[component][connection]") {
    connection_case test;
    test.transports->expect_connect().refuse(errc::connect_failed);

    const auto opening = test.begin_open();

    REQUIRE(opening.failed_with(errc::connect_failed));
    CHECK(opening.failure()->message.find("reconnect.retry_first") != std::string::npos);
}

} // namespace connection_gateway_test
