#include <parley/detail/on_strand.hpp>
#include <parley/with_timeout.hpp>

#include "async/condition.hpp"
#include "async/task_group.hpp"
#include "support/async_world.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace async_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("condition: notify_all wakes all waiters, also beside those that have left",
          "[component][condition]") {
    async_world w;
    condition changed(w.strand, w.clock);
    std::vector<started<void>> waiting;
    for (int i = 0; i < 4; ++i)
        waiting.push_back(start(w.strand, changed.wait_until()));
    auto late = start(w.strand, changed.wait_until(w.clock->now() + 1s));
    poll(w.io);
    waiting[0].cancel();
    waiting[2].cancel();
    pass(w.io, *w.clock, 1s);
    CHECK(late.done());
    CHECK_FALSE(waiting[1].done());
    asio::post(w.strand, [&] { changed.notify_all(); });
    poll(w.io);
    for (const auto& one : waiting)
        CHECK(one.done());
}

TEST_CASE("condition: a waiter may outlive the condition", "[component][condition]") {
    async_world w;
    auto changed = std::make_unique<condition>(w.strand, w.clock);
    auto first = start(w.strand, changed->wait_until(w.clock->now() + 1s));
    auto second = start(w.strand, changed->wait_until(w.clock->now() + 2s));
    poll(w.io);
    changed.reset();
    pass(w.io, *w.clock, 1s);
    CHECK(first.done());
    CHECK_FALSE(second.done());
    pass(w.io, *w.clock, 1s);
    CHECK(second.done());
    CHECK(out_of_work(w.io));
}

TEST_CASE("condition: a context destroyed with waiters leaves nothing behind",
          "[component][condition]") {
    std::weak_ptr<int> in_a_frame;
    {
        async_world w;
        const auto changed = std::make_shared<condition>(w.strand, w.clock);
        const auto wait = [](std::shared_ptr<condition> of,
                             std::shared_ptr<int>) -> awaitable<void> {
            co_await of->wait_until();
        };
        auto kept = std::make_shared<int>(1);
        in_a_frame = kept;
        asio::co_spawn(w.strand, wait(changed, std::move(kept)), asio::detached);
        asio::co_spawn(w.strand, wait(changed, nullptr), asio::detached);
        poll(w.io);
        CHECK_FALSE(in_a_frame.expired());
        asio::post(w.strand, [changed] { changed->notify_all(); }); // and they never get to it
    }
    CHECK(in_a_frame.expired());
}

TEST_CASE("task_group: join waits for every task, and cancel ends them",
          "[component][task_group]") {
    async_world w;
    task_group tasks(w.strand, w.clock, {});
    asio::post(w.strand, [&] {
        tasks.spawn([&] { return w.sleep(1h); });
        tasks.spawn([&] { return w.sleep(1s); });
    });
    poll(w.io);
    auto joined = start(w.strand, tasks.join());
    pass(w.io, *w.clock, 1s);
    auto joined_late = start(w.strand, tasks.join());
    poll(w.io);
    CHECK_FALSE(joined.done());
    CHECK_FALSE(joined_late.done()); // one is left
    asio::post(w.strand, [&] { tasks.cancel(); });
    poll(w.io);
    CHECK(joined.done());
    CHECK(joined_late.done());
    CHECK(tasks.empty());
    CHECK(out_of_work(w.io));
}

TEST_CASE("task_group: an exception of a task is reported, and a cancellation is not",
          "[component][task_group]") {
    async_world w;
    std::vector<std::string> reported;
    task_group tasks(w.strand, w.clock, [&](const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& thrown) {
            reported.emplace_back(thrown.what());
        }
    });
    asio::post(w.strand, [&] {
        tasks.spawn([&]() -> awaitable<void> { co_await w.failing(); });
        tasks.spawn([&] { return w.sleep(1h); });
    });
    pass(w.io, *w.clock, 1s);
    asio::post(w.strand, [&] { tasks.cancel(); });
    poll(w.io);
    REQUIRE(reported.size() == 1);
    CHECK(reported.front() == "no luck");
}

TEST_CASE("strand: an executor that is a strand already is recognised",
          "[component][threads][strand]") {
    asio::io_context io;
    asio::thread_pool pool(1);
    const auto direct = asio::make_strand(io);
    const auto erased = asio::make_strand(asio::any_io_executor(pool.get_executor()));
    const auto around_io = detail::strand::around(io.get_executor());
    const auto around_pool = detail::strand::around(pool.get_executor());

    CHECK(detail::strand::of(direct).executor() == direct);
    CHECK(detail::strand::of(erased).executor() == erased);
    CHECK(detail::strand::of(around_io).executor() == around_io.executor());
    CHECK(detail::strand::of(around_pool).executor() == around_pool.executor());

    const auto around_another = detail::strand::around(direct);
    CHECK(around_another.executor() != direct);
    CHECK(detail::strand::of(around_another).executor() == around_another.executor());
}

TEST_CASE("strand: post runs later, and dispatch runs at once where it may",
          "[component][strand]") {
    asio::io_context io;
    const asio::any_io_executor in_disguise = asio::make_strand(io);
    for (const auto& here :
         {detail::strand::around(io.get_executor()), detail::strand::around(in_disguise)}) {
        std::string order;
        const auto say = [&](char what) { order += here.running_in_this_thread() ? what : '?'; };
        here.dispatch([&] { say('a'); });
        asio::post(io, [&] {
            CHECK_FALSE(here.running_in_this_thread());
            here.post([&] {
                say('c');
                here.dispatch([&] { say('d'); });
                here.post([&] { say('f'); });
                say('e');
            });
            order += 'b';
        });
        order += '-';
        io.restart();
        io.run();
        CHECK(order == "-abcdef");
    }
    std::string order;
    const auto here = detail::strand::around(io.get_executor());
    asio::post(io, [&] {
        here.dispatch([&] { order += here.running_in_this_thread() ? 'a' : '?'; });
        order += 'b';
    });
    io.restart();
    io.run();
    CHECK(order == "ab");
}

TEST_CASE("strand: what is to run at once or never does one of them",
          "[component][strand][threads]") {
    asio::io_context io;
    const auto here = detail::strand::around(io.get_executor());
    int ran = 0;
    const auto work = [&] { ++ran; };
    CHECK_FALSE(here.run_now(work)); // this thread does not run the context
    CHECK_FALSE(detail::strand::around(asio::make_strand(io)).run_now(work));
    CHECK(io.run() == 0); // nothing was left behind
    CHECK(ran == 0);

    constexpr int calls = 4000;
    std::atomic<int> inside{0}, promised{0};
    std::atomic<bool> overlapped{false};
    int done = 0; // on the strand alone
    const auto one = [&] {
        if (inside.fetch_add(1) != 0) overlapped = true;
        ++done;
        inside.fetch_sub(1);
    };
    for (int i = 0; i < calls; ++i)
        asio::post(io, [&] {
            if (here.run_now(one))
                ++promised;
            else
                here.post([&, one] { one(), ++promised; });
        });
    io.restart();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] { io.run(); });
    for (auto& each : threads)
        each.join();
    CHECK(promised == calls);
    CHECK(done == calls);
    CHECK_FALSE(overlapped);

    asio::post(io, [&] { // code on the strand stays on it
        here.dispatch([&] { CHECK(here.run_now(work)); });
    });
    io.restart();
    io.run();
    CHECK(ran == 1);
}

TEST_CASE("strand: what was to run at once does not run later, on the same thread neither",
          "[component][strand][threads]") {
    asio::io_context io;
    const auto here = detail::strand::around(io.get_executor());
    std::latch taken(1), tried(1);
    here.post([&] {
        taken.count_down();
        tried.wait();
    });
    std::thread another([&] { io.run_one(); }); // and no more: what is left is this thread's
    taken.wait();
    int ran = 0;
    const auto work = [&] { ++ran; };

    bool promised = true;
    asio::post(io, [&] {
        promised = here.run_now(work);
        tried.count_down();
        another.join();
    });
    io.run();

    CHECK_FALSE(promised);
    CHECK(ran == 0);
}

TEST_CASE("on_strand: the caller resumes on its own executor", "[component][on_strand]") {
    async_world w;
    const auto callers = asio::make_strand(asio::any_io_executor(w.io.get_executor()));
    bool on_ours = false;
    bool on_theirs = false;
    auto calling = [&]() -> awaitable<void> {
        auto call = detail::on_strand<int>(w.strand, [&]() -> awaitable<int> {
            on_ours = w.strand.running_in_this_thread();
            return w.after_a_while(3);
        });
        co_await std::move(call);
        on_theirs = callers.running_in_this_thread();
    };
    auto call = start(callers, calling());
    pass(w.io, *w.clock, 1s);
    call.get();
    CHECK(on_ours);
    CHECK(on_theirs);
}

TEST_CASE("on_strand: any type of cancellation reaches the operation", "[component][on_strand]") {
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        async_world w;
        auto calling = [&]() -> awaitable<int> {
            co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
            auto going = detail::on_strand<int>(w.strand, [&] { return w.after_a_while(3); });
            co_return co_await std::move(going);
        };
        auto call = start(w.io, calling());
        poll(w.io);
        call.cancel(type);
        poll(w.io);
        CHECK(call.aborted());
        CHECK(out_of_work(w.io));
    }
}

TEST_CASE("on_strand: a call that is cancelled before it starts completes as aborted",
          "[component][on_strand]") {
    async_world w;
    auto call = start(w.io, detail::on_strand<int>(w.strand, [&] { return w.after_a_while(3); }));
    w.io.restart();
    w.io.run_one(); // the caller has started, the strand has not
    call.cancel();
    poll(w.io);
    CHECK(call.done());
    CHECK(call.aborted());
}

TEST_CASE("on_strand: a context destroyed with pending calls leaves nothing behind",
          "[component][on_strand]") {
    auto clock = std::make_shared<manual_clock>();
    auto held = std::make_shared<int>(0);
    {
        async_world w;
        w.clock = clock;
        auto going = [&w, held]() -> awaitable<int> {
            co_await w.sleep(1h);
            co_return *held;
        };
        auto call = start(w.io, detail::on_strand<int>(w.strand, going));
        poll(w.io);
        CHECK_FALSE(call.done());
        CHECK(held.use_count() > 1);
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("on_strand: a caller's signal may outlive the context", "[component][on_strand]") {
    auto clock = std::make_shared<manual_clock>();
    std::optional<started<int>> call;
    {
        async_world w;
        w.clock = clock;
        auto going = [&w]() -> awaitable<int> {
            co_await w.sleep(1h);
            co_return 1;
        };
        call = start(w.io, detail::on_strand<int>(w.strand, going));
        poll(w.io);
    }
    CHECK_FALSE(call->done());
    call.reset(); // and with it the signal, whose slot must hold nothing of the strand's
}

TEST_CASE("on_strand: calls from many threads, cancelled at random, complete once each",
          "[component][on_strand][threads]") {
    asio::thread_pool pool(4);
    const auto strand = asio::make_strand(asio::any_io_executor(pool.get_executor()));
    std::atomic<int> completed{0};
    std::atomic<int> inside{0};
    std::atomic<bool> overlapped{false};
    constexpr int calls = 2000;
    struct one_call {
        explicit one_call(const asio::any_io_executor& on) : home(asio::make_strand(on)) {}
        detail::strand::erased home;
        asio::cancellation_signal signal;
    };
    for (int i = 0; i < calls; ++i) {
        auto call = std::make_shared<one_call>(pool.get_executor());
        asio::post(call->home, [&, call, i] {
            auto operation = [&, i]() -> awaitable<int> {
                if (inside.fetch_add(1) != 0) overlapped = true;
                inside.fetch_sub(1);
                asio::steady_timer timer(strand, std::chrono::microseconds(i % 300));
                co_await timer.async_wait(asio::use_awaitable);
                co_return i;
            };
            asio::co_spawn(call->home, detail::on_strand<int>(strand, operation),
                           asio::bind_cancellation_slot(
                               call->signal.slot(), [&, call](const std::exception_ptr&, int) {
                                   if (!call->home.running_in_this_thread()) overlapped = true;
                                   ++completed;
                               }));
            if (i % 3 == 0)
                asio::post(call->home,
                           [call] { call->signal.emit(asio::cancellation_type::terminal); });
        });
    }
    pool.join();
    CHECK(completed == calls);
    CHECK_FALSE(overlapped);
}

TEST_CASE("with_timeout: an operation that completes in time returns its value",
          "[component][with_timeout]") {
    asio::io_context io;
    auto quick = []() -> awaitable<int> { co_return 5; };
    CHECK(run(io, with_timeout(quick(), 1h)) == 5);
}

TEST_CASE("with_timeout: the longest timeout means never, and it does not expire at once",
          "[component][with_timeout]") {
    asio::io_context io;
    const auto slow = [](asio::io_context* where) -> awaitable<int> {
        for (int turn = 0; turn < 1'000; ++turn)
            co_await asio::post(*where, asio::use_awaitable);
        co_return 5;
    };
    const auto outcome = [&](auto limit) {
        auto call = start(io, with_timeout(slow(&io), limit));
        io.restart();
        io.run();
        return call;
    };
    const auto check = [&]<class Unit>(Unit) {
        CHECK(outcome(Unit::max()).get() == 5);
        CHECK(outcome(Unit::max() - Unit(1)).get() == 5);
        CHECK(outcome(Unit::zero()).failed_with(errc::timed_out));
        CHECK(outcome(Unit(-1)).failed_with(errc::timed_out));
        CHECK(outcome(Unit::min()).failed_with(errc::timed_out));
    };
    check(std::chrono::nanoseconds());
    check(std::chrono::milliseconds());
    check(std::chrono::seconds());
    check(std::chrono::minutes());
    check(std::chrono::hours());
}

TEST_CASE("with_timeout: at the timeout the operation is cancelled, and its end is awaited",
          "[component][with_timeout]") {
    asio::io_context io;
    bool ended = false;
    auto slow = [&]() -> awaitable<void> {
        asio::steady_timer never(co_await asio::this_coro::executor,
                                 asio::steady_timer::time_point::max());
        try {
            co_await never.async_wait(asio::use_awaitable);
        } catch (...) {
            ended = true;
            throw;
        }
    };
    auto call = start(io, with_timeout(slow(), 1ms));
    io.run();
    CHECK(call.failed_with(errc::timed_out));
    CHECK(ended);
}

TEST_CASE("with_timeout: a cancelled caller cancels the operation", "[component][with_timeout]") {
    asio::io_context io;
    bool ended = false;
    auto slow = [&]() -> awaitable<void> {
        asio::steady_timer never(co_await asio::this_coro::executor,
                                 asio::steady_timer::time_point::max());
        try {
            co_await never.async_wait(asio::use_awaitable);
        } catch (...) {
            ended = true;
            throw;
        }
    };
    auto call = start(io, with_timeout(slow(), 1h));
    poll(io);
    call.cancel();
    poll(io);
    CHECK(call.aborted());
    CHECK(ended);
    CHECK(out_of_work(io));
}

} // namespace async_test
