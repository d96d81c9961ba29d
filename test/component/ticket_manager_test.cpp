#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ticket_manager_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

awaitable<ticket> nothing() { co_return ticket(); }

} // namespace

TEST_CASE("ticket_manager: requests a new ticket when none exists", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    CHECK_FALSE(tickets.is_valid());
    CHECK(tickets.expires_in() == std::nullopt);

    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");

    REQUIRE(w.source->calls() == 1);
    const auto request = w.source->requests().front();
    CHECK(request.reason() == ticket_reason::first);
    CHECK(request.attempt() == 1);
    CHECK(request.deadline() == w.clock->now() + 10s);
    CHECK(request.auth().user_mp_auth_token == secret(secret_token));
    CHECK(tickets.is_valid());
    CHECK(tickets.expires_in() == 1h);
    CHECK(tickets.expires_at() == w.clock->wall_now() + 1h);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: reuses a valid ticket without suspending",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.pass(59min);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK(w.source->calls() == 1);

    // It takes as many turns of the loop as a coroutine that does nothing.
    const auto turns = [&w](awaitable<ticket> operation) {
        auto one = test::start(w.io, std::move(operation));
        int taken = 0;
        w.io.restart();
        for (; !one.done() && w.io.poll_one() != 0; ++taken) {
        }
        return taken;
    };
    CHECK(turns(tickets.get_valid_ticket()) == turns(nothing()));
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: refreshes an expired ticket", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.pass(1h - 30s);
    CHECK_FALSE(tickets.is_valid());
    CHECK(tickets.expires_in() == 30s);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    CHECK(w.source->requests().back().reason() == ticket_reason::expired);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: prevents concurrent refresh requests",
          "[component][ticket_manager][A25]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 50; ++i) {
        callers.push_back(w.start(tickets.get_valid_ticket()));
        callers.push_back(w.start(tickets.refresh_ticket()));
    }
    CHECK(w.source->calls() == 1);
    CHECK(tickets.snapshot().waiters == 100);
    CHECK(tickets.snapshot().in_flight);

    w.source->release();
    w.poll();
    for (const auto& caller : callers)
        CHECK(value_of(caller) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK(tickets.snapshot().waiters == 0);
    CHECK_FALSE(tickets.snapshot().in_flight);
    CHECK(tickets.snapshot().refreshes == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: refreshes on request while a valid ticket is held",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.source->hold();
    auto fresh = w.start(tickets.refresh_ticket());
    CHECK(w.source->requests().back().reason() == ticket_reason::requested);
    // Meanwhile the held one serves.
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    w.source->release();
    w.poll();
    CHECK(value_of(fresh) == "ticket-2");
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a failed refresh keeps the held ticket", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.source->fail(error_info(errc::ticket_refused, "no"));
    CHECK_THROWS_AS(run(w.io, tickets.refresh_ticket()), ticket_error);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: replaces a rejected ticket, by a newer one if it has one",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto rejected = run(w.io, tickets.get_valid_ticket());

    w.source->hold();
    auto first = w.start(tickets.replace_ticket(rejected));
    CHECK_FALSE(tickets.is_valid()); // no other caller gets the rejected one
    CHECK(w.source->requests().back().reason() == ticket_reason::rejected);
    w.source->release();
    w.poll();
    CHECK(value_of(first) == "ticket-2");

    CHECK(value_of(run(w.io, tickets.replace_ticket(rejected))) == "ticket-2");
    CHECK(w.source->calls() == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a failure reaches all waiters, and the next call starts again",
          "[component][ticket_manager][A28]") {
    ticket_world w;
    auto& tickets = w.manage();
    error_details details;
    details.http_status = 403;
    w.source->fail(error_info(errc::authentication_failed, "The server says no.", details));
    w.source->hold();
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 20; ++i)
        callers.push_back(w.start(tickets.get_valid_ticket()));
    w.source->release();
    w.poll();
    for (const auto& caller : callers) {
        CHECK_THROWS_AS(caller.get(), authentication_error);
        CHECK(caller.failure()->details.http_status == 403);
        CHECK(caller.failure()->details.attempt == 1U);
        CHECK(caller.failure()->details.phase == phase::ticket);
    }
    CHECK(w.source->calls() == 1); // 403 is not worth another try
    CHECK(tickets.snapshot().failures == 1);
    CHECK(tickets.snapshot().last_error->is(errc::authentication_failed));

    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK_FALSE(tickets.snapshot().last_error);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: retryable failures are retried with backoff",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable();
    w.source->fail_retryable();
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(w.source->calls() == 1);
    w.pass(249ms);
    CHECK(w.source->calls() == 1);
    w.pass(1ms); // half of 0.5 s
    CHECK(w.source->calls() == 2);
    w.pass(499ms);
    CHECK(w.source->calls() == 2);
    w.pass(1ms);
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.source->requests().back().attempt() == 3);
    CHECK(tickets.snapshot().requests == 3);
    CHECK(tickets.snapshot().failures == 0);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: gives up after max_retries, with the last error",
          "[component][ticket_manager]") {
    ticket_world w;
    ticket_config config;
    config.max_retries = 2;
    auto& tickets = w.manage(config);
    for (int i = 0; i < 3; ++i)
        w.source->fail_retryable();
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(1min);
    CHECK(caller.failed_with(errc::ticket_http_status));
    CHECK(caller.failure()->details.attempt == 3U);
    CHECK(w.source->calls() == 3);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: waits as long as the server asks for",
          "[component][ticket_manager][A13]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable(120s);
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(119'999ms);
    CHECK(w.source->calls() == 1);
    CHECK_FALSE(caller.done());
    w.pass(1ms);
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: waits no longer than 300 s, whatever the server asks for",
          "[component][ticket_manager][A13]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable(1'000'000'000s);
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(300s);
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a wait that would outlast the caller's deadline fails at once",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable(120s);
    auto hurried = w.start(tickets.get_valid_ticket(w.clock->now() + 30s));
    CHECK(hurried.failed_with(errc::ticket_http_status));
    // A caller during the pause has the same outcome, and one with more time waits.
    auto late = w.start(tickets.get_valid_ticket(w.clock->now() + 30s));
    CHECK(late.failed_with(errc::ticket_http_status));
    auto patient = w.start(tickets.get_valid_ticket(w.clock->now() + 200s));
    w.pass(120s);
    CHECK(value_of(patient) == "ticket-1");
    CHECK(w.source->calls() == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: makes no further attempt once no caller waits",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable(120s);
    auto hurried = w.start(tickets.get_valid_ticket(w.clock->now() + 30s));
    CHECK(hurried.failed());
    w.pass(10min);
    CHECK(w.source->calls() == 1);
    CHECK_FALSE(tickets.snapshot().in_flight);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller leaves at its deadline, and the refresh continues",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto hurried = w.start(tickets.get_valid_ticket(w.clock->now() + 5s));
    auto patient = w.start(tickets.get_valid_ticket());
    w.pass(5s);
    CHECK(hurried.failed_with(errc::ticket_timeout));
    CHECK(hurried.failure()->details.retryable);
    CHECK_FALSE(patient.done());
    w.source->release();
    w.poll();
    CHECK(value_of(patient) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an attempt ends at its own timeout, and the next follows",
          "[component][ticket_manager]") {
    const bool deaf = GENERATE(false, true);
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(deaf);
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(10s);
    CHECK(w.source->cancelled() == (deaf ? 0 : 1));
    CHECK(tickets.snapshot().requests == 1);
    w.pass(250ms);
    CHECK(w.source->calls() == 2);
    w.source->release();
    w.poll();
    CHECK(value_of(caller) == "ticket-2");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a source that never answers is abandoned in time",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(4 * 10s + 1750ms);
    CHECK(caller.failed_with(errc::ticket_timeout));
    CHECK(caller.failure()->details.attempt == 4U);
    CHECK(w.source->calls() == 4);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a short ticket serves its waiters once", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->lifetime(20s);
    w.source->hold();
    auto one = w.start(tickets.get_valid_ticket());
    auto other = w.start(tickets.get_valid_ticket());
    w.source->release();
    w.poll();
    CHECK(value_of(one) == "ticket-1");
    CHECK(value_of(other) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK_FALSE(tickets.is_valid());
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a single-use ticket serves exactly one caller",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto now = w.clock->wall_now();
    for (const char* value : {"a", "b", "c"})
        w.source->give(ticket(secret(value), now + 1h, now, ticket_kind::single_use));
    w.source->hold();
    auto one = w.start(tickets.get_valid_ticket());
    auto other = w.start(tickets.get_valid_ticket());
    w.source->release();
    w.poll();
    CHECK(value_of(one) == "a");
    CHECK(value_of(other) == "b");
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "c");
    CHECK_FALSE(tickets.is_valid());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a wrong clock of the server costs no request",
          "[component][ticket_manager]") {
    const auto skew = GENERATE(-7h, 7h);
    ticket_world w;
    auto& tickets = w.manage();
    const auto issued = w.clock->wall_now() + skew;
    w.source->give(ticket(secret("skewed"), issued + 10min, issued));
    for (int i = 0; i < 5; ++i)
        CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "skewed");
    CHECK(w.source->calls() == 1);
    w.pass(10min - 30s);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a wrong local clock costs one request for each need",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto expired = w.clock->wall_now() - 7h; // and the server does not say what time it is
    for (const char* value : {"a", "b"})
        w.source->give(ticket(secret(value), expired));
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "a");
    CHECK(w.source->calls() == 1);
    w.pass(1h);
    CHECK(w.source->calls() == 1);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "b");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a step of the wall clock costs one refresh at most",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.clock->step_wall(-12h);
    CHECK(tickets.is_valid());
    w.pass(1h - 30s);
    CHECK_FALSE(tickets.is_valid()); // not lengthened

    run(w.io, tickets.get_valid_ticket());
    w.clock->step_wall(12h); // or the machine slept
    CHECK_FALSE(tickets.is_valid());
    for (int i = 0; i < 5; ++i)
        run(w.io, tickets.get_valid_ticket());
    CHECK(w.source->calls() == 3);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an exception or an invalid result of a custom source is a ticket_error",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto told = "upstream said " + std::string(secret_token);
    SECTION("a std::exception") {
        w.source->fail_with(std::make_exception_ptr(std::runtime_error(told)));
        auto caller = w.start(tickets.get_valid_ticket());
        CHECK(caller.failed_with(errc::ticket_source_failed));
        CHECK_THROWS_AS(caller.get(), ticket_error);
        CHECK(caller.failure()->details.reason == "upstream said ***");
    }
    SECTION("another exception") {
        w.source->fail_with(std::make_exception_ptr(7));
        CHECK(w.start(tickets.get_valid_ticket()).failed_with(errc::ticket_source_failed));
    }
    SECTION("an error of another class") {
        w.source->fail(error_info(errc::not_connected, told));
        auto caller = w.start(tickets.get_valid_ticket());
        CHECK(caller.failed_with(errc::ticket_source_failed));
        CHECK(caller.failure()->message == "upstream said ***");
    }
    SECTION("an empty ticket") {
        w.source->give(ticket());
        CHECK(w.start(tickets.get_valid_ticket()).failed_with(errc::ticket_malformed));
    }
    SECTION("a ticket that is too long") {
        w.source->give(w.source->make(std::string(8 * 1024 + 1, 'x'), 1h));
        CHECK(w.start(tickets.get_valid_ticket()).failed_with(errc::ticket_too_long));
    }
    CHECK(w.source->calls() == 1);
    CHECK_FALSE(w.leaks(w.log.text()));
    CHECK(w.ends());
}

namespace {

/// Written in a hurry: no coroutine.
class careless_source final : public ticket_source {
public:
    explicit careless_source(std::function<awaitable<ticket>()> instead)
        : instead_(std::move(instead)) {}
    awaitable<ticket> fetch(ticket_request) override { return instead_(); }

private:
    std::function<awaitable<ticket>()> instead_;
};

} // namespace

TEST_CASE("ticket_manager: a source that is not a coroutine fails like any other",
          "[component][ticket_manager]") {
    ticket_world w;
    std::function<awaitable<ticket>()> instead;
    SECTION("it throws before it returns an awaitable") {
        instead = []() -> awaitable<ticket> { throw std::runtime_error("no"); };
    }
    SECTION("it throws no std::exception") {
        instead = []() -> awaitable<ticket> { throw 7; };
    }
    SECTION("it returns an empty awaitable") {
        instead = [] { return awaitable<ticket>(); };
    }
    ticket_manager tickets(w.io.get_executor(), w.identity(),
                           std::make_shared<careless_source>(instead), ticket_config(), w.options(),
                           w.environment);
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(caller.failed_with(errc::ticket_source_failed));
    CHECK(w.start(tickets.get_valid_ticket()).failed_with(errc::ticket_source_failed));
    run(w.io, tickets.stop());
}

TEST_CASE("ticket_manager: a network error of a custom source is retryable",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_with(std::make_exception_ptr(
        boost::system::system_error(boost::asio::error::connection_refused)));
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK_FALSE(caller.done());
    w.pass(250ms);
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a custom source's retryable flag is respected, by number",
          "[component][ticket_manager]") {
    struct word {
        const char* name;
        std::exception_ptr thrown;
        bool again;
    };
    error_details again;
    again.retryable = true;
    const auto of = [](auto error) { return std::make_exception_ptr(std::move(error)); };
    const auto one = GENERATE_COPY(values<word>({
        {"do not retry", of(ticket_error(error_info(errc::ticket_refused, "No."))), false},
        {"retry", of(ticket_error(error_info(errc::ticket_refused, "No.", again))), true},
        {"credentials refused",
         of(authentication_error(error_info(errc::authentication_failed, "No.", again))), false},
        {"Asio's network error",
         of(boost::system::system_error(boost::asio::error::host_not_found_try_again)), true},
        {"Asio's end of file", of(boost::system::system_error(boost::asio::error::eof)), true},
        {"an abort of its own",
         of(boost::system::system_error(boost::asio::error::operation_aborted)), false},
        {"the standard's network error",
         of(std::system_error(std::make_error_code(std::errc::connection_reset))), true},
        {"the standard's abort",
         of(std::system_error(std::make_error_code(std::errc::operation_canceled))), false},
        {"an error of a future",
         of(std::system_error(std::make_error_code(std::future_errc::no_state))), false},
    }));
    CAPTURE(one.name);
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_with(one.thrown);
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(caller.failed() == !one.again);
    w.pass(1min);
    CHECK(w.source->calls() == (one.again ? 2 : 1));
    CHECK(caller.failed() == !one.again);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: the snapshot describes the ticket and its requests",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    auto now = tickets.snapshot();
    CHECK_FALSE(now.valid);
    CHECK(now.lifetime == std::nullopt);
    CHECK(now.requests == 0);

    w.source->fail_retryable();
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(tickets.snapshot().in_flight);
    CHECK(tickets.snapshot().waiters == 1);
    w.pass(10min);
    REQUIRE(caller.done());
    w.source->fail(error_info(errc::ticket_refused, "No."));
    CHECK(w.start(tickets.refresh_ticket()).failed());
    now = tickets.snapshot();
    CHECK(now.valid);
    CHECK(now.lifetime == 1h);
    CHECK(now.expires_in == 50min + 250ms); // it came after the backoff
    CHECK(now.expires_at == tickets.expires_at());
    CHECK(now.requests == 3);
    CHECK(now.refreshes == 1);
    CHECK(now.failures == 1);
    CHECK(now.waiters == 0);
    CHECK_FALSE(now.in_flight);
    REQUIRE(now.last_error);
    CHECK(now.last_error->is(errc::ticket_refused));
    tickets.clear();
    now = tickets.snapshot();
    CHECK_FALSE(now.valid);
    CHECK(now.expires_in == std::nullopt);
    CHECK(now.lifetime == std::nullopt);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: runs on the given strand", "[component][ticket_manager]") {
    ticket_world w;
    const auto strand = asio::make_strand(asio::any_io_executor(w.io.get_executor()));
    ticket_manager tickets(strand, auth_data(), w.source, {}, {}, w.environment);
    bool on_it = false;
    tickets.start_proactive_renewal(
        [&](const ticket&) { on_it = strand.running_in_this_thread(); });
    run(w.io, tickets.get_valid_ticket());
    w.pass(1h);
    CHECK(on_it);
    run(w.io, tickets.stop());
}

} // namespace ticket_manager_test
