// Tickets behind a live session: whatever becomes of their renewal, the session is left alone.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace ticket_session_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// A client with a ready session, and an answer to its ticket requests for each test to choose.
class live_session : public client_case {
public:
    std::vector<error_info> renewals_failed;
    unsigned renewals = 0;
    unsigned other_events = 0;

    live_session() {
        make();
        expect_session();
        init();
        environment->http->forget_answers();
    }

    void take_events() {
        for (;;) {
            auto next = start(io, client->next_event());
            poll(io);
            if (!next.done()) {
                next.cancel();
                poll(io);
                return;
            }
            const auto happened = next.get();
            if (!happened) return;
            if (const auto* failed = std::get_if<ticket_renewal_failed>(&*happened))
                renewals_failed.push_back(failed->cause);
            else if (std::holds_alternative<ticket_renewed>(*happened))
                ++renewals;
            else
                ++other_events;
        }
    }

    /// From each ticket request to the next, the first aside.
    std::vector<milliseconds> pauses() const {
        std::vector<milliseconds> all;
        const auto requests = environment->http->requests();
        for (std::size_t i = 2; i < requests.size(); ++i)
            all.push_back(std::chrono::duration_cast<milliseconds>(requests[i]->deadline -
                                                                   requests[i - 1]->deadline));
        return all;
    }

    void check_untouched() {
        CHECK(client->is_connected());
        CHECK(transports->made() == 1);
        CHECK(transports->last().closes().empty());
        CHECK(other_events == 0);
        CHECK(transports->violations().empty());
    }
};

} // namespace

TEST_CASE("ticket_manager: a failed renewal while connected is an event, and backs off",
          "[component][ticket_manager]") {
    live_session s;
    for (int i = 0; i < 8; ++i)
        s.environment->http->answer(503, R"({"error":"not now"})");
    s.environment->http->answer_ticket("renewed", 2h);
    s.pass(57min);
    s.take_events();

    REQUIRE(s.renewals_failed.size() == 2);
    for (const auto& why : s.renewals_failed) {
        CHECK(why.is(errc::ticket_http_status));
        CHECK(why.details.http_status == 503);
        CHECK(why.details.attempt == 4U);
        CHECK(why.details.server_text == "not now");
    }
    // The attempts of a refresh, and between two of them the backoff that goes on from there.
    CHECK(s.pauses() == std::vector<milliseconds>{250ms, 500ms, 1s, 2s, 250ms, 500ms, 1s, 4s});
    CHECK(s.renewals == 1);
    CHECK(s.client->status().has_valid_ticket);
    s.check_untouched();
}

TEST_CASE("ticket_manager: a permanent failure of a renewal does not end the session either",
          "[component][ticket_manager][A11]") {
    live_session s;
    for (int i = 0; i < 100; ++i)
        s.environment->http->answer(403, "");
    s.pass(59min);
    s.take_events();
    CHECK(s.renewals_failed.size() >= 3);
    CHECK(s.renewals_failed.size() <= 5);
    CHECK(s.renewals_failed.front().is(errc::authentication_failed));
    for (const auto pause : s.pauses()) // no more often than the ticket is looked at
        CHECK(pause >= 54s);
    CHECK(s.client->status().has_valid_ticket);
    s.check_untouched();
    // Nor does its expiry.
    s.pass(30min);
    s.take_events();
    CHECK_FALSE(s.client->status().has_valid_ticket);
    s.check_untouched();
}

TEST_CASE("ticket_manager: a renewal that hangs is abandoned, and the session continues",
          "[component][ticket_manager]") {
    live_session s; // no answer is queued: the server says nothing
    s.pass(57min);
    s.take_events();
    REQUIRE_FALSE(s.renewals_failed.empty());
    CHECK(s.renewals_failed.front().is(errc::ticket_timeout));
    s.check_untouched();
}

TEST_CASE("ticket_manager: a clock that jumps keeps the session, and the next connect gets a fresh "
          "ticket",
          "[component][ticket_manager][A9]") {
    const bool renewed_before = GENERATE(false, true);
    live_session s;
    s.environment->http->answer_ticket("fresh", 1h);
    s.expect_session();
    const auto step = GENERATE(as<std::chrono::hours>(), 12, 24 * 400);
    s.environment->time->step_wall(step);
    if (renewed_before) s.pass(70s); // the next look has found it
    s.take_events();
    CHECK(s.renewals == (renewed_before ? 1 : 0));
    s.check_untouched();

    s.transports->at(0).close(1001);
    s.pass(1s);
    CHECK(s.transports->made() == 2);
    CHECK(s.client->is_connected());
    CHECK(s.transports->last().target().ends_with("ticket=fresh"));
    CHECK(s.environment->http->count() == 2);
    s.pass(10min);
    CHECK(s.environment->http->count() == 2);
}

TEST_CASE("ticket_manager: a clock that is set back while connected costs nothing",
          "[component][ticket_manager][A9]") {
    live_session s;
    s.expect_session();
    s.environment->time->step_wall(-12h);
    s.transports->at(0).close(1001);
    s.pass(1s);
    CHECK(s.transports->made() == 2);
    CHECK(s.client->is_connected());
    CHECK(s.transports->last().target().ends_with("ticket=ticket-1"));
    CHECK(s.environment->http->count() == 1);
}

TEST_CASE("ticket_manager: ten clients that need a ticket at once make one request",
          "[component][ticket_manager][A25]") {
    client_case s;
    auto tickets =
        std::make_shared<ticket_manager>(s.io.get_executor(), s.config.auth, s.config.server_url,
                                         ticket_config(), ticket_manager_options(), s.environment);
    std::vector<std::unique_ptr<chat_client>> clients;
    std::vector<started<void>> opening;
    for (int i = 0; i < 10; ++i) {
        s.expect_session();
        clients.push_back(
            std::make_unique<chat_client>(s.io.get_executor(), s.config, tickets, s.environment));
        opening.push_back(start(s.io, clients.back()->init()));
    }
    poll(s.io);
    for (auto& one : opening)
        CHECK_NOTHROW(one.get());
    CHECK(s.environment->http->count() == 1);
    CHECK(tickets->snapshot().refreshes == 1);
    CHECK(tickets->snapshot().waiters == 0);
    // One that goes takes nothing along that the others need.
    run(s.io, clients.front()->disconnect());
    clients.erase(clients.begin());
    s.pass(10min);
    CHECK(tickets->is_valid());
    for (const auto& one : clients)
        CHECK(one->is_connected());
}

} // namespace ticket_session_test
