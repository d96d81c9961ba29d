#include <parley/detail/on_strand.hpp>

#include "async/shared_awaitable.hpp"
#include "support/async_world.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace shared_awaitable_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("shared_awaitable: one operation serves all waiters", "[component][shared_awaitable]") {
    async_world w;
    int started_operations = 0;
    auto shared = shared_awaitable<int>::start(w.strand, w.clock, [&] {
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

TEST_CASE("shared_awaitable: a cancelled waiter leaves, and the others get the outcome",
          "[component][shared_awaitable]") {
    async_world w;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
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

TEST_CASE("shared_awaitable: an exception reaches every waiter", "[component][shared_awaitable]") {
    async_world w;
    auto shared = shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.failing(); });
    auto first = start(w.strand, shared->join());
    auto second = start(w.strand, shared->join());
    pass(w.io, *w.clock, 1s);
    CHECK_THROWS_AS(first.get(), std::runtime_error);
    CHECK_THROWS_AS(second.get(), std::runtime_error);
    CHECK_THROWS_AS(shared->get(), std::runtime_error);
}

TEST_CASE("shared_awaitable: the deadline of a waiter ends its wait and nothing else",
          "[component][shared_awaitable]") {
    async_world w;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto waited = start(w.strand, shared->wait_until(w.clock->now() + 300ms));
    pass(w.io, *w.clock, 299ms);
    CHECK_FALSE(waited.done());
    pass(w.io, *w.clock, 1ms);
    CHECK(waited.done());
    CHECK_FALSE(shared->done());
    pass(w.io, *w.clock, 1s);
    CHECK(shared->get() == 7);
}

TEST_CASE("shared_awaitable: cancel ends the operation for all waiters",
          "[component][shared_awaitable]") {
    async_world w;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto joined = start(w.strand, shared->join());
    poll(w.io);
    asio::post(w.strand, [&] { shared->cancel(); });
    poll(w.io);
    CHECK(joined.aborted());
    CHECK(out_of_work(w.io));
}

TEST_CASE("shared_awaitable: a waiter that is cancelled twice leaves once",
          "[component][shared_awaitable]") {
    async_world w;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto leaves = start(w.strand, shared->join());
    poll(w.io);
    asio::post(w.strand, [&] { // both before it could leave, and the completion after them
        leaves.cancel();
        leaves.cancel();
        shared->abandon(std::make_exception_ptr(std::runtime_error("given up")));
    });
    poll(w.io);
    CHECK(leaves.done());
    CHECK(out_of_work(w.io));
}

TEST_CASE("shared_awaitable: abandon resumes no waiter inline", "[component][shared_awaitable]") {
    async_world w;
    bool told = false;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto joined = start(w.strand, [](auto joined_to, bool& heard) -> awaitable<int> {
        auto waiting = joined_to->join();
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

TEST_CASE("shared_awaitable: a context destroyed with waiters leaves nothing behind",
          "[component][shared_awaitable]") {
    auto clock = std::make_shared<manual_clock>();
    auto held = std::make_shared<int>(7);
    {
        async_world w;
        w.clock = clock;
        // One that waits for another, as a disconnect waits for an opening.
        auto below =
            shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(*held); });
        auto above =
            shared_awaitable<int>::start(w.strand, w.clock, [below, held]() -> awaitable<int> {
                auto waiting = below->join();
                co_return co_await std::move(waiting) + *held;
            });
        auto joined = start(w.strand, [](auto joined_to, auto kept) -> awaitable<int> {
            auto waiting = joined_to->join();
            co_return co_await std::move(waiting) + *kept;
        }(above, held));
        poll(w.io);
        CHECK_FALSE(joined.done());
        CHECK(held.use_count() > 2);
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("shared_awaitable: with join_or_cancel the last waiter that leaves cancels the operation",
          "[component][shared_awaitable]") {
    async_world w;
    auto shared =
        shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
    auto first = start(w.strand, shared->join_or_cancel());
    auto last = start(w.strand, shared->join_or_cancel());
    poll(w.io);
    first.cancel();
    poll(w.io);
    CHECK(first.aborted());
    CHECK_FALSE(shared->stopping());
    last.cancel();
    poll(w.io);
    CHECK(last.aborted());
    CHECK(shared->done());
    CHECK(out_of_work(w.io));
}

TEST_CASE("shared_awaitable: an operation that ignores its cancellation is stopping until it ends",
          "[component][shared_awaitable]") {
    async_world w;
    condition ends(w.strand, w.clock);
    auto deaf = [&ends]() -> awaitable<int> {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await ends.wait_until();
        co_return 7;
    };
    auto shared = shared_awaitable<int>::start(w.strand, w.clock, deaf);
    poll(w.io);
    asio::post(w.strand, [&] { shared->cancel(); });
    poll(w.io);
    CHECK(shared->stopping());
    asio::post(w.strand, [&] { ends.notify_all(); });
    poll(w.io);
    CHECK(shared->done());
    CHECK_FALSE(shared->stopping());
    CHECK(shared->get() == 7);
}

TEST_CASE("shared_awaitable: a waiter joins from any executor, and resumes on its own",
          "[component][shared_awaitable]") {
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        async_world w;
        const auto callers = asio::make_strand(asio::any_io_executor(w.io.get_executor()));
        auto shared =
            shared_awaitable<int>::start(w.strand, w.clock, [&] { return w.after_a_while(7); });
        bool on_own = false;
        auto joining = [&]() -> awaitable<int> {
            co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
            auto going = parley::detail::on_strand<int>(w.strand, [&] { return shared->join(); });
            const int got = co_await std::move(going);
            on_own = callers.running_in_this_thread();
            co_return got;
        };
        auto leaves = start(callers, joining());
        auto stays = start(callers, joining());
        poll(w.io);
        leaves.cancel(type);
        poll(w.io);
        CHECK(leaves.aborted());
        pass(w.io, *w.clock, 1s);
        CHECK(stays.get() == 7);
        CHECK(on_own);
        CHECK(out_of_work(w.io));
    }
}

} // namespace shared_awaitable_test
