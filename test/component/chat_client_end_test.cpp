// How the stream of events ends, on manual time and without sockets.

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/event_text.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace chat_client_end_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("chat_client: the end of its tools is reported before connection_failed, the last event",
          "[component][chat_client]") {
    client_case test;
    auto& peer = test.init_with_slow_tool("slow", true);
    peer.close(1000);
    poll(test.io);
    std::vector<std::string> seen;
    while (auto one = run(test.io, test.client->next_event()))
        seen.push_back(event_text(*one));
    CHECK(seen == std::vector<std::string>{"tool starts slow c {}", "lost closed",
                                           "tool ends slow c shut_down Client is shutting down",
                                           "connection failed"});
    test.pass(30s);
}

TEST_CASE("chat_client: a refresh that a disconnect abandons reports that, and not a cancellation",
          "[component][chat_client]") {
    client_case test;
    test.environment = test_environment::make(); // whose HTTP hangs after one ticket
    test.environment->http->answer_ticket("ticket", 1h);
    const auto transports = std::make_shared<scripted_transports>(test.environment->time);
    test.environment->set_transports(transports);
    transports->expect_connect().reply(session_established_frame);
    test.make();
    test.init();
    auto refreshing = start(test.io, test.client->refresh_ticket_and_reconnect());
    poll(test.io);
    CHECK_FALSE(refreshing.done());
    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);
    CHECK(closing.done());
    CHECK(refreshing.failed_with(errc::disconnected));
}

TEST_CASE("chat_client: a refresh that begins during a disconnect reports that",
          "[component][chat_client]") {
    client_case test(1);
    test.environment->http->hang();
    test.init_with_slow_tool("slow", false);
    auto closing = start(test.io, test.client->disconnect());
    poll(test.io);
    REQUIRE_FALSE(closing.done());

    auto refreshing = start(test.io, test.client->refresh_ticket_and_reconnect());
    test.pass(3s);

    CHECK(closing.done());
    CHECK(refreshing.failed_with(errc::disconnected));
    CHECK(test.environment->http->count() == 1);
}

TEST_CASE("chat_client: thread updates end at once with the client",
          "[component][chat_client][J105]") {
    const bool destroyed = GENERATE(true, false);
    CAPTURE(destroyed);
    client_case test(0);
    test.make();
    auto entity = start(test.io, test.client->update_entity("thread", "e", std::nullopt));
    auto metadata = start(test.io, test.client->update_metadata("thread", metadata_patch()));
    poll(test.io);
    REQUIRE(test.environment->http->count() == 2);
    CHECK_FALSE(entity.done());

    if (destroyed)
        test.client.reset();
    else
        test.pending.push_back(start(test.io, test.client->disconnect()));
    poll(test.io);

    if (destroyed) {
        CHECK(entity.aborted());
        CHECK(metadata.aborted());
    } else {
        CHECK(entity.failed_with(errc::disconnected));
        CHECK(metadata.failed_with(errc::disconnected));
    }
    CHECK(test.environment->http->cancelled() == 2);
    test.pass(3s);
    if (destroyed) CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: an init that a disconnect abandons reports that, and not a cancellation",
          "[component][chat_client]") {
    client_case test;
    test.make();
    test.expect_session().hold(phase::tls);
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);
    CHECK(closing.done());
    CHECK(opening.failed_with(errc::disconnected));
}

TEST_CASE("chat_client: an ask that begins during a disconnect does not join the next session",
          "[component][chat_client]") {
    client_case test;
    test.init_with_slow_tool("deaf", false);
    auto ending = start(test.io, test.client->disconnect());
    poll(test.io);
    REQUIRE_FALSE(ending.done());

    auto asked = start(test.io, test.client->ask("too late"));
    poll(test.io);

    CHECK(asked.failed_with(errc::disconnected));
    test.pass(30s);
    CHECK(ending.done());
    CHECK(test.transports->violations().empty()); // nothing of it was written
}

TEST_CASE("chat_client: tickets are renewed while the client lives, and not after it has failed",
          "[component][chat_client]") {
    const bool fails = GENERATE(false, true);
    CAPTURE(fails);
    client_case test; // tickets of an hour, renewed five minutes before
    test.make();
    auto& peer = test.expect_session();
    test.init();
    if (fails) peer.close(1000);
    poll(test.io);
    CHECK(test.client->is_connected() != fails);
    const auto before = test.environment->http->count();
    test.pass(70min);
    CHECK((test.environment->http->count() == before) == fails);
}

TEST_CASE("chat_client: events outlive the end of their session until they are taken",
          "[component][chat_client]") {
    const bool failed = GENERATE(false, true);
    const bool read_before = GENERATE(false, true);
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    if (read_before) CHECK(test.told().empty());
    run(test.io, test.client->send_message("hi"));
    peer.reply(text_frame("an answer")).reply(finished_frame);
    poll(test.io);
    if (failed) {
        peer.close(1000);
        poll(test.io);
        CHECK(test.client->status().state == websocket_state::failed);
    } else {
        auto closing = start(test.io, test.client->disconnect());
        test.pass(3s);
        CHECK(closing.done());
    }
    auto& again = test.expect_session();
    test.init();
    again.reply(text_frame("news"));
    poll(test.io);

    std::vector<std::string> expected{"text an answer", "finished conversation-1"};
    if (failed) expected.insert(expected.end(), {"lost closed", "connection failed"});
    expected.push_back("text news");
    CHECK(test.told() == expected);
    CHECK(test.client->metrics().events_dropped == 0);
}

TEST_CASE("chat_client: events left from a session delay the reading of the next",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.event_count = 3;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    CHECK(test.told().empty()); // from now on nothing is dropped
    for (const auto* text : {"1", "2", "3"})
        peer.reply(text_frame(text));
    poll(test.io);
    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);
    REQUIRE(closing.done());
    auto& again = test.expect_session();
    test.init(); // what opens a session is read all the same
    again.reply(text_frame("4")).reply(text_frame("5"));
    poll(test.io);
    CHECK_FALSE(again.finished());
    CHECK(test.told() ==
          std::vector<std::string>{"text 1", "text 2", "text 3", "text 4", "text 5"});
}

TEST_CASE("chat_client: a log sink that always throws ends no operation",
          "[component][chat_client]") {
    for (const auto threshold : {log_level::debug, log_level::warning}) {
        client_case test;
        test.config.log = [](log_level, std::string_view) { throw std::runtime_error("full"); };
        test.config.log_threshold = threshold;
        test.make();
        auto& peer = test.expect_session();
        test.init();
        run(test.io, test.client->send_message("hello"));
        peer.reply("no JSON");
        peer.fail_read(errc::connection_reset);
        poll(test.io);
        test.transports->expect_connect().refuse(errc::connect_failed);
        test.expect_session();
        test.pass(5min);
        CHECK(test.client->is_connected());
        auto ending = start(test.io, test.client->disconnect());
        test.pass(10s);
        CHECK_NOTHROW(ending.get());
        CHECK(test.client->metrics().log_failures == 3); // then it is left out
    }
}

} // namespace chat_client_end_test
