#include "net/dial.hpp"
#include "net/resolve.hpp"
#include "support/catch.hpp"
#include "support/gated_lookups.hpp"
#include "support/wire_fixture.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace resolve_test {

using namespace parley;
using namespace parley::test;

namespace {

class asker {
public:
    wire here;
    std::shared_ptr<stop_signal> stop = std::make_shared<stop_signal>();

    started<result<tcp_endpoints>> ask(resolver& from, const std::string& host,
                                       std::chrono::milliseconds within = wire::patience) {
        return start(here.strand, from.resolve(here.strand, here.clock, host, 80,
                                               after(here.clock->now(), within), stop));
    }
};

/// So many threads can be had.
class scarce_threads {
public:
    explicit scarce_threads(std::errc without) : why_(without) {}

    thread_starter starter() {
        return [this](std::function<void()> body) {
            if (left == 0 && why_ == std::errc::not_enough_memory) throw std::bad_alloc();
            if (left == 0) throw std::system_error(std::make_error_code(why_));
            --left;
            start_thread(std::move(body));
        };
    }

    unsigned left = 0;

private:
    std::errc why_;
};

} // namespace

TEST_CASE("resolve: an address needs no lookup", "[loopback][resolve]") {
    resolver names([](const std::string&, std::uint16_t) -> lookup_answer {
        throw std::runtime_error("looked up");
    });
    asker one;
    for (const char* address : {"192.0.2.7", "2001:db8::1"}) {
        const auto found = one.here.run(names.resolve(one.here.strand, one.here.clock, address, 80,
                                                      time_point::max(), one.stop));
        REQUIRE(found);
        CHECK(found->front().address() == asio::ip::make_address(address));
    }
}

TEST_CASE("resolve: callers of one name share a lookup", "[loopback][resolve]") {
    gated_lookups gate;
    resolver names(gate.function());
    asker one;
    auto first = one.ask(names, "a.test");
    auto second = one.ask(names, "a.test");
    auto other = one.ask(names, "b.test");
    poll(one.here.io);
    gate.await_hosts(2);
    gate.open();
    REQUIRE(one.here.until([&] { return first.done() && second.done() && other.done(); }));
    CHECK(first.get().value() == second.get().value());
    CHECK(gate.begun("a.test") == 1);
    CHECK(gate.begun("b.test") == 1);
}

TEST_CASE("resolve: the ninth lookup waits for a thread within its own time",
          "[loopback][resolve][C42]") {
    gated_lookups gate;
    resolver names(gate.function());
    asker one;
    std::vector<started<result<tcp_endpoints>>> eight;
    for (int count = 0; count < 8; ++count)
        eight.push_back(one.ask(names, "host" + std::to_string(count)));
    poll(one.here.io);
    gate.await_hosts(8);
    CHECK(names.running() == 8);
    auto late = one.ask(names, "late.test", std::chrono::milliseconds(30));
    auto patient = one.ask(names, "patient.test");
    REQUIRE(one.here.until([&late] { return late.done(); }));
    CHECK(late.get().error().is(errc::resolve_timeout));
    CHECK(gate.begun("late.test") == 0);

    gate.open();
    REQUIRE(one.here.until([&patient] { return patient.done(); }));
    CHECK(patient.get());
    CHECK(gate.begun("late.test") == 0); // it was no longer needed
}

TEST_CASE("resolve: without a thread each lookup fails at once, and later ones work",
          "[loopback][resolve]") {
    const auto why =
        GENERATE(std::errc::resource_unavailable_try_again, std::errc::not_enough_memory);
    scarce_threads threads(why);
    gated_lookups gate;
    gate.open();
    resolver names(gate.function(), resolver::default_threads, threads.starter());
    asker one;
    for (int round = 0; round < 2; ++round) {
        threads.left = 0;
        std::vector<started<result<tcp_endpoints>>> all;
        for (const char* host : {"a.test", "a.test", "b.test", "a.test"})
            all.push_back(one.ask(names, host, std::chrono::hours(1)));
        poll(one.here.io);
        for (const auto& each : all) {
            REQUIRE(each.done());
            REQUIRE_FALSE(each.get());
            CHECK(each.get().error().is(errc::resolve_failed));
            CHECK(each.get().error().details.retryable);
            CHECK(each.get().error().details.reason == "no thread could be started for it");
        }
        CHECK(names.running() == 0);
        CHECK(gate.begun("a.test") == static_cast<unsigned>(round));

        threads.left = 1;
        auto again = one.ask(names, "a.test");
        REQUIRE(one.here.until([&again] { return again.done(); }));
        CHECK(again.get());
        REQUIRE(one.here.until([&names] { return names.running() == 0; }));
    }
}

TEST_CASE("resolve: a lookup without a new thread is done by the running ones",
          "[loopback][resolve]") {
    for (unsigned had = 1; had < 4; ++had) {
        CAPTURE(had);
        scarce_threads threads(std::errc::resource_unavailable_try_again);
        threads.left = had;
        gated_lookups gate;
        resolver names(gate.function(), 4, threads.starter());
        asker one;
        std::vector<started<result<tcp_endpoints>>> all;
        for (int count = 0; count < 6; ++count)
            all.push_back(one.ask(names, "host" + std::to_string(count)));
        poll(one.here.io);
        gate.await_hosts(had);
        CHECK(names.running() == had);
        gate.open();
        REQUIRE(one.here.until([&] {
            return std::all_of(all.begin(), all.end(),
                               [](const auto& each) { return each.done(); });
        }));
        for (const auto& each : all)
            CHECK(each.get());
    }
}

TEST_CASE("resolve: destroying the context does not wait for its lookups",
          "[loopback][resolve][C41]") {
    gated_lookups gate;
    resolver names(gate.function());
    {
        asker one;
        one.ask(names, "a.test");
        one.ask(names, "a.test");
        poll(one.here.io);
        gate.await_hosts(1);
    }
    gate.open();
    asker two;
    auto again = two.ask(names, "b.test");
    REQUIRE(two.here.until([&again] { return again.done(); }));
    CHECK(again.get());
}

TEST_CASE("resolve: a caller that is cancelled leaves the others alone", "[loopback][resolve]") {
    gated_lookups gate;
    resolver names(gate.function());
    asker one;
    auto leaving = one.ask(names, "a.test");
    auto staying = one.ask(names, "a.test");
    poll(one.here.io);
    leaving.cancel();
    REQUIRE(one.here.until([&leaving] { return leaving.done(); }));
    CHECK(leaving.aborted());
    CHECK_FALSE(staying.done());
    gate.open();
    REQUIRE(one.here.until([&staying] { return staying.done(); }));
    CHECK(staying.get());
}

TEST_CASE("resolve: localhost is this machine, whatever a name server answers",
          "[loopback][resolve]") {
    gated_lookups never;
    resolver names(never.function());
    asker one;
    const auto found = one.here.run(names.resolve(one.here.strand, one.here.clock, "localhost", 80,
                                                  time_point::max(), one.stop));
    REQUIRE(found);
    REQUIRE(found->size() == 2);
    for (const auto& each : *found) {
        CHECK(each.address().is_loopback());
        CHECK(each.port() == 80);
    }
    CHECK(never.begun("localhost") == 0);
}

TEST_CASE("resolve: getaddrinfo returns endpoints", "[loopback][resolve]") {
    const auto found = system_lookup("127.0.0.1", 80);
    REQUIRE(found.endpoints.size() == 1);
    CHECK(found.endpoints.front().address().is_loopback());
    CHECK(found.endpoints.front().port() == 80);
}

} // namespace resolve_test
