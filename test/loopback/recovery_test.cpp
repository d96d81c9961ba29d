// How a session comes back over real sockets, plain and TLS, where a gateway or a server that has
// forgotten its tickets stands in the way.

#include <parley/chat_client.hpp>

#include "support/live.hpp"

#include <optional>
#include <string>
#include <vector>

namespace recovery_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::chat_server;
using parley::testing::chat_server_options;
using parley::testing::endpoint;
using parley::testing::http_fault;
using parley::testing::server_tls;
using parley::testing::session_fault;

namespace {

chat_server_options served(bool secure) {
    auto options = awkward_tickets();
    if (secure) options.tls = server_tls::generated;
    return options;
}

/// What is told until the session is back, or over. No wait is waited out.
awaitable<std::vector<event>> come_back(chat_client& client) {
    std::vector<event> seen;
    while (auto happened = co_await client.next_event()) {
        seen.push_back(std::move(*happened));
        if (std::holds_alternative<reconnecting>(seen.back())) client.notify_network_change();
        if (std::holds_alternative<connection_restored>(seen.back())) break;
    }
    co_return seen;
}

constexpr const char* page = "<html><body>Back soon.</body></html>";

} // namespace

TEST_CASE("recovery: a gateway's status for the upgrade is retried",
          "[loopback][chat_client][O139]") {
    const bool secure = GENERATE(false, true);
    const unsigned status = GENERATE(200u, 302u, 400u, 403u, 404u, 426u, 511u);
    CAPTURE(secure, status);
    live l;
    chat_server server(served(secure));
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());

    server.fail(endpoint::upgrade, http_fault::status(status, page), 2);
    server.drop_all();
    const auto told = l.run(come_back(client));

    CHECK(client.is_connected());
    const auto waits = all_of<reconnecting>(told);
    REQUIRE(waits.size() >= 2);
    CHECK_FALSE(waits.front().cause.details.http_status);
    CHECK(waits.back().cause.details.http_status == static_cast<int>(status));
    CHECK(all_of<connection_failed>(told).empty());
    l.run(client.disconnect());
}

TEST_CASE("recovery: a gateway's status for the ticket is retried",
          "[loopback][chat_client][O139]") {
    const unsigned status = GENERATE(200u, 302u, 401u, 403u, 404u, 511u);
    CAPTURE(status);
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.ticket.max_retries = 0;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());

    server.fail(endpoint::ticket, http_fault::status(status, page), 2);
    server.close_all(4401);
    const auto told = l.run(come_back(client));

    CHECK(client.is_connected());
    CHECK(all_of<reconnecting>(told).back().cause.details.http_status == static_cast<int>(status));
    l.run(client.disconnect());
}

TEST_CASE("recovery: an unknown 5xx for the ticket is retried, in init and while reconnecting",
          "[loopback][chat_client][O138]") {
    const unsigned status =
        GENERATE(520u, 521u, 522u, 523u, 524u, 525u, 526u, 527u, 528u, 529u, 530u, 599u);
    CAPTURE(status);
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.ticket.max_retries = 3;
    chat_client client(l.io.get_executor(), config);

    server.fail(endpoint::ticket, http_fault::status(status, page), 2);
    l.run(client.init());
    CHECK(server.seen().ticket_requests == 3);

    // The first attempt with all of its retries, and the first request of the second.
    server.fail(endpoint::ticket, http_fault::status(status, page), 5);
    server.close_all(4401);
    const auto told = l.run(come_back(client));
    CHECK(client.is_connected());
    CHECK(server.seen().ticket_requests == 9);
    const auto waits = all_of<reconnecting>(told);
    REQUIRE(waits.size() == 2);
    CHECK(waits.back().cause.details.http_status == static_cast<int>(status));
    CHECK(waits.back().cause.details.retryable);
    CHECK(waits.back().delay <= 40ms); // the ordinary backoff, not that of a gateway's verdict
    l.run(client.disconnect());
}

TEST_CASE("recovery: after two cuts of a quiet session the heartbeat comes in time",
          "[loopback][chat_client][O146]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.connection.heartbeat.interval = 10min; // that of the session after the cuts is learned
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    for (int cut = 1; cut <= 2; ++cut) {
        // Less than two seconds of life: three quarters of them are the heartbeat's interval then.
        l.io.restart();
        l.io.run_for(1'800ms);
        CHECK(server.seen().heartbeat_pings == 0);
        server.drop_all();
        const auto told = l.run(events_until<connection_restored>(client));
        CHECK(all_of<reconnecting>(told).size() == 1);
    }

    CHECK(l.until([&server] { return server.seen().heartbeat_pings > 0; }));
    l.run(client.disconnect());
}

TEST_CASE("recovery: a rejection in the protocol's format ends it",
          "[loopback][chat_client][O139]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());

    server.fail(endpoint::ticket,
                http_fault::status(403, R"({"success":false,"error":"gone","code":"GONE"})"), 1);
    server.close_all(4401);
    const auto told = l.run(come_back(client));

    REQUIRE(all_of<connection_failed>(told).size() == 1);
    CHECK(all_of<connection_failed>(told).front().cause.is(errc::authentication_failed));
}

TEST_CASE("recovery: during init the same statuses are thrown at once",
          "[loopback][chat_client][O139]") {
    const unsigned status = GENERATE(302u, 404u, 426u);
    live l;
    chat_server server(awkward_tickets());
    server.fail(endpoint::upgrade, http_fault::status(status, page), 1);
    chat_client client(l.io.get_executor(), config_for(server));

    CHECK_THROWS_AS(l.run(client.init()), connection_error);
    CHECK(server.seen().upgrades == 1);
}

TEST_CASE("recovery: a close with 1000 before the session is ready is a failed attempt",
          "[loopback][chat_client]") {
    const bool secure = GENERATE(false, true);
    live l;
    chat_server server(served(secure));
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());

    server.fail_sessions(session_fault().close(1000), 1);
    server.drop_all();
    const auto told = l.run(come_back(client));

    CHECK(client.is_connected());
    CHECK(all_of<reconnecting>(told).back().cause.details.close_code == 1000u);
    l.run(client.disconnect());
}

TEST_CASE("recovery: a forgotten ticket is replaced within the same attempt",
          "[loopback][chat_client][O147]") {
    const bool secure = GENERATE(false, true);
    live l;
    chat_server server(served(secure));
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());

    server.revoke_tickets();
    server.drop_all();
    const auto told = l.run(come_back(client));

    CHECK(client.is_connected());
    CHECK(all_of<reconnecting>(told).size() == 1); // one wait in all
    CHECK(server.seen().ticket_requests == 2);
    l.run(client.disconnect());
}

TEST_CASE("recovery: a dropped session was ready, and a deadline reports the failure before it",
          "[loopback][chat_client][O148]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.timeouts.init = 2s;
    chat_client client(l.io.get_executor(), config);

    server.fail(endpoint::ticket, http_fault::status(504, page), 1);
    server.fail(endpoint::ticket, http_fault::hang(), 1);
    std::optional<error_info> late;
    try {
        l.run(client.init());
    } catch (const ticket_error& thrown) {
        late = thrown.info();
    }
    REQUIRE(late);
    CHECK(late->is(errc::ticket_timeout));
    CHECK(late->details.http_status == 504);
    CHECK(late->details.attempt == 1u);
    CHECK(late->details.url.find("/api/v1/tickets") != std::string::npos);

    server.clear_faults();
    chat_client another(l.io.get_executor(), config); // the first still waits for its answer
    l.run(another.init());
    server.drop_all();
    const auto told = l.run(come_back(another));
    REQUIRE(all_of<connection_lost>(told).size() == 1);
    CHECK(all_of<connection_lost>(told).front().cause.details.phase == phase::ready);
    l.run(another.disconnect());
}

} // namespace recovery_test
