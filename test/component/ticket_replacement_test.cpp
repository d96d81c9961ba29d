// What a ticket source is told of the ticket that it is to replace, and which error a caller gets
// at its deadline.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

namespace ticket_replacement_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("ticket_manager: a source gets the ticket that it is to replace",
          "[component][ticket_manager][O147]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto last = [&w] { return w.source->requests().back(); };

    const auto first = run(w.io, tickets.get_valid_ticket());
    CHECK(last().reason() == ticket_reason::first);
    CHECK_FALSE(last().replaces());

    SECTION("the rejected one, which is not held any more") {
        run(w.io, tickets.replace_ticket(first));
        CHECK(last().reason() == ticket_reason::rejected);
        CHECK(last().replaces() == first.value());
    }
    SECTION("a rejected one that has a successor, which is returned") {
        const auto second = run(w.io, tickets.refresh_ticket());
        CHECK(last().reason() == ticket_reason::requested);
        CHECK(last().replaces() == first.value());
        CHECK(value_of(run(w.io, tickets.replace_ticket(first))) == value_of(second));
        CHECK(w.source->calls() == 2);
    }
    SECTION("the expired one") {
        w.pass(1h);
        run(w.io, tickets.get_valid_ticket());
        CHECK(last().reason() == ticket_reason::expired);
        CHECK(last().replaces() == first.value());
    }
    SECTION("the one to renew") {
        tickets.start_proactive_renewal();
        w.pass(59min);
        CHECK(last().reason() == ticket_reason::renewal);
        CHECK(last().replaces() == first.value());
    }
    SECTION("none after a change of the identity") {
        auth_data_patch other;
        other.entity_id.emplace("another");
        tickets.update_auth_data(std::move(other));
        run(w.io, tickets.get_valid_ticket());
        CHECK_FALSE(last().replaces());
    }
    CHECK(w.log.text().find("ticket-1") == std::string::npos);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: each attempt of a refresh gets the same ticket to replace",
          "[component][ticket_manager][O147]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto first = run(w.io, tickets.get_valid_ticket());
    w.source->fail_retryable();
    auto caller = w.start(tickets.replace_ticket(first));
    w.pass(1s);

    CHECK(value_of(caller) == "ticket-2");
    const auto asked = w.source->requests();
    REQUIRE(asked.size() == 3);
    for (std::size_t n = 1; n < asked.size(); ++n)
        CHECK(asked[n].replaces() == first.value());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller's deadline in a later attempt reports the previous failure",
          "[component][ticket_manager][O148]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->answer(504, "<html>Gateway Time-out</html>");
    w.http->hang();
    auto caller = w.start(tickets.get_valid_ticket(w.clock->now() + 5s));
    w.pass(5s);

    REQUIRE(caller.failed_with(errc::ticket_timeout));
    const auto details = caller.failure()->details;
    CHECK(details.http_status == 504);
    CHECK(details.attempt == 1u);
    CHECK(details.phase == phase::ticket);
    CHECK(details.url == "https://chat.example/prefix/api/v1/tickets");
    CHECK(caller.failure()->message.find("504") != std::string::npos);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller's deadline in the first attempt names the URL",
          "[component][ticket_manager][O148]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->hang();
    auto caller = w.start(tickets.get_valid_ticket(w.clock->now() + 5s));
    w.pass(5s);

    REQUIRE(caller.failed_with(errc::ticket_timeout));
    CHECK(caller.failure()->details.url == "https://chat.example/prefix/api/v1/tickets");
    CHECK(w.ends());
}

} // namespace ticket_replacement_test
