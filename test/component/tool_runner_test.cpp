#include <parley/detail/on_strand.hpp>

#include "message/tool_runner.hpp"
#include "support/catch.hpp"
#include "support/event_text.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tool_runner_test {

using namespace parley;
using namespace std::chrono_literals;
using parley::test::event_text;
using parley::test::manual_clock;

namespace {

using lines = std::vector<std::string>;

// Takes what a runner has for others.
struct recorder final : message_sink {
    void on_session_established() override {}
    void on_authentication_refused(quotation, quotation) override {}
    void on_tools_acknowledged(bool) override {}
    void on_configuration_requested() override {}
    void on_event(event&& happened) override { events.push_back(event_text(happened)); }
    void send_control(std::string) override {}
    void send_answer(std::string frame, std::uint64_t id) override {
        last_answer = id;
        answers.push_back(std::move(frame));
    }

    lines events;
    lines answers;
    std::uint64_t last_answer = 0;
};

std::string answer(const std::string& call_id, const std::string& rest) {
    return R"({"type":"tool_call_response","callId":")" + call_id + R"(",)" + rest + "}";
}

std::shared_ptr<const tool> make_tool(tool_handler handler) {
    return std::make_shared<const tool>("sum", "", json_text::parse("{}"), std::move(handler));
}

// Handlers.

awaitable<json_text> forty_two(tool_call) { co_return json_text::parse("42"); }

/// Waits until the door opens, or it is cancelled.
class door {
public:
    explicit door(std::shared_ptr<manual_clock> clock) : clock_(std::move(clock)) {}

    std::shared_ptr<const tool> tool_behind(bool deaf = false) {
        return make_tool([this, deaf](tool_call) { return wait(this, deaf); });
    }
    void open() {
        open_ = true;
        if (const auto changed = changed_.lock()) changed->notify_all();
    }
    int entered = 0;
    int cancelled = 0;

private:
    static awaitable<json_text> wait(door* self, bool deaf) {
        const auto executor = co_await asio::this_coro::executor;
        if (deaf) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        auto changed = self->changed_.lock();
        if (!changed) changed = std::make_shared<condition>(executor, self->clock_);
        self->changed_ = changed;
        ++self->entered;
        try {
            while (!self->open_)
                co_await changed->wait_until();
        } catch (const boost::system::system_error&) {
            ++self->cancelled;
            throw;
        }
        co_return json_text::parse("\"open\"");
    }

    std::shared_ptr<manual_clock> clock_;
    std::weak_ptr<condition> changed_; // held by the waiters: it must not outlive their context
    bool open_ = false;
};

struct fixture {
    explicit fixture(tool_config config = {}, limits_config limits = {})
        : strand(asio::make_strand(io)),
          runner(std::make_shared<tool_runner>(strand, clock, config, limits, logger(), nullptr)) {
        runner->attach(sink);
    }

    void request(std::shared_ptr<const tool> called, const std::string& call_id,
                 bool numeric_id = false) {
        tool_requested asked;
        asked.name = "sum";
        asked.call_id = call_id;
        asked.parameters = json_text::parse(R"({"a":1})");
        asked.parameters_valid = true;
        asked.numeric_id = numeric_id;
        runner->request(std::move(asked), std::move(called), 100);
        asio::post(strand, [weak = std::weak_ptr(runner)] { // as after each read
            if (const auto held = weak.lock()) held->launch();
        });
    }
    void poll() { test::poll(io); }
    void pass(manual_clock::duration time) { test::pass(io, *clock, time); }
    metrics_snapshot counts() const {
        metrics_snapshot made;
        runner->count(made);
        return made;
    }

    asio::io_context io;
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    asio::any_io_executor strand;
    std::shared_ptr<recorder> sink = std::make_shared<recorder>();
    std::shared_ptr<tool_runner> runner;
};

lines failed(const std::string& text) { return {answer("a", R"("error":")" + text + '"')}; }

} // namespace

TEST_CASE("tool_runner: the result of a tool is the answer", "[component][tool_runner]") {
    fixture here;
    here.request(make_tool(forty_two), "a");
    CHECK(here.sink->answers.empty()); // it runs off the read loop
    here.poll();

    CHECK(here.sink->answers == lines{answer("a", R"("result":42)")});
    CHECK(here.sink->events ==
          lines{R"(tool starts sum a {"a":1})", "tool ends sum a succeeded 42"});
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("tool_runner: the handler gets its name, call, parameters and deadline",
          "[component][tool_runner]") {
    fixture here;
    std::string seen;
    time_point deadline;
    here.request(make_tool([&](tool_call call) -> awaitable<json_text> {
                     seen = call.name() + call.call_id() + std::string(call.parameters().view());
                     deadline = call.deadline();
                     return forty_two(std::move(call));
                 }),
                 "a");
    here.poll();

    CHECK(seen == R"(suma{"a":1})");
    CHECK(deadline == here.clock->now() + 30s);
}

TEST_CASE("tool_runner: the message of an exception is the error",
          "[component][tool_runner][G80]") {
    fixture here;
    const bool at_once = GENERATE(true, false);
    auto in_coroutine = [](tool_call) -> awaitable<json_text> {
        throw std::runtime_error("no such city");
        co_return json_text();
    };
    auto before_it = [](tool_call) -> awaitable<json_text> {
        throw std::runtime_error("no such city");
    };
    here.request(at_once ? make_tool(before_it) : make_tool(in_coroutine), "a");
    here.poll();

    CHECK(here.sink->answers == failed("no such city"));
    CHECK(here.sink->events.back() == "tool ends sum a failed no such city");
    CHECK(here.counts().tool_calls_failed == 1);
}

TEST_CASE("tool_runner: without a message the error is the tool's name",
          "[component][tool_runner][G80]") {
    fixture here;
    here.request(make_tool([](tool_call) -> awaitable<json_text> { throw 42; }), "a");
    here.poll();

    CHECK(here.sink->answers == failed("Tool failed: sum"));
}

TEST_CASE("tool_runner: a long or invalid message is made fit to be sent",
          "[component][tool_runner][G80]") {
    fixture here;
    here.request(make_tool([](tool_call) -> awaitable<json_text> {
                     std::string text = "\xFF";
                     for (int i = 0; i < 5'000; ++i)
                         text += "é";
                     throw std::runtime_error(text);
                 }),
                 "a");
    here.poll();

    REQUIRE(here.sink->answers.size() == 1);
    const auto sent = json_text::parse(here.sink->answers[0]).string_at("/error");
    REQUIRE(sent);
    CHECK(sent->size() < 1'010);
    CHECK(sent->starts_with("\uFFFDéé"));
    CHECK(sent->ends_with("éé…"));
}

TEST_CASE("tool_runner: a result that is too large is an error", "[component][tool_runner]") {
    limits_config limits;
    limits.queue_bytes = 1'000;
    fixture here{tool_config(), limits};
    here.request(make_tool([](tool_call) -> awaitable<json_text> {
                     co_return json_text::from_string(std::string(1'000, 'x'));
                 }),
                 "a");
    here.poll();

    CHECK(here.sink->answers == failed("The result is larger than 1000 bytes"));
}

TEST_CASE("tool_runner: a call past its deadline is answered, and its handler cancelled",
          "[component][tool_runner][G80]") {
    tool_config config;
    config.timeout = 5s;
    fixture here{config};
    door closed{here.clock};
    here.request(closed.tool_behind(), "a");
    here.pass(4'999ms);
    CHECK(here.sink->answers.empty());

    here.pass(1ms);

    CHECK(here.sink->answers == failed("Tool timed out: sum"));
    CHECK(here.sink->events.back() == "tool ends sum a timed_out Tool timed out: sum");
    CHECK(closed.cancelled == 1);
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("tool_runner: a tool's own timeout applies", "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    tool quick = *closed.tool_behind();
    quick.timeout(1s);
    here.request(std::make_shared<const tool>(quick), "a");
    here.pass(1s);

    CHECK(here.sink->answers == failed("Tool timed out: sum"));
}

TEST_CASE("tool_runner: a handler that ignores cancellation loses its slot and its result",
          "[component][tool_runner][G80]") {
    tool_config config;
    config.max_running = 1;
    fixture here{config};
    door closed{here.clock};
    here.request(closed.tool_behind(true), "a");
    here.request(make_tool(forty_two), "b");
    here.pass(30s);
    CHECK(here.sink->answers ==
          lines{answer("a", R"("error":"Tool timed out: sum")"), answer("b", R"("result":42)")});

    closed.open();
    here.poll();
    here.request(closed.tool_behind(true), "a");
    here.poll();

    CHECK(closed.entered == 1);
    REQUIRE(here.sink->answers.size() == 3);
    CHECK(here.sink->answers[2] == here.sink->answers[0]);
}

TEST_CASE("tool_runner: a repeat runs nothing, and gets the first answer",
          "[component][tool_runner][G78]") {
    fixture here;
    door closed{here.clock};
    for (int i = 0; i < 1'000; ++i)
        here.request(closed.tool_behind(), "a");
    here.poll();
    closed.open();
    here.poll();
    CHECK(here.sink->answers.size() == 1);

    here.request(closed.tool_behind(), "a");
    here.request(nullptr, "a"); // the tool may be gone by now
    here.poll();

    CHECK(closed.entered == 1);
    CHECK(here.sink->answers == lines(3, answer("a", R"("result":"open")")));
    CHECK(here.sink->events == lines{R"(tool starts sum a {"a":1})",
                                     R"(tool ends sum a succeeded "open")",
                                     "tool answered again sum a", "tool answered again sum a"});
    CHECK(here.counts().tool_calls == 1'002);
    CHECK(here.counts().tool_calls_repeated == 1'001);
}

TEST_CASE("tool_runner: a numeric id is echoed as a number, and is not the string of its digits",
          "[component][tool_runner][O141]") {
    fixture here;
    here.request(make_tool(forty_two), "17", true);
    here.request(make_tool(forty_two), "17");
    here.poll();

    CHECK(here.sink->answers == lines{R"({"type":"tool_call_response","callId":17,"result":42})",
                                      answer("17", R"("result":42)")});
}

TEST_CASE("tool_runner: an answer that is too large for the server is followed by an error",
          "[component][tool_runner][O143]") {
    fixture here;
    here.request(make_tool(forty_two), "a");
    here.poll();
    here.runner->answer_too_large(here.sink->last_answer);
    here.runner->answer_too_large(here.sink->last_answer);
    here.request(make_tool(forty_two), "a");
    here.poll();

    const auto error = answer("a", R"("error":"Tool result too large: sum")");
    CHECK(here.sink->answers == lines{answer("a", R"("result":42)"), error, error});
    CHECK(here.sink->events == lines{R"(tool starts sum a {"a":1})", "tool ends sum a succeeded 42",
                                     "tool ends sum a failed Tool result too large: sum",
                                     "tool answered again sum a"});
    CHECK(here.counts().tool_calls_repeated == 1);
    CHECK(here.counts().tool_calls_failed == 0);
}

TEST_CASE("tool_runner: eight run, and the others follow in order", "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    for (int i = 0; i < 10; ++i)
        here.request(closed.tool_behind(), std::to_string(i));
    here.poll();
    CHECK(closed.entered == 8);

    closed.open();
    here.poll();

    CHECK(closed.entered == 10);
    REQUIRE(here.sink->answers.size() == 10);
    const auto& given = here.sink->answers;
    const auto ninth = std::find(given.begin(), given.end(), answer("8", R"("result":"open")"));
    CHECK(std::find(ninth, given.end(), answer("9", R"("result":"open")")) != given.end());
}

TEST_CASE("tool_runner: a flood is answered busy, and running calls continue",
          "[component][tool_runner][G81]") {
    fixture here;
    door closed{here.clock};
    const auto called = closed.tool_behind();
    for (int i = 0; i < 100'000; ++i)
        here.request(called, std::to_string(i));

    CHECK(here.sink->answers.size() == 100'000 - 72);
    CHECK(here.sink->answers[0] == answer("72", R"("error":"Tool busy: sum")"));
    closed.open();
    here.poll();
    CHECK(here.sink->answers.size() == 100'000);
    CHECK(here.counts().tool_calls_busy == 100'000 - 72);
    CHECK(here.counts().tool_answers_forgotten == 0); // a refusal is not remembered
}

TEST_CASE("tool_runner: stopping cancels running calls and answers every call",
          "[component][tool_runner][G83]") {
    fixture here;
    door closed{here.clock};
    for (int i = 0; i < 72; ++i)
        here.request(closed.tool_behind(), std::to_string(i));
    here.poll();

    auto stopping = test::start(here.strand, here.runner->stop());
    here.poll();

    CHECK(stopping.done());
    CHECK(closed.entered == 8);
    CHECK(closed.cancelled == 8);
    REQUIRE(here.sink->answers.size() == 72);
    CHECK(here.sink->answers[71] == answer("71", R"("error":"Client is shutting down")"));
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("tool_runner: stopping waits only briefly for a handler that ignores cancellation",
          "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    here.request(closed.tool_behind(true), "a");
    here.poll();
    auto stopping = test::start(here.strand, here.runner->stop());
    here.poll();
    CHECK_FALSE(stopping.done());

    here.pass(tool_runner::patience);

    CHECK(stopping.done());
    closed.open();
    here.poll();
    CHECK(here.sink->answers.size() == 1);
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("tool_runner: after a restart tools run again", "[component][tool_runner]") {
    fixture here;
    auto stopping = test::start(here.strand, here.runner->stop());
    here.poll();
    here.request(make_tool(forty_two), "a");
    here.runner->restart();
    here.request(make_tool(forty_two), "b");
    here.poll();

    CHECK(stopping.done());
    CHECK(here.sink->answers == lines{answer("a", R"("error":"Client is shutting down")"),
                                      answer("b", R"("result":42)")});
}

TEST_CASE("tool_runner: abandoned, it leaves nothing to run", "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    here.request(closed.tool_behind(), "a");
    here.poll();
    here.runner->abandon();
    here.runner.reset();

    CHECK(test::out_of_work(here.io));
    CHECK(closed.cancelled == 1);
}

TEST_CASE("tool_runner: abandoned while it stops, it waits for no handler",
          "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    here.request(closed.tool_behind(true), "a");
    here.poll();
    auto stopping = test::start(here.strand, here.runner->stop());
    here.poll();
    CHECK_FALSE(stopping.done());

    here.runner->abandon();
    here.poll();

    CHECK(stopping.done());
    closed.open();
    here.poll();
    CHECK(test::out_of_work(here.io));
}

TEST_CASE("tool_runner: the context may be destroyed while tools run", "[component][tool_runner]") {
    auto here = std::make_unique<fixture>();
    door closed{here->clock};
    here->request(closed.tool_behind(), "a");
    here->request(closed.tool_behind(), "b");
    here->poll();
    std::weak_ptr<tool_runner> left = here->runner;
    here.reset();

    CHECK(left.expired());
    CHECK(closed.cancelled == 0);
}

TEST_CASE("tool_runner: tools run on the configured executor",
          "[component][threads][tool_runner]") {
    asio::thread_pool pool(4);
    tool_config config;
    config.executor = pool.get_executor();
    fixture here{config};
    std::atomic<int> elsewhere = 0;
    const auto threads = pool.get_executor();
    const auto called = make_tool([&](tool_call call) -> awaitable<json_text> {
        elsewhere += threads.running_in_this_thread() ? 1 : 0;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        co_return json_text::from_string(call.call_id());
    });
    for (int i = 0; i < 70; ++i)
        here.request(called, std::to_string(i));
    here.io.run(); // until the last has come back

    CHECK(elsewhere == 70);
    CHECK(here.sink->answers.size() == 70);
    pool.join();
}

TEST_CASE("tool_runner: a tool may have an executor of its own", "[component][tool_runner]") {
    fixture here;
    asio::io_context other;
    bool ran = false;
    tool one("sum", "", json_text::parse("{}"), [&](tool_call) -> awaitable<json_text> {
        ran = true;
        co_return json_text();
    });
    here.request(std::make_shared<const tool>(std::move(one.executor(other.get_executor()))), "a");
    here.poll();
    CHECK_FALSE(ran);
    test::poll(other);
    here.poll();
    CHECK(ran);
    CHECK(here.sink->answers.size() == 1);
}

TEST_CASE("tool_runner: a tool may have limits of its own", "[component][tool_runner]") {
    fixture here;
    door closed{here.clock};
    tool one = *closed.tool_behind();
    one.max_running(1).max_waiting(2).timeout(5s);
    const auto called = std::make_shared<const tool>(std::move(one));
    for (const auto* id : {"a", "b", "c", "d"})
        here.request(called, id);
    here.poll();
    CHECK(closed.entered == 1);
    REQUIRE(here.sink->answers.size() == 1);
    CHECK(here.sink->answers[0] == answer("d", R"("error":"Tool busy: sum")"));
    here.pass(5s);
    CHECK(here.sink->answers.back() == answer("a", R"("error":"Tool timed out: sum")"));
    CHECK(closed.entered == 2);
    closed.open();
    here.poll();
    CHECK(here.sink->answers.size() == 4);
}

TEST_CASE("tool_runner: tools on other threads are cancelled while they run",
          "[component][threads][tool_runner]") {
    asio::thread_pool pool(4);
    for (int round = 0; round < 50; ++round) {
        tool_config config;
        config.executor = pool.get_executor();
        fixture here{config};
        const auto called = make_tool([](tool_call) -> awaitable<json_text> {
            const auto executor = co_await asio::this_coro::executor;
            for (;;) // ends by its cancellation alone
                co_await asio::post(executor, asio::use_awaitable);
        });
        for (int i = 0; i < 16; ++i)
            here.request(called, std::to_string(i));
        here.io.poll();
        auto stopping = test::start(here.strand, here.runner->stop());
        here.io.run();

        REQUIRE(stopping.done());
        REQUIRE(here.sink->answers.size() == 16);
    }
    pool.join();
}

TEST_CASE("tool_runner: a tool on another thread may end after everything else has",
          "[component][threads][tool_runner][G84]") {
    const bool context_too = GENERATE(false, true);
    asio::thread_pool pool(1);
    std::promise<void> entered;
    std::promise<void> go;
    const auto called = make_tool([&](tool_call call) -> awaitable<json_text> {
        entered.set_value();
        go.get_future().wait();
        return forty_two(std::move(call));
    });
    tool_config config;
    config.executor = pool.get_executor();
    auto here = std::make_unique<fixture>(config);
    here->request(called, "a");
    here->poll();
    entered.get_future().wait();

    here->runner->abandon();
    here->runner.reset();
    const auto sink = here->sink;
    if (context_too) here.reset();
    go.set_value();
    pool.join();

    CHECK(sink->answers == failed("Client is shutting down"));
    if (here) CHECK(test::out_of_work(here->io));
}

TEST_CASE("tool_runner: the context may be destroyed while a tool runs on another thread",
          "[component][threads][tool_runner][G84]") {
    asio::thread_pool pool(1);
    std::promise<void> entered;
    std::promise<void> go;
    tool_config config;
    config.executor = pool.get_executor();
    auto here = std::make_unique<fixture>(config);
    here->request(make_tool([&](tool_call call) -> awaitable<json_text> {
                      entered.set_value();
                      go.get_future().wait();
                      return forty_two(std::move(call));
                  }),
                  "a");
    here->poll();
    entered.get_future().wait();
    here.reset();
    go.set_value();
    pool.join();
}

} // namespace tool_runner_test
