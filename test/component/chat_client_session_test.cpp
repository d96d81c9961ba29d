// How a client's session opens, is kept and comes back (doc/protocol.md 2.1 and 3).

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <string>
#include <vector>

namespace chat_client_session_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

std::string refusal(const std::string& code) { return frames::authentication_error("no", code); }

std::string ping(const std::string& time) { return frames::heartbeat_ping(R"("T")", time); }

} // namespace

TEST_CASE("chat_client: during init one rejection leads to one fresh ticket and one more attempt",
          "[component][chat_client][B31]") {
    struct row {
        const char* what;
        void (*script)(scripted_connection&);
    };
    const auto each = GENERATE(
        row{"401", [](scripted_connection& one) { one.refuse_status(401); }},
        row{"403", [](scripted_connection& one) { one.refuse_status(403); }},
        row{"a frame, then a close of another code",
            [](scripted_connection& one) {
                one.ignore_close();
                one.reply(refusal("TICKET_EXPIRED")).close(1011);
            }},
        row{"a frame", [](scripted_connection& one) { one.reply(refusal("TICKET_INVALID")); }},
        row{"1008", [](scripted_connection& one) { one.close(1008); }},
        row{"4401", [](scripted_connection& one) { one.close(4401); }},
        row{"4403", [](scripted_connection& one) { one.close(4403); }});
    CAPTURE(each.what);
    const bool twice = GENERATE(false, true);
    client_case test;
    test.config.connection.reconnect.enabled = false; // none of these touches init
    test.config.connection.reconnect.max_attempts = 1;
    test.make();
    each.script(test.transports->expect_connect());
    if (twice)
        each.script(test.transports->expect_connect());
    else
        test.expect_session();

    auto opening = start(test.io, test.client->init());
    test.pass(2s);

    REQUIRE(opening.done());
    CHECK(opening.failed() == twice);
    if (twice) {
        CHECK(opening.failed_with(errc::ticket_rejected));
        CHECK(error_kind(*opening.failure()) == "AUTHENTICATION_ERROR");
    }
    CHECK(test.environment->http->count() == 2);
    CHECK(test.transports->at(0).target() == "/ws?ticket=ticket-1");
    CHECK(test.transports->at(1).target() == "/ws?ticket=ticket-2");
    CHECK(test.transports->made() == 2);
}

TEST_CASE("chat_client: a rejection that a fresh ticket does not cure is final at once",
          "[component][chat_client][B31]") {
    client_case test;
    test.make();
    test.transports->expect_connect().reply(refusal("ACCOUNT_CLOSED"));
    auto opening = start(test.io, test.client->init());
    test.pass(2s);
    CHECK(opening.failed_with(errc::session_refused));
    CHECK(error_kind(*opening.failure()) == "AUTHENTICATION_ERROR");
    CHECK(test.environment->http->count() == 1);
}

TEST_CASE(
    "chat_client: init retries the ticket request, but a wait past the deadline fails at once",
    "[component][chat_client]") {
    client_case test(0);
    http_response busy;
    busy.status = 503;
    test.environment->http->answer(busy);
    test.make();
    auto opening = start(test.io, test.client->init());

    SECTION("the wait is short") {
        test.environment->http->answer_ticket("ticket", 1h);
        test.expect_session();
        test.pass(1s);
        CHECK_NOTHROW(opening.get());
        CHECK(test.transports->made() == 1);
    }
    SECTION("the second answer asks for more than the time left") {
        busy.retry_after = "120";
        test.environment->http->answer(busy);
        test.pass(1s);
        REQUIRE(opening.failed_with(errc::ticket_http_status));
        CHECK(error_kind(*opening.failure()) == "TICKET_ERROR");
    }
}

TEST_CASE("chat_client: init on a ready client returns at once, and starts again after an end",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.reconnect.max_attempts = 1;
    test.make();
    test.transports->expect_connect().refuse(errc::connect_failed);
    auto failed = start(test.io, test.client->init());
    poll(test.io);
    CHECK(failed.failed_with(errc::connect_failed));

    auto& second = test.expect_session(); // after a failure
    test.init();
    test.init();
    CHECK(test.transports->made() == 2);

    test.transports->expect_connect().refuse(errc::connect_failed);
    second.fail_read(errc::connection_reset);
    test.pass(1s);
    CHECK(test.told() == lines{"lost reset", "reconnecting 1", "connection failed"});
    test.expect_session(); // after connection_failed
    test.init();
    CHECK(test.told().empty());

    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);
    CHECK(closing.done());
    test.expect_session(); // after disconnect
    test.init();
    CHECK(test.client->is_connected());
    CHECK(test.environment->http->count() == 1); // all with one ticket
}

TEST_CASE(
    "chat_client: a session that is not established is closed, and counts as a failed attempt",
    "[component][chat_client][B36]") {
    client_case test;
    test.make();
    test.expect_session().after(1s).fail_read(errc::connection_reset);
    auto& mute = test.transports->expect_connect();
    auto& third = test.expect_session();
    third.hold(phase::tcp);
    test.init();
    test.pass(1s + 250ms);
    CHECK(mute.connected());
    test.pass(10s - 1ms);
    CHECK(mute.closes().empty());
    test.pass(1ms);
    CHECK(mute.closes() == std::vector<unsigned>{1000});
    CHECK(test.told() == lines{"lost reset", "reconnecting 1", "reconnecting 2"});
    CHECK(test.client->status().reconnect_attempts == 2);
    CHECK(test.client->status().websocket.last_error->is(errc::session_timeout));
    third.let_go();
    test.pass(1s);
    CHECK(test.told() == lines{"restored"});
}

TEST_CASE("chat_client: unexpected frames are reported or ignored, and change nothing",
          "[component][chat_client][B37]") {
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    auto& peer = test.transports->expect_connect();
    peer.reply(text_frame("too early")).reply(tools_configured_frame);
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    CHECK_FALSE(opening.done());
    CHECK(peer.writes().empty());

    peer.reply(session_established_frame).reply(session_established_frame);
    poll(test.io);
    CHECK_FALSE(opening.done());
    CHECK(peer.writes_with(R"("type":"configure_tools")") == 1);

    peer.reply(tools_configured_frame).reply(tools_configured_frame);
    peer.reply(frames::tools_acknowledged("client_tools_updated")).reply(session_established_frame);
    poll(test.io);
    CHECK_NOTHROW(opening.get());
    CHECK(peer.writes_with(R"("type":"configure_tools")") == 1);
    CHECK(test.client->metrics().connections_opened == 1);
    CHECK(test.told() == lines{"text too early"});
    run(test.io, test.client->send_message("still fine"));
}

TEST_CASE("chat_client: a pong overtakes the messages behind a large one",
          "[component][chat_client][H86]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    peer.hold_writes();
    const auto large = start(test.io, test.client->send_message(std::string(4u << 20, 'x')));
    const auto next = start(test.io, test.client->send_message("next"));
    poll(test.io);
    peer.reply(ping("17"));
    poll(test.io);
    CHECK(peer.writes().empty());

    peer.let_go();
    poll(test.io);

    REQUIRE(peer.writes().size() == 3);
    CHECK(peer.writes()[0].size() > 4u << 20);
    CHECK(peer.writes()[1].find(R"("type":"heartbeat_pong")") != std::string::npos);
    CHECK(peer.writes()[2].find("next") != std::string::npos);
    CHECK_NOTHROW(large.get());
    CHECK_NOTHROW(next.get());
}

TEST_CASE("chat_client: a peer that answers neither heartbeat is dead after 35 seconds",
          "[component][chat_client][H87]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.ignore_pings();
    test.expect_session();
    test.init();
    test.pass(35s - 1ms);
    CHECK(test.told().empty());
    CHECK(peer.pings() == 1);
    CHECK(peer.writes_with(R"("type":"heartbeat_ping")") == 1);
    test.pass(1ms);
    CHECK(test.told().front() == "lost silent");
    test.pass(1s);
    CHECK(test.client->is_connected());
}

TEST_CASE("chat_client: a heartbeat_ack is a sign of life, whatever its fields, and nothing else",
          "[component][chat_client][H88]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.ignore_pings();
    for (const auto& ack :
         {frames::heartbeat_ack(), frames::heartbeat_ack(R"("2999-01-01T00:00:00Z")", R"("x")"),
          frames::heartbeat_ack(std::nullopt, R"("1970-01-01T00:00:00Z")")})
        peer.after(30s).reply(ack).reply(ack);
    test.init();

    test.pass(90s + 34s);

    CHECK(test.client->is_connected());
    CHECK(test.told().empty());
    CHECK(test.client->metrics().heartbeat_acks == 6);
    CHECK_FALSE(test.client->status().websocket.round_trip); // no pong has come
    test.pass(1s);
    CHECK_FALSE(test.client->is_connected());
}

TEST_CASE("chat_client: the round trip is measured, and never negative",
          "[component][chat_client][H88]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    test.environment->time->step_wall(-1h); // the wall clock has no part in it
    test.pass(25s);
    REQUIRE(peer.pings() == 1);
    REQUIRE(test.client->status().websocket.round_trip);
    CHECK(test.client->status().websocket.round_trip->count() >= 0);
}

TEST_CASE("chat_client: a flood of pings is answered ten times a second, and counted",
          "[component][chat_client][H90]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    for (int n = 0; n < 1'000; ++n)
        peer.reply(ping(std::to_string(n)));
    poll(test.io);

    CHECK(peer.writes_with("heartbeat_pong") == 10);
    CHECK(test.client->metrics().heartbeat_pings == 1'000);
    CHECK(test.client->metrics().heartbeat_pings_unanswered == 990);
    CHECK(test.client->is_connected());
}

TEST_CASE("chat_client: the ticket is reused while valid, and refreshed when expired or suspect",
          "[component][chat_client][I96]") {
    struct row {
        unsigned close;
        std::chrono::seconds after;
        std::size_t requests;
    };
    // A ticket of 100 s, of which the last 30 do not count.
    const auto each = GENERATE(row{1001, 60s, 1}, row{1001, 75s, 2}, row{1008, 10s, 2},
                               row{4401, 10s, 2}, row{4403, 10s, 2}, row{4400, 10s, 1});
    CAPTURE(each.close, each.after.count());
    client_case test(0);
    test.config.ticket.renewal_threshold = 0s; // no renewal of its own accord
    test.environment->http->answer_ticket("old", 100s);
    test.environment->http->answer_ticket("new", 100s);
    test.make();
    test.expect_session().after(each.after).close(each.close);
    auto& second = test.expect_session();
    test.init();

    test.pass(each.after + 1s);

    CHECK(test.environment->http->count() == each.requests);
    CHECK(second.target() == (each.requests == 1 ? "/ws?ticket=old" : "/ws?ticket=new"));
    CHECK(test.client->is_connected());
    CHECK(test.client->status().has_valid_ticket);
    CHECK(test.client->status().ticket_expires_in > 0ms);
}

TEST_CASE("chat_client: after every reconnect the opening runs again",
          "[component][chat_client][I97]") {
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    for (int n = 0; n < 5; ++n) {
        auto& each = test.expect_session();
        each.expect_write("configure_tools").reply(tools_configured_frame);
        if (n < 4) each.fail_read(errc::connection_reset);
    }
    test.init();
    test.pass(1min);
    CHECK(test.client->is_connected());
    for (std::size_t n = 0; n < 5; ++n)
        CHECK(test.transports->at(n).writes_with(R"("type":"configure_tools")") == 1);
}

TEST_CASE("chat_client: messages sent while it reconnects keep their order, and go out once",
          "[component][chat_client][F74]") {
    client_case test;
    test.make();
    test.expect_session().fail_read(errc::connection_reset);
    test.transports->expect_connect(); // upgraded, but never established
    auto& third = test.expect_session();
    test.init();
    poll(test.io);
    std::vector<started<void>> all;
    for (int n = 0; n < 5; ++n)
        all.push_back(start(test.io, test.client->send_message("m" + std::to_string(n))));
    test.pass(5s); // in the opening of the second
    for (int n = 5; n < 10; ++n)
        all.push_back(start(test.io, test.client->send_message("m" + std::to_string(n))));
    test.pass(15s);

    for (const auto& one : all)
        CHECK_NOTHROW(one.get());
    REQUIRE(third.writes().size() == 10);
    for (std::size_t n = 0; n < 10; ++n)
        CHECK(third.writes()[n].find("\"m" + std::to_string(n) + '"') != std::string::npos);
}

TEST_CASE("chat_client: messages whose runs had not ended are unconfirmed, the others are not",
          "[component][chat_client][I98]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.expect_session();
    test.init();
    run(test.io, test.client->send_message("answered"));
    peer.reply(finished_frame);
    poll(test.io);
    run(test.io, test.client->send_message("not answered"));
    run(test.io, test.client->send_message("nor this"));
    auto asked = start(test.io, test.client->ask("waits for its turn"));
    poll(test.io);
    peer.close(1001);
    test.pass(250ms);

    const auto finished = run(test.io, test.client->next_event());
    CHECK(std::holds_alternative<chat_finished>(*finished));
    const auto lost = run(test.io, test.client->next_event());
    REQUIRE(std::holds_alternative<connection_lost>(*lost));
    CHECK(std::get<connection_lost>(*lost).unconfirmed == 2);
    CHECK(test.transports->at(1).writes_with("waits for its turn") == 1); // its turn has come
    CHECK_FALSE(asked.done());
}

TEST_CASE("chat_client: a requested reconnect is a loss and a restoration, and a failed refresh is "
          "neither",
          "[component][chat_client]") {
    client_case test(1);
    test.make();
    test.expect_session();
    test.expect_session();
    test.init();
    auto again = start(test.io, test.client->reconnect());
    poll(test.io);
    CHECK_NOTHROW(again.get());
    CHECK(test.told() == lines{"lost requested", "restored"});

    test.environment->http->answer(403);
    auto refreshing = start(test.io, test.client->refresh_ticket_and_reconnect());
    poll(test.io);
    CHECK(refreshing.failed_with(errc::authentication_failed));
    CHECK(test.client->is_connected());
    CHECK(test.told().empty());
    CHECK(test.transports->made() == 2);
}

TEST_CASE("chat_client: the final event precedes the end of the events, which is the client's own",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& first = test.expect_session();
    test.init();
    SECTION("disconnect") {
        auto next = start(test.io, test.client->next_event());
        auto closing = start(test.io, test.client->disconnect());
        test.pass(3s);
        REQUIRE(next.done());
        CHECK_FALSE(next.get());
    }
    SECTION("a close with 1000") {
        first.close(1000);
        poll(test.io);
        const auto lost = run(test.io, test.client->next_event());
        CHECK_FALSE(std::get<connection_lost>(*lost).will_reconnect);
        const auto failed = run(test.io, test.client->next_event());
        CHECK(std::holds_alternative<connection_failed>(*failed));
        CHECK_FALSE(run(test.io, test.client->next_event()));
        auto late = start(test.io, test.client->send_message("late"));
        poll(test.io);
        CHECK(late.failed_with(errc::not_connected));
    }
}

TEST_CASE("chat_client: a change of the network shortens the backoff, and probes a session",
          "[component][chat_client][I101]") {
    client_case test;
    test.environment->fix_jitter(0.99);
    test.make();
    test.expect_session().fail_read(errc::connection_reset);
    auto& second = test.expect_session();
    test.init();
    poll(test.io);
    CHECK_FALSE(test.client->is_connected());
    test.client->notify_network_change();
    poll(test.io);
    CHECK(test.client->is_connected());
    test.client->notify_network_change();
    poll(test.io);
    CHECK(second.pings() == 1);
}

TEST_CASE("chat_client: an init that waits for a reconnect shares its outcome",
          "[component][chat_client][I95][I99]") {
    client_case test;
    test.config.connection.reconnect.max_attempts = 2;
    test.make();
    auto& first = test.expect_session();
    test.init();
    first.fail_read(errc::connection_reset);
    poll(test.io);
    auto waiting = start(test.io, test.client->init());
    auto sending = start(test.io, test.client->send_message("hi"));
    poll(test.io);
    CHECK_FALSE(waiting.done());

    SECTION("the session is restored") {
        test.expect_session();
        test.pass(1s);
        CHECK_NOTHROW(waiting.get());
        CHECK_NOTHROW(sending.get());
        CHECK(test.transports->made() == 2);
    }
    SECTION("the session fails permanently") {
        test.transports->expect_connect().refuse(errc::connect_failed);
        test.transports->expect_connect().refuse(errc::connect_failed);
        test.pass(5s);
        CHECK(waiting.failed_with(errc::reconnect_exhausted));
        CHECK(sending.failed_with(errc::not_sent));
        CHECK(test.transports->made() == 3);
    }
    SECTION("the init is cancelled") {
        auto closing = start(test.io, test.client->disconnect());
        test.pass(3s);
        CHECK(closing.done());
        CHECK(waiting.failed_with(errc::disconnected));
        CHECK(sending.failed_with(errc::not_sent));
        CHECK(test.transports->made() == 1);
    }
}

TEST_CASE("chat_client: a session is restored although the application takes no events",
          "[component][chat_client][I97]") {
    client_case test;
    test.config.connection.limits.event_count = 2;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    auto& first = test.expect_session();
    first.expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    CHECK(test.told().empty()); // the application takes them
    for (const auto* text : {"a", "b", "c"})
        first.reply(text_frame(text));
    poll(test.io);
    auto& second = test.expect_session();
    auto again = start(test.io, test.client->reconnect());

    SECTION("the frames of the opening are not events") {
        second.expect_write("configure_tools").reply(tools_configured_frame);
        second.reply(text_frame("d"));
        test.pass(1min);
        CHECK(again.done());
        CHECK(test.client->is_connected());
        CHECK(test.told() ==
              std::vector<std::string>{"text a", "text b", "lost requested", "restored", "text d"});
    }
    SECTION("events before the ready session stay queued, and time stands still") {
        second.reply(text_frame("d")).expect_write("configure_tools");
        second.reply(text_frame("e")).reply(tools_configured_frame);
        test.pass(10min);
        CHECK_FALSE(test.client->is_connected());
        CHECK_FALSE(second.finished());
        CHECK(test.told() == std::vector<std::string>{"text a", "text b", "lost requested",
                                                      "text d", "text e", "restored"});
        CHECK(test.client->is_connected());
    }
    CHECK(test.transports->made() == 2);
}

TEST_CASE("chat_client: a disconnect during a refresh keeps the held ticket",
          "[component][chat_client][I96]") {
    client_case test(1);
    test.environment->http->hang();
    test.make();
    test.expect_session();
    test.init();
    auto refreshing = start(test.io, test.client->refresh_ticket_and_reconnect());
    poll(test.io);
    REQUIRE(test.environment->http->count() == 2);

    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);

    CHECK(closing.done());
    CHECK(refreshing.failed_with(errc::disconnected));
    CHECK(test.environment->http->cancelled() == 1);
    CHECK(test.client->status().has_valid_ticket);
    auto& next = test.expect_session();
    test.init();
    CHECK(next.target() == "/ws?ticket=ticket-1");
    CHECK(test.environment->http->count() == 2);
    CHECK(test.client->metrics().tickets_requested == 2);
}

TEST_CASE("chat_client: a tool added while its opening is not acknowledged is announced after it",
          "[component][chat_client]") {
    client_case test;
    test.config.client_tools.push_back(echo_tool("first"));
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools");
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    REQUIRE(peer.writes_with("configure_tools") == 1);
    auto adding = start(test.io, test.client->add_client_tool(echo_tool("second")));
    poll(test.io);
    CHECK(peer.writes_with("second") == 0);
    peer.reply(tools_configured_frame);
    poll(test.io);
    CHECK(opening.done());
    CHECK(peer.writes_with("second") == 1);
    CHECK(peer.writes_with("update_tools") == 1);
}

TEST_CASE("chat_client: the number of unacknowledged changes of tools is limited",
          "[component][chat_client]") {
    client_case test;
    test.config.timeouts.acknowledge = 10ms;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    const auto not_acknowledged = [&test] {
        auto adding = start(test.io, test.client->add_client_tool(echo_tool("echo")));
        test.pass(10ms);
        return adding.failed_with(errc::tools_not_acknowledged);
    };
    for (int n = 0; n < 64; ++n)
        REQUIRE(not_acknowledged());
    CHECK(not_acknowledged());
    CHECK(peer.writes_with(R"("type":"update_tools")") == 64);
    peer.reply(frames::tools_acknowledged("client_tools_updated"));
    poll(test.io);
    CHECK(not_acknowledged());
    CHECK(peer.writes_with(R"("type":"update_tools")") == 65);
}

} // namespace chat_client_session_test
