// What a whole client makes of a bad moment: its tickets, its deadlines and its words
// (doc/protocol.md 1.7 and 3).

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/fake_ticket_source.hpp"

#include <string>
#include <vector>

namespace chat_client_recovery_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

constexpr const char* ticket_url = "https://chat.example/api/v1/tickets";

} // namespace

TEST_CASE("chat_client: a deadline of init in a later ticket request reports the failure before it",
          "[component][chat_client][O148]") {
    client_case test(0);
    test.config.timeouts.init = 5s;
    test.environment->http->answer(504, "<html>Gateway Time-out</html>");
    test.environment->http->hang();
    test.make();

    auto opening = start(test.io, test.client->init());
    test.pass(5s);

    REQUIRE(opening.failed_with(errc::ticket_timeout));
    const auto details = opening.failure()->details;
    CHECK(details.http_status == 504);
    CHECK(details.attempt == 1u);
    CHECK(details.phase == phase::ticket);
    CHECK(details.url == ticket_url);
    CHECK(details.retryable);
    CHECK(opening.failure()->message.find("504") != std::string::npos);
}

TEST_CASE("chat_client: a deadline of init in the first ticket request names its URL",
          "[component][chat_client][O148]") {
    client_case test(0);
    test.config.timeouts.init = 5s;
    test.environment->http->hang();
    test.make();

    auto opening = start(test.io, test.client->init());
    test.pass(5s);

    REQUIRE(opening.failed_with(errc::ticket_timeout));
    const auto url = opening.failure()->details.url;
    CHECK((url == ticket_url || url.empty())); // by the layer that notices the deadline first
}

TEST_CASE("chat_client: an init keeps its deadline when the restored session is lost at once",
          "[component][chat_client][I95]") {
    client_case test;
    test.config.timeouts.init = 3s;
    test.environment->fix_jitter(0.99);
    test.make();
    auto& first = test.expect_session();
    test.init();
    first.fail_read(errc::connection_reset);
    poll(test.io);
    auto waiting = start(test.io, test.client->init());
    test.expect_session().fail_read(errc::connection_reset);
    test.transports->expect_connect().hold(phase::tcp);

    test.pass(2s);
    CHECK_FALSE(waiting.done());
    test.pass(1s);

    CHECK(waiting.failed_with(errc::timed_out));
    CHECK(test.transports->made() == 3);
}

TEST_CASE("chat_client: an init that waits for a reconnect reports what prevents it",
          "[component][chat_client][O148]") {
    client_case test;
    test.config.timeouts.init = 5s;
    test.make();
    auto& first = test.expect_session();
    test.init();
    test.transports->expect_connect().refuse_status(404);
    first.close(1001);
    test.pass(1s);

    test.transports->expect_connect().hold(phase::tcp);
    auto waiting = start(test.io, test.client->init());
    auto again = start(test.io, test.client->reconnect());
    test.pass(5s);

    for (const auto* one : {&waiting, &again}) {
        REQUIRE(one->failed_with(errc::timed_out));
        CHECK(one->failure()->details.http_status == 404);
        CHECK(one->failure()->details.phase == phase::upgrade);
    }
}

TEST_CASE("chat_client: a page in place of a ticket does not end a session that was ready",
          "[component][chat_client][O139]") {
    struct row {
        int status;
        const char* body;
    };
    const auto each = GENERATE(row{200, "<html>Maintenance</html>"}, row{302, ""}, row{400, ""},
                               row{403, "<html>Forbidden</html>"}, row{401, "{}"}, row{404, ""},
                               row{511, "<html>Log in</html>"}, row{200, R"({"maintenance":true})"},
                               row{200, R"({"success":false,"error":"busy"})"});
    CAPTURE(each.status, each.body);
    client_case test(1);
    test.make();
    auto& first = test.expect_session();
    test.init();
    for (int n = 0; n < 8; ++n)
        test.environment->http->answer(each.status, each.body);
    test.environment->http->answer_ticket("another", 1h);
    test.expect_session();

    first.close(4401);
    test.pass(30min);

    CHECK(test.client->is_connected());
    CHECK(test.told().back() == "restored");
    CHECK(test.transports->last().target() == "/ws?ticket=another");
}

TEST_CASE("chat_client: a rejected credential in the protocol's format ends the reconnecting",
          "[component][chat_client][O139]") {
    const int status = GENERATE(401, 403);
    client_case test(1);
    test.make();
    auto& first = test.expect_session();
    test.init();
    test.environment->http->answer(status, R"({"success":false,"error":"gone","code":"GONE"})");

    first.close(4401);
    test.pass(1s);

    CHECK(test.told() == lines{"lost rejected", "reconnecting 1", "connection failed"});
}

TEST_CASE("chat_client: an authentication_error that no ticket cures ends the reconnecting",
          "[component][chat_client][O139]") {
    client_case test;
    test.make();
    auto& first = test.expect_session();
    test.init();
    test.transports->expect_connect().reply(frames::authentication_error("no", "ACCOUNT_CLOSED"));

    first.close(1001);
    test.pass(3s);

    CHECK(test.told() == lines{"lost closed", "reconnecting 1", "connection failed"});
}

TEST_CASE("chat_client: renews no ticket in advance where that is disabled",
          "[component][chat_client]") {
    const bool renews = GENERATE(false, true);
    client_case test;
    test.config.ticket.renew_proactively = renews;
    test.make();
    auto& first = test.expect_session();
    test.init();

    test.pass(59min);
    CHECK(test.environment->http->count() == (renews ? 2 : 1));
    test.pass(2min); // expired, where it was not renewed

    auto& second = test.expect_session();
    first.close(1001);
    test.pass(1s);
    CHECK(test.client->is_connected());
    CHECK(second.target() == "/ws?ticket=ticket-2");
}

TEST_CASE(
    "chat_client: a source that caches the rejected ticket does not keep it reconnecting for ever",
    "[component][chat_client][O147]") {
    client_case test(0);
    const auto source = std::make_shared<fake_ticket_source>(test.environment->time);
    for (int n = 0; n < 20; ++n)
        source->give(source->make("cached", 1h));
    const auto tickets = std::make_shared<ticket_manager>(
        test.io.get_executor(), test.config.auth, source, ticket_config(), ticket_manager_options(),
        test.environment);
    test.client.emplace(test.io.get_executor(), test.config, tickets, test.environment);
    auto& first = test.expect_session();
    test.init();
    for (int n = 0; n < 4; ++n)
        test.transports->expect_connect().close(4401);

    first.close(1001);
    test.pass(1h);

    CHECK(test.told() == lines{"lost closed", "reconnecting 1", "reconnecting 2", "reconnecting 3",
                               "connection failed"});
    const auto asked = source->requests();
    REQUIRE(asked.size() == 4);
    CHECK_FALSE(asked.front().replaces());
    for (std::size_t n = 1; n < asked.size(); ++n) {
        CHECK(asked[n].reason() == ticket_reason::rejected);
        CHECK(asked[n].replaces() == secret("cached"));
    }
    test.client.reset();
    run(test.io, tickets->stop());
}

TEST_CASE("chat_client: without a session every call says to call init first",
          "[component][chat_client]") {
    client_case test;
    test.make();
    const auto what = GENERATE(0, 1, 2);
    CAPTURE(what);
    auto call = what == 0   ? start(test.io, test.client->reconnect())
                : what == 1 ? start(test.io, test.client->refresh_ticket_and_reconnect())
                            : start(test.io, test.client->send_message(chat_message("Hello.")));
    poll(test.io);

    REQUIRE(call.failed_with(errc::not_connected));
    CHECK(call.failure()->message.find("call init") != std::string::npos);
}

} // namespace chat_client_recovery_test
