// Several clients over one ticket_manager, which none of them owns.

#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <memory>
#include <string>

namespace shared_tickets_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// Two clients, and the manager that they have in common, on manual time.
struct two_clients : client_case {
    explicit two_clients(int tickets_there = 20)
        : client_case(tickets_there),
          tickets(std::make_shared<ticket_manager>(io.get_executor(), config.auth,
                                                   config.server_url, ticket_config(),
                                                   ticket_manager_options(), environment)),
          first(std::in_place, io.get_executor(), config, tickets, environment),
          second(std::in_place, io.get_executor(), config, tickets, environment) {}
    ~two_clients() {
        first.reset();
        second.reset();
        tickets.reset();
        poll(io);
    }

    void init_both() {
        expect_session();
        expect_session();
        auto one = start(io, first->init());
        auto two = start(io, second->init());
        poll(io);
        one.get();
        two.get();
    }

    std::uint64_t requested() const {
        return first->metrics().tickets_requested + second->metrics().tickets_requested;
    }
    std::uint64_t failed() const {
        return first->metrics().tickets_failed + second->metrics().tickets_failed;
    }

    std::shared_ptr<ticket_manager> tickets;
    std::optional<chat_client> first;
    std::optional<chat_client> second;
};

} // namespace

TEST_CASE("shared_tickets: the entity of one client does not affect the tickets of the other",
          "[component][shared_tickets]") {
    two_clients test(1);
    auto& http = *test.environment->http;
    test.init_both();
    REQUIRE(http.count() == 1);

    http.answer(200, R"({"success":true})");
    run(test.io, test.first->update_entity("conversation", "entity of the first", "kind"));
    REQUIRE(http.count() == 2);
    CHECK(http.requests()[1]->method == http_method::patch);
    CHECK(test.tickets->is_valid()); // the second's too: it is not dropped

    // The second comes back with the ticket that both have, and asks for none.
    test.expect_session();
    test.transports->at(1).fail_read(errc::connection_reset);
    test.pass(1min);
    CHECK(test.second->is_connected());
    CHECK(http.count() == 2);

    // And the next one is in the name that the manager was given.
    http.answer_ticket("ticket-2", 1h);
    test.expect_session();
    auto renewing = start(test.io, test.second->refresh_ticket_and_reconnect());
    test.pass(1min);
    CHECK_NOTHROW(renewing.get());
    REQUIRE(http.count() == 3);
    CHECK(http.requests()[2]->body.find("entity") == std::string::npos);
}

TEST_CASE("shared_tickets: each request is counted for one client", "[component][shared_tickets]") {
    two_clients test(1);
    auto& http = *test.environment->http;
    test.init_both(); // with one request for both
    CHECK(test.requested() == 1);
    CHECK(test.tickets->snapshot().requests == 1);

    const auto before = test.second->metrics().tickets_requested;
    http.answer(503);
    http.answer_ticket("ticket-2", 1h);
    test.expect_session();
    auto renewing = start(test.io, test.second->refresh_ticket_and_reconnect());
    test.pass(1min);
    CHECK_NOTHROW(renewing.get());
    CHECK(test.second->metrics().tickets_requested == before + 2); // its retry too
    CHECK(test.requested() == 3);
    CHECK(test.tickets->snapshot().requests == 3);
    CHECK(test.failed() == 0);

    http.answer(403, R"({"success":false,"error":"no"})");
    auto refused = start(test.io, test.first->refresh_ticket_and_reconnect());
    test.pass(1s);
    CHECK(refused.failed());
    CHECK(test.first->metrics().tickets_failed == 1);
    CHECK(test.second->metrics().tickets_failed == 0);
    CHECK(test.requested() == 4);
    CHECK(test.tickets->snapshot().failures == 1);
}

TEST_CASE("shared_tickets: a request of the manager's owner is counted for no client",
          "[component][shared_tickets]") {
    two_clients test;
    run(test.io, test.tickets->get_valid_ticket());
    test.init_both();
    test.tickets->start_proactive_renewal();
    test.pass(58min);
    CHECK(test.tickets->snapshot().refreshes == 2);
    CHECK(test.tickets->snapshot().requests == 2);
    CHECK(test.requested() == 0);
}

TEST_CASE("shared_tickets: a client with a manager of its own counts its renewals",
          "[component][shared_tickets]") {
    client_case test;
    test.make();
    test.expect_session();
    test.init();
    CHECK(test.client->metrics().tickets_requested == 1);
    test.pass(58min);
    CHECK(test.client->metrics().tickets_requested == 2);
    CHECK(test.client->metrics().tickets_failed == 0);
}

} // namespace shared_tickets_test
