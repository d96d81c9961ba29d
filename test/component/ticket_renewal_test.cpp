#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/secret_watch.hpp"
#include "support/ticket_world.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace ticket_renewal_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// A manager that renews, and what it has said of it.
struct renewing : ticket_world {
    std::vector<std::string> renewed;
    std::vector<error_info> failed;

    explicit renewing(std::chrono::seconds lifetime = 1h) {
        source->lifetime(lifetime);
        auto& managed = manage();
        managed.on_renewal_failed([this](const error_info& why) { failed.push_back(why); });
        managed.start_proactive_renewal(
            [this](const ticket& fresh) { renewed.push_back(value_of(fresh)); });
        run(io, managed.get_valid_ticket());
    }

    /// Goes on to the next renewal, whose request then waits for its answer.
    void hold_next() {
        source->hold();
        for (poll(); source->held() == 0; poll())
            REQUIRE(clock->advance_to_next());
    }
};

} // namespace

TEST_CASE("ticket_manager: renews proactively before expiration", "[component][ticket_manager]") {
    renewing w;
    w.pass(54min);
    CHECK(w.renewed.empty());
    w.pass(3min);
    CHECK(w.renewed == std::vector<std::string>{"ticket-2"});
    CHECK(w.source->requests().back().reason() == ticket_reason::renewal);
    CHECK(w.tickets->is_valid());
    // A whole day, and no caller ever waits or asks.
    w.pass(24h);
    CHECK(w.renewed.size() >= 25);
    CHECK(w.renewed.size() <= 28);
    CHECK(w.source->calls() == 1 + w.renewed.size());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: renews a short ticket in its last third",
          "[component][ticket_manager]") {
    renewing w(300s);
    w.pass(200s);
    CHECK(w.renewed.empty());
    w.pass(40s);
    CHECK(w.renewed.size() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: renewal makes no request while no ticket is held",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    tickets.start_proactive_renewal();
    w.pass(24h);
    CHECK(w.source->calls() == 0);
    CHECK(w.clock->sleepers() == 0);

    w.source->lifetime(20s); // never kept, hence never renewed
    run(w.io, tickets.get_valid_ticket());
    w.pass(24h);
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a failed renewal is retried by the backoff, and the ticket is kept",
          "[component][ticket_manager]") {
    renewing w;
    for (int i = 0; i < 5; ++i) // one refresh has four attempts
        w.source->fail_retryable();
    w.pass(55min + 30s);
    w.pass(40s);
    CHECK(w.failed.size() == 1);
    CHECK(w.failed.front().is(errc::ticket_http_status));
    CHECK(w.tickets->is_valid());
    w.pass(10s);
    CHECK(w.renewed == std::vector<std::string>{"ticket-2"});
    CHECK(w.source->calls() == 1 + 6);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a permanent failure of a renewal is not retried fast",
          "[component][ticket_manager]") {
    renewing w;
    for (int i = 0; i < 100; ++i)
        w.source->fail(error_info(errc::authentication_failed, "The server says no."));
    w.pass(60min);
    CHECK(w.failed.size() >= 4);
    CHECK(w.failed.size() <= 6);
    CHECK(w.source->calls() == 1 + w.failed.size());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: renewal stops immediately", "[component][ticket_manager]") {
    renewing w;
    w.hold_next();
    w.tickets->stop_proactive_renewal();
    w.poll();
    CHECK(w.tickets->snapshot().waiters == 0);
    w.source->release();
    w.pass(24h);
    CHECK(w.renewed.empty());
    CHECK(w.failed.empty());
    CHECK(w.source->calls() == 2);
    CHECK(w.clock->sleepers() == 0);

    w.tickets->stop_proactive_renewal();
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a renewal that is stopped and started again runs once",
          "[component][ticket_manager]") {
    renewing w;
    std::vector<std::string> others;
    w.tickets->stop_proactive_renewal();
    w.tickets->start_proactive_renewal(
        [&](const ticket& fresh) { others.push_back(value_of(fresh)); });
    w.tickets->start_proactive_renewal(
        [&](const ticket& fresh) { others.push_back(value_of(fresh)); });
    w.pass(57min);
    CHECK(w.renewed.empty());
    CHECK(others == std::vector<std::string>{"ticket-2"});
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an exception of a handler ends nothing", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    int calls = 0;
    const bool standard = GENERATE(true, false);
    tickets.start_proactive_renewal([&](const ticket& fresh) {
        ++calls;
        const careless_stranger user;
        if (standard) throw std::runtime_error("the handler's own, of " + value_of(fresh));
        throw 7;
    });
    run(w.io, tickets.get_valid_ticket());
    w.pass(2h);
    CHECK(calls == 2);
    CHECK(w.log.count(log_level::error, standard ? "on_renewed threw: the handler's own, of ***"
                                                 : "on_renewed threw: an exception") == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a handler may use the manager, and stop its renewal",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    int calls = 0;
    tickets.start_proactive_renewal([&](const ticket& fresh) {
        ++calls;
        CHECK(tickets.is_valid());
        CHECK(tickets.expires_at() == fresh.expires_at());
        tickets.stop_proactive_renewal();
    });
    run(w.io, tickets.get_valid_ticket());
    w.pass(5h);
    CHECK(calls == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a handler may destroy the manager", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    tickets.start_proactive_renewal([&](const ticket&) { w.tickets.reset(); });
    run(w.io, tickets.get_valid_ticket());
    w.pass(1h);
    CHECK_FALSE(w.tickets);
    CHECK(out_of_work(w.io));
}

TEST_CASE("ticket_manager: no handler is called after destruction, at whatever step",
          "[component][ticket_manager]") {
    const bool fails = GENERATE(false, true);
    bool told = false;
    for (int n = 0; !told; ++n) {
        REQUIRE(n < 100);
        renewing w;
        if (fails) w.source->fail(error_info(errc::authentication_failed, "The server says no."));
        w.hold_next();
        w.source->release(); // the answer is on its way
        w.io.restart();
        for (int step = 0; step < n; ++step)
            w.io.poll_one();
        const auto calls = w.renewed.size() + w.failed.size();
        told = calls > 0;
        w.tickets.reset();
        REQUIRE(out_of_work(w.io));
        REQUIRE(w.renewed.size() + w.failed.size() == calls);
    }
}

TEST_CASE("ticket_manager: a renewal and a caller share one request",
          "[component][ticket_manager]") {
    renewing w;
    w.hold_next();
    auto caller = w.start(w.tickets->refresh_ticket());
    w.source->release();
    w.poll();
    CHECK(value_of(caller) == "ticket-2");
    CHECK(w.renewed == std::vector<std::string>{"ticket-2"});
    CHECK(w.source->calls() == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a renewal after a system sleep costs one request",
          "[component][ticket_manager]") {
    renewing w;
    w.clock->step_wall(12h);
    w.pass(70s);
    CHECK(w.renewed.size() == 1);
    w.pass(10min);
    CHECK(w.source->calls() == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a new identity ends the renewal of the old one's ticket",
          "[component][ticket_manager]") {
    renewing w;
    w.hold_next();
    auth_data_patch patch;
    patch.entity_id = "e2";
    w.tickets->update_auth_data(patch);
    w.source->release();
    w.pass(1h);
    CHECK(w.renewed.empty());
    CHECK(w.failed.empty());
    CHECK_FALSE(w.tickets->is_valid());

    // The new one's is renewed as well.
    run(w.io, w.tickets->get_valid_ticket());
    w.pass(57min);
    CHECK(w.renewed.size() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a server that returns the same nearly expired ticket is not flooded",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto end = w.clock->wall_now() + 1h;
    for (int i = 0; i < 1'000; ++i)
        w.source->give(ticket(secret("the same"), end));
    tickets.start_proactive_renewal();
    run(w.io, tickets.get_valid_ticket());
    w.pass(2h);
    CHECK(w.source->calls() < 12);
    CHECK(w.ends());
}

} // namespace ticket_renewal_test
