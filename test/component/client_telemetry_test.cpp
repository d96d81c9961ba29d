// A whole client feeds the telemetry that it was given.

#include <parley/telemetry.hpp>
#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/fake_ticket_source.hpp"
#include "support/metric_text.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace client_telemetry_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

/// A client with a telemetry, which has a tool.
struct counted_client : client_case {
    explicit counted_client(int tickets = 20) : client_case(tickets) {
        config.telemetry = counted;
        config.client_tools.push_back(echo_tool("echo"));
        config.client_tools.emplace_back(
            "broken", "throws", json_text::parse("{}"),
            [](tool_call) -> awaitable<json_text> { throw std::runtime_error("no"); });
        make();
    }

    scripted_connection& expect_ready() {
        return expect_session().expect_write("configure_tools").reply(tools_configured_frame);
    }
    lines seen(const std::string& name) const {
        return metric_lines(counted->collect(), "parley_" + name);
    }

    std::shared_ptr<telemetry> counted = std::make_shared<telemetry>();
};

} // namespace

TEST_CASE("telemetry: a client counts its ticket and its session", "[component][telemetry]") {
    counted_client test;
    test.expect_ready();
    CHECK(test.seen("sessions") == lines{"idle 1"});
    test.init();

    CHECK(test.seen("sessions") == lines{"ready 1"});
    CHECK(test.seen("ticket_requests_total") == lines{"first succeeded 1"});
    CHECK(test.seen("ticket_request_duration_seconds") == lines{"1 x 0 ms"});
    CHECK(test.seen("ticket_lifetime_seconds") == lines{"1 x 3600000 ms"});
    CHECK(test.seen("ticket_expiry_timestamp_seconds").size() == 1);
    CHECK(test.seen("connect_attempts_total") == lines{"first succeeded ready 1"});
    CHECK(test.seen("connect_duration_seconds") == lines{"ticket 1 x 0 ms", "resolve 1 x 0 ms",
                                                         "tcp 1 x 0 ms", "tls 1 x 0 ms",
                                                         "upgrade 1 x 0 ms", "session 1 x 0 ms"});
    CHECK(test.seen("messages_total") == lines{"sent 1", "received 2"});
    CHECK(test.seen("authentication_failures_total").empty());
}

TEST_CASE("telemetry: a loss, a failed attempt and the outage are counted",
          "[component][telemetry]") {
    counted_client test;
    auto& first = test.expect_ready();
    test.init();
    test.transports->expect_connect().refuse_status(404);
    test.expect_ready();

    first.close(1001);
    test.pass(10min);

    REQUIRE(test.client->is_connected());
    CHECK(test.seen("connections_lost_total") == lines{"closed 1"});
    CHECK(test.seen("connect_attempts_total") == lines{"first succeeded ready 1",
                                                       "reconnect succeeded ready 1",
                                                       "reconnect failed upgrade 1"});
    CHECK(test.seen("outage_duration_seconds").size() == 1);
    CHECK(test.seen("sessions") == lines{"ready 1"});
}

TEST_CASE("telemetry: a refusal is counted where the server made it", "[component][telemetry]") {
    counted_client test;
    auto& first = test.expect_ready();
    test.init();
    test.transports->expect_connect().refuse_status(401);
    test.transports->expect_connect().reply(
        R"({"type":"authentication_error","error":"no","code":"TICKET_EXPIRED"})");
    test.expect_ready();

    first.close(4401);
    test.pass(10min);

    CHECK(test.seen("connections_lost_total") == lines{"rejected 1"});
    CHECK(test.seen("authentication_failures_total") == lines{"upgrade 1", "session 1", "close 1"});
}

TEST_CASE("telemetry: a refused identity is no failure of the network", "[component][telemetry]") {
    counted_client test(0);
    test.environment->http->answer(401, R"({"success":false,"error":"gone","code":"GONE"})");

    auto opening = start(test.io, test.client->init());
    poll(test.io);

    REQUIRE(opening.failed_with(errc::authentication_failed));
    CHECK(test.seen("ticket_requests_total") == lines{"first refused 1"});
    CHECK(test.seen("authentication_failures_total") == lines{"ticket 1"});
    CHECK(test.seen("connect_attempts_total") == lines{"first failed ticket 1"});
}

TEST_CASE("telemetry: an init that is given up is no failed attempt", "[component][telemetry]") {
    counted_client test;
    test.transports->expect_connect().hold(phase::tcp);
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    CHECK(test.seen("sessions") == lines{"connecting 1"});

    opening.cancel();
    poll(test.io);

    CHECK(test.seen("connect_attempts_total") == lines{"first abandoned tcp 1"});
}

TEST_CASE("telemetry: runs are timed to their first text and to their end",
          "[component][telemetry]") {
    counted_client test;
    auto& peer = test.expect_ready();
    test.init();

    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    test.pass(2s);
    peer.reply(text_frame("a"));
    test.pass(1s);
    peer.reply(text_frame("b")).reply(finished_frame);
    poll(test.io);
    CHECK(asked.get().text == "ab");
    run(test.io, test.client->send_message("again"));
    test.pass(1s);
    peer.reply(R"({"type":"chat_error","error":"no"})");
    poll(test.io);
    run(test.io, test.client->send_message("and again"));
    peer.close(1001);
    poll(test.io);

    CHECK(test.seen("run_time_to_first_chunk_seconds") == lines{"1 x 2000 ms"});
    CHECK(test.seen("run_duration_seconds") ==
          lines{"finished 1 x 3000 ms", "failed 1 x 1000 ms", "lost 1 x 0 ms"});
    CHECK(test.seen("sends_total") == lines{"sent 3"});
}

TEST_CASE("telemetry: a run that was stopped and never ends is counted when it is dropped",
          "[component][telemetry]") {
    counted_client test;
    auto& peer = test.expect_ready();
    test.init();
    auto stopped = start(test.io, test.client->ask("one"));
    poll(test.io);
    stopped.cancel();
    poll(test.io);
    auto next = start(test.io, test.client->ask("two"));
    test.pass(10s);

    CHECK(peer.writes_with("two") == 1);
    CHECK(test.seen("run_duration_seconds") == lines{"dropped 1 x 10000 ms"});
}

TEST_CASE("telemetry: calls of tools are counted by their names", "[component][telemetry]") {
    counted_client test;
    auto& peer = test.expect_ready();
    test.init();

    for (const std::string name : {"echo", "broken", "unknown"})
        peer.reply(R"({"type":"tool_call_request","toolName":")" + name + R"(","callId":")" + name +
                   R"(","parameters":{}})");
    poll(test.io);

    CHECK(test.seen("tool_duration_seconds") ==
          lines{"_OTHER not_found 1 x 0 ms", "broken failed 1 x 0 ms", "echo succeeded 1 x 0 ms"});
}

TEST_CASE("telemetry: skipped messages, ignored fields and dropped events are counted",
          "[component][telemetry]") {
    counted_client test;
    test.config.connection.limits.event_count = 1;
    test.make();
    auto& peer = test.expect_ready();
    test.init();

    peer.reply("no JSON").reply(R"({"type":"nonsense"})");
    peer.reply(R"({"type":"ui_component","toolCallId":"c","componentName":"n","props":{},)"
               R"("status":"melting"})");
    poll(test.io);

    CHECK(test.seen("messages_skipped_total") == lines{"not_json 1", "unknown_type 1"});
    CHECK(test.seen("fields_ignored_total") == lines{"1"});
    CHECK(test.seen("events_dropped_total") == lines{"2"});
}

TEST_CASE("telemetry: what a client has counted stays when it is destroyed",
          "[component][telemetry]") {
    counted_client test;
    test.expect_ready();
    test.init();
    const auto before = test.seen("messages_total");

    test.client.reset();
    poll(test.io);

    CHECK(test.seen("messages_total") == before);
    CHECK(test.seen("ticket_requests_total") == lines{"first succeeded 1"});
    CHECK(test.seen("sessions").empty());
    CHECK(test.seen("ticket_expiry_timestamp_seconds").empty());
}

TEST_CASE("telemetry: callers that join a request for a ticket are counted, and its failures",
          "[component][telemetry]") {
    asio::io_context io;
    const auto environment = test_environment::make();
    const auto source = std::make_shared<fake_ticket_source>(environment->time);
    ticket_manager_options options;
    const auto counted = std::make_shared<telemetry>();
    options.telemetry = counted;
    ticket_manager tickets(io.get_executor(), auth_data(), source, ticket_config(), options,
                           environment);
    const auto seen = [&counted](const std::string& name) {
        return metric_lines(counted->collect(), "parley_" + name);
    };

    source->fail_retryable();
    source->hold();
    auto first = start(io, tickets.get_valid_ticket());
    auto second = start(io, tickets.get_valid_ticket());
    auto third = start(io, tickets.refresh_ticket());
    poll(io);
    source->release();
    pass(io, *environment->time, 1min);
    first.get();
    second.get();
    third.get();

    CHECK(seen("ticket_joins_total") == lines{"2"});
    CHECK(seen("ticket_requests_total") == lines{"first succeeded 1", "first failed 1"});
    CHECK(seen("ticket_expiry_timestamp_seconds").empty()); // nothing renews it
    tickets.start_proactive_renewal();
    CHECK(seen("ticket_expiry_timestamp_seconds").size() == 1);
}

TEST_CASE("telemetry: one counts for several clients", "[component][telemetry]") {
    counted_client test;
    test.expect_ready();
    test.init();
    chat_client second(test.io.get_executor(), test.config, test.environment);
    test.expect_ready();
    run(test.io, second.init());

    CHECK(test.seen("sessions") == lines{"ready 2"});
    CHECK(test.seen("connect_attempts_total") == lines{"first succeeded ready 2"});
    CHECK(test.seen("messages_total") == lines{"sent 2", "received 4"});
}

} // namespace client_telemetry_test
