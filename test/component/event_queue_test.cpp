#include <parley/detail/on_strand.hpp>

#include "message/event_queue.hpp"
#include "support/catch.hpp"
#include "support/event_text.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace event_queue_test {

using namespace parley;
using parley::test::event_text;
using parley::test::manual_clock;

namespace {

using lines = std::vector<std::string>;

limits_config limits(std::size_t count, std::size_t bytes = 1u << 20) {
    limits_config made;
    made.event_count = count;
    made.event_bytes = bytes;
    return made;
}

struct fixture {
    explicit fixture(limits_config bounds = limits(100),
                     event_queue::before_first unread = event_queue::before_first::wait)
        : strand(asio::make_strand(io)), queue(strand, clock, bounds, unread) {}

    void push(std::string text) { queue.push(text_delta{std::move(text)}); }

    /// What the queue has at once; `nothing` when a caller would wait.
    std::string next() {
        auto one = test::start(io, queue.next());
        test::poll(io);
        if (!one.done()) {
            one.cancel();
            test::poll(io);
            return "nothing";
        }
        const auto happened = one.get();
        return happened ? event_text(*happened) : "end";
    }

    asio::io_context io;
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    asio::any_io_executor strand;
    event_queue queue;
};

awaitable<bool> next_without_suspending(fixture& here) {
    bool others_ran = false;
    asio::post(here.io, [&others_ran] { others_ran = true; });
    auto taken = co_await here.queue.next();
    co_return taken.has_value() && !others_ran;
}

} // namespace

TEST_CASE("event_queue: returns events in their order", "[component][event_queue]") {
    fixture here;
    here.push("1");
    here.push("2");

    CHECK(here.next() == "text 1");
    CHECK(here.next() == "text 2");
    CHECK(here.next() == "nothing");
}

TEST_CASE("event_queue: a queued event is returned without suspending",
          "[component][event_queue]") {
    fixture here;
    here.push("1");

    CHECK(test::run(here.io, next_without_suspending(here)));
}

TEST_CASE("event_queue: an event resumes a waiter", "[component][event_queue]") {
    fixture here;
    auto waiting = test::start(here.io, here.queue.next());
    test::poll(here.io);
    REQUIRE_FALSE(waiting.done());

    here.push("1");
    test::poll(here.io);

    REQUIRE(waiting.done());
    CHECK(event_text(*waiting.get()) == "text 1");
}

TEST_CASE("event_queue: a waiter resumes on its own executor", "[component][event_queue]") {
    fixture here;
    asio::io_context callers;
    auto waiting = test::start(callers, here.queue.next());
    callers.poll();
    test::poll(here.io);

    here.push("1");
    test::poll(here.io);
    CHECK_FALSE(waiting.done());
    callers.poll();

    CHECK(waiting.done());
}

TEST_CASE("event_queue: each event goes to one waiter", "[component][event_queue]") {
    fixture here;
    auto first = test::start(here.io, here.queue.next());
    auto second = test::start(here.io, here.queue.next());
    test::poll(here.io);

    here.push("1");
    test::poll(here.io);
    CHECK(first.done() != second.done());

    here.push("2");
    test::poll(here.io);
    CHECK(first.done());
    CHECK(second.done());
    CHECK(event_text(*first.get()) != event_text(*second.get()));
}

TEST_CASE("event_queue: a cancelled waiter leaves the events to others",
          "[component][event_queue]") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    const bool pushed_first = GENERATE(false, true);
    fixture here;
    auto call = [](event_queue& queue) -> awaitable<std::optional<event>> {
        co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
        co_return co_await queue.next();
    };
    auto waiting = test::start(here.io, call(here.queue));
    test::poll(here.io);

    if (pushed_first) here.push("1");
    waiting.cancel(type);
    test::poll(here.io);
    if (!pushed_first) here.push("1");

    REQUIRE(waiting.done());
    if (waiting.failed()) {
        CHECK(waiting.aborted());
        CHECK(here.next() == "text 1");
    } else {
        CHECK(pushed_first);
        CHECK(event_text(*waiting.get()) == "text 1");
    }
}

TEST_CASE("event_queue: closed, it returns the queued events and then the end",
          "[component][event_queue]") {
    fixture here;
    here.push("1");
    here.queue.close();
    here.push("2");

    CHECK(here.next() == "text 1");
    CHECK(here.next() == "end");
    CHECK(here.next() == "end");
}

TEST_CASE("event_queue: the end reaches all waiters", "[component][event_queue]") {
    fixture here;
    auto first = test::start(here.io, here.queue.next());
    auto second = test::start(here.io, here.queue.next());
    test::poll(here.io);

    here.queue.close();
    test::poll(here.io);

    REQUIRE(first.done());
    REQUIRE(second.done());
    CHECK_FALSE(first.get());
    CHECK_FALSE(second.get());
}

TEST_CASE("event_queue: reopened, it returns the old events before the new ones",
          "[component][event_queue]") {
    fixture here;
    here.push("1");
    here.push("2");
    here.queue.close();
    CHECK(here.next() == "text 1");
    here.queue.reopen();
    here.push("3");
    here.queue.close();
    here.queue.reopen();
    here.push("4");

    for (const auto* text : {"text 2", "text 3", "text 4", "nothing"})
        CHECK(here.next() == text);
}

TEST_CASE("event_queue: reopened, it is as full as it was", "[component][event_queue]") {
    const auto bounds = GENERATE(limits(2), limits(100, 10));
    fixture here{bounds};
    here.push("12345");
    here.push("67890");
    here.queue.close();
    here.queue.reopen();
    CHECK(here.queue.full());
    auto waiting = test::start(here.strand, here.queue.wait_for_room());
    test::poll(here.io);
    CHECK_FALSE(waiting.done());
    here.next();
    CHECK_FALSE(here.queue.full());
    CHECK(waiting.done());
}

TEST_CASE("event_queue: a waiter from before a close gets the earlier events, and then the end",
          "[component][event_queue]") {
    fixture here;
    auto first = test::start(here.io, here.queue.next());
    auto second = test::start(here.io, here.queue.next());
    test::poll(here.io);
    here.push("old");
    here.queue.close();
    here.queue.reopen();
    here.push("new");
    test::poll(here.io);

    REQUIRE(first.done());
    REQUIRE(second.done());
    const bool first_has_it = first.get().has_value();
    CHECK(first_has_it != second.get().has_value());
    CHECK(event_text(*(first_has_it ? first : second).get()) == "text old");
    CHECK(here.next() == "text new");
}

TEST_CASE("event_queue: a waiter from before a close gets the end, also when the queue is reopened "
          "at once",
          "[component][event_queue]") {
    fixture here;
    auto waiting = test::start(here.io, here.queue.next());
    test::poll(here.io);

    here.queue.close();
    here.queue.reopen();
    here.push("new");
    test::poll(here.io);

    REQUIRE(waiting.done());
    CHECK_FALSE(waiting.get());
    CHECK(here.next() == "text new");
}

TEST_CASE("event_queue: aborted, it ends every present and later call",
          "[component][event_queue]") {
    fixture here;
    auto waiting = test::start(here.io, here.queue.next());
    test::poll(here.io);
    here.push("1");

    here.queue.abort();
    test::poll(here.io);
    auto late = test::start(here.io, here.queue.next());
    test::poll(here.io);

    CHECK(waiting.aborted());
    CHECK(late.aborted());
}

TEST_CASE("event_queue: is full at its count limit, and accepts events all the same",
          "[component][event_queue]") {
    fixture here{limits(2)};
    here.push("1");
    CHECK_FALSE(here.queue.full());
    here.push("2");
    CHECK(here.queue.full());
    here.push("3");

    CHECK(here.next() == "text 1");
    CHECK(here.queue.full());
    CHECK(here.next() == "text 2");
    CHECK_FALSE(here.queue.full());
    CHECK(here.next() == "text 3");
}

TEST_CASE("event_queue: is full at its byte limit", "[component][event_queue]") {
    fixture here{limits(100, 1'000)};
    here.push(std::string(999, 'x'));
    CHECK_FALSE(here.queue.full());

    tool_finished with_result;
    with_result.result = json_text::from_string("x");
    here.queue.push(with_result);
    CHECK(here.queue.full());

    here.next();
    CHECK_FALSE(here.queue.full());
}

TEST_CASE("event_queue: a limit of 0 still admits one event", "[component][event_queue]") {
    fixture here{limits(0, 0)};
    CHECK_FALSE(here.queue.full());
    here.push("1");
    CHECK(here.queue.full());
    CHECK(here.next() == "text 1");
    CHECK_FALSE(here.queue.full());
}

TEST_CASE("event_queue: the producer waits for space, and taking an event makes some",
          "[component][event_queue]") {
    fixture here{limits(2)};
    test::run(here.io, here.queue.wait_for_room());
    here.push("1");
    here.push("2");
    here.push("3");
    auto waiting = test::start(here.strand, here.queue.wait_for_room());
    test::poll(here.io);

    here.next();
    CHECK_FALSE(waiting.done()); // two are left: still full
    here.next();
    CHECK(waiting.done());
}

TEST_CASE("event_queue: its end ends the wait for space", "[component][event_queue]") {
    const auto end = GENERATE(&event_queue::close, &event_queue::abort);
    fixture here{limits(1)};
    here.push("1");
    auto waiting = test::start(here.strand, here.queue.wait_for_room());
    test::poll(here.io);
    REQUIRE_FALSE(waiting.done());

    (here.queue.*end)();
    test::poll(here.io);

    CHECK(waiting.done());
}

TEST_CASE("event_queue: leaves nothing to run when it is aborted", "[component][event_queue]") {
    fixture here{limits(1)};
    auto reader = test::start(here.io, here.queue.next());
    test::poll(here.io);

    here.queue.abort();

    CHECK(test::out_of_work(here.io));
    CHECK(reader.aborted());
}

TEST_CASE("event_queue: the context may be destroyed while a caller waits",
          "[component][event_queue]") {
    auto here = std::make_unique<fixture>(limits(1));
    bool ended = false;
    auto wait = [](fixture& in, bool& over) -> awaitable<void> {
        co_await in.queue.next();
        over = true;
    };
    asio::co_spawn(here->io, wait(*here, ended), [](const std::exception_ptr&) {});
    test::poll(here->io);
    here.reset();

    CHECK_FALSE(ended);
}

TEST_CASE("event_queue: keeps order and limit between threads",
          "[component][threads][event_queue]") {
    constexpr int total = 5'000;
    asio::thread_pool pool(3);
    asio::thread_pool callers(1);
    const auto strand = asio::make_strand(asio::any_io_executor(pool.get_executor()));
    event_queue queue(strand, std::make_shared<manual_clock>(), limits(16));
    std::atomic<bool> overrun = false;
    lines seen;

    auto produce = [&]() -> awaitable<void> {
        for (int i = 0; i < total; ++i) {
            co_await queue.wait_for_room();
            if (queue.full()) overrun = true;
            queue.push(text_delta{std::to_string(i)});
        }
        queue.close();
    };
    auto consume = [&]() -> awaitable<void> {
        while (auto happened = co_await queue.next())
            seen.push_back(std::get<text_delta>(*happened).text);
    };
    const auto must_not_throw = [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    };
    asio::co_spawn(strand, produce, must_not_throw);
    asio::co_spawn(callers, consume, must_not_throw);
    callers.join();
    pool.join();

    CHECK_FALSE(overrun);
    REQUIRE(seen.size() == total);
    for (int i = 0; i < total; ++i)
        REQUIRE(seen[static_cast<std::size_t>(i)] == std::to_string(i));
}

TEST_CASE("event_queue: many callers on many threads get each event once",
          "[component][threads][event_queue]") {
    constexpr int total = 2'000;
    asio::thread_pool pool(4);
    const auto strand = asio::make_strand(asio::any_io_executor(pool.get_executor()));
    event_queue queue(strand, std::make_shared<manual_clock>(), limits(64));
    std::atomic<int> sum = 0;
    std::atomic<int> taken = 0;

    auto produce = [&]() -> awaitable<void> {
        for (int i = 0; i < total; ++i) {
            co_await queue.wait_for_room();
            queue.push(reconnecting{1, std::chrono::milliseconds(i)});
        }
        queue.close();
    };
    auto consume = [&]() -> awaitable<void> {
        while (auto happened = co_await queue.next()) {
            sum += static_cast<int>(std::get<reconnecting>(*happened).delay.count());
            ++taken;
        }
    };
    const auto must_not_throw = [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    };
    for (int i = 0; i < 8; ++i)
        asio::co_spawn(pool, consume, must_not_throw);
    asio::co_spawn(strand, produce, must_not_throw);
    pool.join();

    CHECK(taken == total);
    CHECK(sum == total * (total - 1) / 2);
}

TEST_CASE("event_queue: before the first call the newest events replace the oldest",
          "[component][event_queue]") {
    fixture here(limits(3), event_queue::before_first::drop_oldest);
    for (const auto* text : {"1", "2", "3"})
        CHECK_FALSE(here.queue.push(text_delta{text}));
    CHECK(here.queue.push(text_delta{"4"})); // the first that costs one
    CHECK_FALSE(here.queue.push(text_delta{"5"}));
    CHECK_FALSE(here.queue.full());
    CHECK(here.queue.dropped() == 2);

    CHECK(here.next() == "text 3");
    for (const auto* text : {"6", "7", "8"})
        CHECK_FALSE(here.queue.push(text_delta{text}));
    CHECK(here.queue.full()); // from now on it is waited for
    CHECK(here.queue.dropped() == 2);
    for (const auto* text : {"text 4", "text 5", "text 6", "text 7", "text 8", "nothing"})
        CHECK(here.next() == text);
}

TEST_CASE("event_queue: before the first call its bytes are limited too",
          "[component][event_queue]") {
    fixture here(limits(100, 10), event_queue::before_first::drop_oldest);
    here.push("1234");
    here.push("5678");
    here.push("90ab");
    CHECK(here.queue.dropped() == 1);
    here.push(std::string(50, 'x')); // stays, for there is nothing newer
    CHECK(here.queue.dropped() == 3);
    CHECK(here.next() == "text " + std::string(50, 'x'));
    CHECK(here.next() == "nothing");
}

TEST_CASE("event_queue: a queue that is full at the first call stays full",
          "[component][event_queue]") {
    fixture here(limits(2), event_queue::before_first::drop_oldest);
    here.push("1");
    here.push("2");
    here.push("3");
    CHECK_FALSE(here.queue.full());
    auto room = test::start(here.strand, here.queue.wait_for_room());
    test::poll(here.io);
    CHECK(room.done());
    CHECK(here.next() == "text 2");
    here.push("4");
    CHECK(here.queue.full());
    auto more_room = test::start(here.strand, here.queue.wait_for_room());
    test::poll(here.io);
    CHECK_FALSE(more_room.done());
    CHECK(here.next() == "text 3");
    CHECK(more_room.done());
}

TEST_CASE("event_queue: before the first call a repeated fact is not kept",
          "[component][event_queue]") {
    fixture here(limits(3), event_queue::before_first::drop_oldest);
    for (int i = 0; i < 1'000; ++i)
        CHECK_FALSE(here.queue.push(messages_persisted{"thread", "c"}));
    CHECK(here.queue.dropped() == 999);
    here.queue.push(messages_persisted{"thread", "d"});
    here.queue.push(messages_persisted{"other", "d"});
    CHECK(here.next() == "persisted thread c");
    CHECK(here.next() == "persisted thread d");
    CHECK(here.next() == "persisted other d");
    here.queue.push(messages_persisted{"thread", "c"});
    here.queue.push(messages_persisted{"thread", "c"});
    CHECK(here.next() == "persisted thread c");
    CHECK(here.next() == "persisted thread c");
    CHECK(here.queue.dropped() == 999);
}

} // namespace event_queue_test
