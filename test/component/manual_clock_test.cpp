#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"
#include "transport/environment.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace manual_clock_test {

using namespace std::chrono_literals;
using parley::awaitable;
using parley::test::manual_clock;

namespace test = parley::test;

namespace {

awaitable<void> sleep_until(std::shared_ptr<manual_clock> clock, parley::time_point until, int name,
                            std::vector<int>* woken) {
    auto bell = clock->make_alarm(co_await boost::asio::this_coro::executor);
    while (clock->now() < until)
        co_await bell->wait_until(until);
    woken->push_back(name);
}

struct fixture {
    boost::asio::io_context io;
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    std::vector<int> woken;

    test::started<void> sleeper(std::chrono::milliseconds delay, int name) {
        auto one = test::start(io, sleep_until(clock, clock->now() + delay, name, &woken));
        test::poll(io);
        return one;
    }
};

} // namespace

TEST_CASE("manual_clock: releases waits by deadline and then by age, never inline",
          "[component][manual_clock]") {
    fixture f;
    f.sleeper(3s, 3);
    f.sleeper(1s, 1);
    f.sleeper(1s, 2);
    f.sleeper(9s, 9);
    CHECK(f.clock->sleepers() == 4);
    CHECK(f.clock->next_deadline() == f.clock->now() + 1s);

    f.clock->advance(5s);
    CHECK(f.woken.empty());
    test::poll(f.io);
    CHECK(f.woken == std::vector{1, 2, 3});

    CHECK(f.clock->advance_to_next());
    CHECK(test::out_of_work(f.io));
    CHECK(f.woken == std::vector{1, 2, 3, 9});
    CHECK_FALSE(f.clock->advance_to_next());
}

TEST_CASE("manual_clock: a cancelled wait leaves the list", "[component][manual_clock]") {
    fixture f;
    auto one = f.sleeper(1s, 1);
    auto other = f.sleeper(1s, 2);
    one.cancel();
    test::poll(f.io);
    CHECK(one.aborted());
    CHECK_FALSE(other.done());
    CHECK(f.clock->sleepers() == 1);
    f.clock->advance(1s);
    CHECK(test::out_of_work(f.io));
    CHECK(f.woken == std::vector{2});
}

TEST_CASE("manual_clock: advancing goes from deadline to deadline", "[component][manual_clock]") {
    fixture f;
    const auto begin = f.clock->now();
    auto in_turn = [](std::shared_ptr<manual_clock> clock,
                      std::vector<int>* woken) -> awaitable<void> {
        for (int turn = 1; turn <= 3; ++turn) {
            auto next = clock->now() + 1s;
            co_await sleep_until(clock, next, turn, woken);
        }
    };
    auto turns = test::start(f.io, in_turn(f.clock, &f.woken));
    test::pass(f.io, *f.clock, 2500ms);
    CHECK(f.woken == std::vector{1, 2});
    CHECK(f.clock->now() == begin + 2500ms);
    test::pass(f.io, *f.clock, 500ms);
    CHECK(turns.done());
}

TEST_CASE("manual_clock: the wall clock moves with the steady one, and alone",
          "[component][manual_clock]") {
    manual_clock clock;
    const auto wall = clock.wall_now();
    const auto steady = clock.now();
    clock.advance(2s);
    clock.step_wall(-1h);
    CHECK(clock.wall_now() == wall + 2s - 1h);
    CHECK(clock.now() == steady + 2s);
    clock.set_wall(wall);
    CHECK(clock.wall_now() == wall);
}

TEST_CASE("manual_clock: destroying the context frees the waiters", "[component][manual_clock]") {
    auto clock = std::make_shared<manual_clock>();
    std::vector<int> woken;
    {
        boost::asio::io_context io;
        test::start(io, sleep_until(clock, clock->now() + 1s, 1, &woken));
        test::poll(io);
        CHECK(clock->sleepers() == 1);
    }
    CHECK(clock->sleepers() == 0);
    clock->advance(2s);
    CHECK(woken.empty());
}

TEST_CASE("alarm: calls once, on the executor and never inline, when rung or when due",
          "[component][alarm]") {
    const bool real = GENERATE(false, true);
    fixture f;
    const auto clock =
        real ? parley::real_environment()->clock() : std::shared_ptr<parley::clock_source>(f.clock);
    const auto later = clock->now() + 1h;
    auto bell = clock->make_alarm(f.io.get_executor());
    const auto call = [&f](int name) { return [&f, name] { f.woken.push_back(name); }; };

    bell->call_at(clock->now() - 1s, call(1));
    CHECK(f.woken.empty());
    f.io.run();
    CHECK(f.woken == std::vector{1});

    bell->call_at(later, call(2));
    test::poll(f.io);
    CHECK(f.woken == std::vector{1});
    bell->ring();
    CHECK(f.woken == std::vector{1});
    test::poll(f.io);
    bell->ring();
    test::poll(f.io);
    CHECK(f.woken == std::vector{1, 2});

    bell->call_at(later, call(3));
    bell->call_at(clock->now() - 1s, call(4)); // replaces it
    f.io.restart();
    f.io.run();
    CHECK(f.woken == std::vector{1, 2, 4});

    bell->call_at(later, call(5));
    bell->ring();
    bell.reset(); // neither is called, though the first is on its way
    CHECK(test::out_of_work(f.io));
    CHECK(f.woken == std::vector{1, 2, 4});
}

TEST_CASE("alarm: a call may set the next one, or destroy the alarm", "[component][alarm]") {
    fixture f;
    std::unique_ptr<parley::alarm> bell = f.clock->make_alarm(f.io.get_executor());
    bell->call_at(f.clock->now() + 1s, [&] {
        f.woken.push_back(1);
        bell->call_at(f.clock->now() + 1s, [&] {
            f.woken.push_back(2);
            bell.reset();
        });
    });
    test::pass(f.io, *f.clock, 1s);
    CHECK(f.woken == std::vector{1});
    test::pass(f.io, *f.clock, 1s);
    CHECK(f.woken == std::vector{1, 2});
    CHECK(test::out_of_work(f.io));
}

} // namespace manual_clock_test
