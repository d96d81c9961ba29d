// Callers that leave, managers that stop, and contexts that go, at every point of the way.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ticket_cancel_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using boost::asio::cancellation_type;

namespace {

/// One thing happens: a handler runs, or time goes on to the next deadline. False when nothing can.
bool step(ticket_world& w) {
    w.io.restart();
    return w.io.poll_one() != 0 || w.clock->advance_to_next();
}

/// A caller that accepts every type of cancellation; by default a coroutine accepts terminal only.
awaitable<ticket> attentive(awaitable<ticket> operation, std::shared_ptr<bool> hears = nullptr) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    if (hears) *hears = true;
    co_return co_await std::move(operation);
}

/// A refresh with everything in it: a failure, a backoff, an answer that is waited for, a renewal.
struct scenario {
    ticket_world w;
    std::vector<started<ticket>> callers;
    std::vector<std::shared_ptr<bool>> hears; ///< whether that caller has begun to listen

    scenario() {
        w.source->fail_retryable();
        w.source->lifetime(90s);
        auto& tickets = w.manage();
        tickets.start_proactive_renewal();
        call(tickets.get_valid_ticket());
        call(tickets.refresh_ticket());
        call(tickets.get_valid_ticket(w.clock->now() + std::chrono::minutes(1)));
    }

    void call(awaitable<ticket> operation) {
        hears.push_back(std::make_shared<bool>(false));
        callers.push_back(test::start(w.io, attentive(std::move(operation), hears.back())));
    }

    bool all_done() const {
        for (const auto& caller : callers)
            if (!caller.done()) return false;
        return true;
    }
};

constexpr int more_than_enough = 1'000;

} // namespace

TEST_CASE("ticket_manager: a cancelled caller leaves without effect on the others",
          "[component][ticket_manager][A26]") {
    const auto type =
        GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
    const auto who = GENERATE(as<std::size_t>(), 0, 1, 4); // 0 started the refresh
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 5; ++i)
        callers.push_back(w.start(attentive(tickets.get_valid_ticket())));
    callers[who].cancel(type);
    w.poll();
    CHECK(callers[who].aborted());
    CHECK(tickets.snapshot().waiters == 4);
    CHECK(w.source->cancelled() == 0);

    w.source->release();
    w.poll();
    for (std::size_t i = 0; i < callers.size(); ++i)
        if (i != who) CHECK(value_of(callers[i]) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: when all callers leave, the request completes and its ticket is kept",
          "[component][ticket_manager][A27]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 5; ++i)
        callers.push_back(w.start(tickets.get_valid_ticket()));
    for (auto& caller : callers)
        caller.cancel();
    w.poll();
    for (auto& caller : callers)
        CHECK(caller.aborted());
    w.source->release();
    w.poll();
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller cancelled before it starts makes no request",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    auto caller = test::start(w.io, tickets.get_valid_ticket());
    caller.cancel();
    w.poll();
    CHECK(caller.done());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller cancelled at any step completes at once, and the others do not",
          "[component][ticket_manager]") {
    const auto who = GENERATE(as<std::size_t>(), 0, 1, 2);
    const auto type = GENERATE(cancellation_type::terminal, cancellation_type::total);
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        REQUIRE(n < more_than_enough);
        scenario s;
        for (int i = 0; i < n; ++i)
            step(s.w);
        finished = s.all_done();
        // Before it listens, what a signal does is Asio's affair, and differs between its versions.
        const bool hears = *s.hears[who];
        s.callers[who].cancel(type);
        test::poll(s.w.io);
        if (hears) REQUIRE(s.callers[who].done());
        for (int i = 0; i < more_than_enough && !s.all_done(); ++i)
            step(s.w);
        for (std::size_t i = 0; i < s.callers.size(); ++i) {
            const auto& caller = s.callers[i];
            REQUIRE(
                (caller.failed() ? i == who && caller.aborted() : value_of(caller) == "ticket-1"));
        }
        REQUIRE(s.w.ends());
    }
}

TEST_CASE("ticket_manager: stopped at any step, it completes each caller and leaves nothing behind",
          "[component][ticket_manager]") {
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        REQUIRE(n < more_than_enough);
        scenario s;
        for (int i = 0; i < n; ++i)
            step(s.w);
        finished = s.all_done();
        auto stopping = s.w.start(s.w.tickets->stop());
        REQUIRE(stopping.done());
        REQUIRE(s.all_done());
        for (const auto& caller : s.callers)
            REQUIRE((caller.aborted() || value_of(caller) == "ticket-1"));
        REQUIRE(out_of_work(s.w.io));
    }
}

TEST_CASE(
    "ticket_manager: destroyed at any step, it completes each caller and leaves nothing behind",
    "[component][ticket_manager]") {
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        REQUIRE(n < more_than_enough);
        scenario s;
        for (int i = 0; i < n; ++i)
            step(s.w);
        finished = s.all_done();
        REQUIRE(s.w.ends());
        REQUIRE(s.all_done());
        for (const auto& caller : s.callers)
            REQUIRE((caller.aborted() || value_of(caller) == "ticket-1"));
    }
}

TEST_CASE("ticket_manager: once destroyed it makes no request, calls no handler and logs nothing",
          "[component][ticket_manager][J105]") {
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        REQUIRE(n < more_than_enough);
        scenario s;
        int told = 0;
        s.w.tickets->start_proactive_renewal([&told](const ticket&) { ++told; });
        s.w.tickets->on_renewal_failed([&told](const error_info&) { ++told; });
        for (int i = 0; i < n; ++i)
            step(s.w);
        finished = s.all_done() && told > 1;
        s.w.source->fail(error_info(errc::authentication_failed, "The server says no."));
        const auto requests = s.w.source->calls();
        const auto calls = told;
        const auto lines = s.w.log.text();
        s.w.tickets.reset();
        while (step(s.w)) {
        }
        REQUIRE(out_of_work(s.w.io));
        REQUIRE(s.w.source->calls() == requests);
        REQUIRE(told == calls);
        REQUIRE(s.w.log.text() == lines);
    }
}

TEST_CASE("ticket_manager: the context may be destroyed at any step, with everything pending",
          "[component][ticket_manager]") {
    for (int n = 0; n < 40; ++n) {
        scenario s; // the manager goes first, and its last words are never run
        for (int i = 0; i < n; ++i)
            step(s.w);
    }
    SUCCEED("what leaks or is used after its end is found by the sanitizers");
}

TEST_CASE("ticket_manager: stopped during a refresh, waiting and later callers are aborted",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto one = w.start(tickets.get_valid_ticket());
    auto other = w.start(tickets.refresh_ticket());
    auto stopping = w.start(tickets.stop());
    CHECK(stopping.done());
    CHECK(one.aborted());
    CHECK(other.aborted());
    CHECK(w.source->cancelled() == 1);
    CHECK(w.start(tickets.get_valid_ticket()).aborted());
    CHECK(w.start(tickets.replace_ticket(ticket())).aborted());
    CHECK(w.start(tickets.validate_with_server()).aborted());
    tickets.start_proactive_renewal();
    CHECK(w.start(tickets.stop()).done());
    CHECK(w.source->calls() == 1);
    CHECK(out_of_work(w.io));
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: stopped with a held ticket, it serves none",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    run(w.io, tickets.stop());
    CHECK(w.start(tickets.get_valid_ticket()).aborted());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: stop waits for a source that is slow", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(true);
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    auto first = w.start(tickets.stop());
    auto second = w.start(tickets.stop());
    CHECK(caller.aborted());
    CHECK_FALSE(first.done());
    w.source->release();
    w.poll();
    CHECK(first.done());
    CHECK(second.done());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an exception of a caller's own handler does not affect the others",
          "[component][ticket_manager][J108]") {
    const bool refresh_fails = GENERATE(false, true);
    const bool on_strand = GENERATE(false, true); // where an exception leaves by another way
    ticket_world w;
    auto& tickets = w.manage();
    asio::any_io_executor home = w.io.get_executor();
    if (on_strand) home = asio::make_strand(w.io.get_executor());
    if (refresh_fails)
        w.source->fail(error_info(errc::authentication_failed, "The server says no."));
    constexpr int each_third = 3;
    std::vector<started<ticket>> calm;
    int thrown = 0;
    int caught = 0; // Asio hands out those of one turn together
    for (int i = 0; i < 30; ++i) {
        if (i % each_third != 0)
            calm.push_back(test::start(home, tickets.get_valid_ticket()));
        else
            asio::co_spawn(home, tickets.get_valid_ticket(),
                           [&thrown](const std::exception_ptr&, const ticket&) {
                               ++thrown;
                               throw std::runtime_error("the handler's own");
                           });
    }
    for (bool more = true; more;) {
        more = false;
        try {
            w.poll();
        } catch (const std::exception&) {
            ++caught;
            more = true;
        }
    }
    CHECK(thrown == 10);
    CHECK(caught > 0);
    for (const auto& caller : calm)
        CHECK((caller.done() && caller.failed() == refresh_fails));
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: callers on any executor resume on their own",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto mine = asio::make_strand(w.io.get_executor());
    const auto call = [](ticket_manager* manager, decltype(mine) home) -> awaitable<bool> {
        co_await manager->get_valid_ticket();
        const bool after_the_slow_way = home.running_in_this_thread();
        co_await manager->get_valid_ticket();
        co_return after_the_slow_way&& home.running_in_this_thread();
    };
    auto one = test::start(mine, call(&tickets, mine));
    w.poll();
    CHECK(one.get());
    CHECK(w.ends());
}

} // namespace ticket_cancel_test
