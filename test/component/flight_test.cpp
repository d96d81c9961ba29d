#include "async/close_later.hpp"
#include "async/flight.hpp"
#include "support/async_world.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace flight_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("flight: one operation serves all who join it", "[component][flight]") {
    async_world w;
    int started_operations = 0;
    auto shared = flight<int>::start(w.strand, w.clock, [&] {
        ++started_operations;
        return w.after_a_while(7);
    });
    std::vector<started<int>> joined;
    for (int i = 0; i < 100; ++i)
        joined.push_back(start(w.strand, shared->join()));
    poll(w.io);
    CHECK_FALSE(shared->done());
    pass(w.io, *w.clock, 1s);
    for (const auto& one : joined)
        CHECK(one.get() == 7);
    CHECK(started_operations == 1);
}

TEST_CASE("flight: a cancelled waiter leaves, and the others get the outcome",
          "[component][flight]") {
    async_world w;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto leaves = start(w.strand, shared->join());
    auto stays = start(w.strand, shared->join());
    poll(w.io);
    leaves.cancel();
    poll(w.io);
    CHECK(leaves.aborted());
    CHECK_FALSE(stays.done());
    pass(w.io, *w.clock, 1s);
    CHECK(stays.get() == 7);
}

TEST_CASE("flight: an exception reaches every waiter", "[component][flight]") {
    async_world w;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.failing(); });
    auto first = start(w.strand, shared->join());
    auto second = start(w.strand, shared->join());
    pass(w.io, *w.clock, 1s);
    CHECK_THROWS_AS(first.get(), std::runtime_error);
    CHECK_THROWS_AS(second.get(), std::runtime_error);
    CHECK_THROWS_AS(shared->get(), std::runtime_error);
}

TEST_CASE("flight: a waiter's deadline ends his wait and nothing else", "[component][flight]") {
    async_world w;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto waited = start(w.strand, shared->wait_until(w.clock->now() + 300ms));
    pass(w.io, *w.clock, 299ms);
    CHECK_FALSE(waited.done());
    pass(w.io, *w.clock, 1ms);
    CHECK(waited.done());
    CHECK_FALSE(shared->done());
    pass(w.io, *w.clock, 1s);
    CHECK(shared->get() == 7);
}

TEST_CASE("flight: cancel ends the operation for everybody", "[component][flight]") {
    async_world w;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto joined = start(w.strand, shared->join());
    poll(w.io);
    asio::post(w.strand, [&] { shared->cancel(); });
    poll(w.io);
    CHECK(joined.aborted());
    CHECK(out_of_work(w.io));
}

TEST_CASE("flight: a waiter who is cancelled twice leaves once", "[component][flight]") {
    async_world w;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto leaves = start(w.strand, shared->join());
    poll(w.io);
    asio::post(w.strand, [&] { // both before he could leave, and the landing after them
        leaves.cancel();
        leaves.cancel();
        shared->abandon(std::make_exception_ptr(std::runtime_error("given up")));
    });
    poll(w.io);
    CHECK(leaves.done());
    CHECK(out_of_work(w.io));
}

TEST_CASE("flight: who abandons it is not interrupted by its waiters", "[component][flight]") {
    async_world w;
    bool told = false;
    auto shared = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto joined = start(w.strand, [](auto flown, bool& heard) -> awaitable<int> {
        auto waiting = flown->join();
        try {
            co_return co_await std::move(waiting);
        } catch (const std::runtime_error&) {
            heard = true;
            throw;
        }
    }(shared, told));
    poll(w.io);
    bool told_within = true;
    asio::post(w.strand, [&] {
        shared->abandon(std::make_exception_ptr(std::runtime_error("given up")));
        told_within = told;
    });
    poll(w.io);
    CHECK_FALSE(told_within);
    CHECK(told);
    CHECK_THROWS_AS(joined.get(), std::runtime_error);
}

TEST_CASE("flight: a context destroyed with waiters leaves nothing behind", "[component][flight]") {
    auto clock = std::make_shared<manual_clock>();
    auto held = std::make_shared<int>(7);
    {
        async_world w;
        w.clock = clock;
        // One that waits for another, as a close does for the one below it.
        auto below = flight<int>::start(w.strand, w.clock, [&] { return w.after_a_while(*held); });
        auto above = flight<int>::start(w.strand, w.clock, [below, held]() -> awaitable<int> {
            auto waiting = below->join();
            co_return co_await std::move(waiting) + *held;
        });
        auto joined = start(w.strand, [](auto flown, auto kept) -> awaitable<int> {
            auto waiting = flown->join();
            co_return co_await std::move(waiting) + *kept;
        }(above, held));
        poll(w.io);
        CHECK_FALSE(joined.done());
        CHECK(held.use_count() > 2);
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("close_later: what comes of an outcome comes first", "[component][close_later]") {
    async_world w;
    std::string order;
    const auto lets_go = [&order](int*) { order += "closed "; };
    asio::post(w.strand, [&] {
        int none = 0;
        close_later(w.strand, std::shared_ptr<int>(&none, lets_go), 2);
        asio::post(w.io, [&] { // as to a caller who goes on with it
            order += "told ";
            asio::post(w.strand, [&] { order += "goes-on "; });
        });
    });
    poll(w.io);
    CHECK(order == "told goes-on closed ");
    CHECK(out_of_work(w.io));
}

TEST_CASE("close_later: a context destroyed first takes it along", "[component][close_later]") {
    auto socket = std::make_shared<int>(0);
    {
        async_world w;
        close_later(w.strand, socket, 3);
        w.io.run_one();
        CHECK(socket.use_count() == 2);
    }
    CHECK(socket.use_count() == 1);
}

} // namespace flight_test
