#include "support/catch.hpp"
#include "support/gated_lookups.hpp"
#include "support/wire_fixture.hpp"
#include "transport/dial.hpp"
#include "transport/resolve.hpp"

#include <memory>
#include <stdexcept>
#include <string>
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
    CHECK(gate.begun("late.test") == 0); // nobody wanted it any more
}

TEST_CASE("resolve: a context that goes does not wait for its lookups",
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

TEST_CASE("resolve: localhost is this machine, whatever a name server says",
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

TEST_CASE("resolve: getaddrinfo answers with endpoints", "[loopback][resolve]") {
    const auto found = system_lookup("127.0.0.1", 80);
    REQUIRE(found.endpoints.size() == 1);
    CHECK(found.endpoints.front().address().is_loopback());
    CHECK(found.endpoints.front().port() == 80);
}

} // namespace resolve_test
