// How a client ends: in every phase, from anywhere, and what goes on after a stop or a throw
// (doc/test-catalogue.md I100, J105 to J109).

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace chat_client_shutdown_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

tool endless_tool(std::string name) {
    return tool(std::move(name), "never ends", json_text::parse(R"({"type":"object"})"),
                [](tool_call) -> awaitable<json_text> {
                    asio::steady_timer never(co_await asio::this_coro::executor,
                                             asio::steady_timer::time_point::max());
                    co_await never.async_wait(asio::use_awaitable);
                    co_return json_text();
                });
}

scripted_connection& expect_tools(client_case& test) {
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(tools_configured_frame);
    return peer;
}

/// Brings a client into one state of its life.
struct situation {
    const char* name;
    void (*reach)(client_case&);
    std::chrono::milliseconds limit{}; // of `disconnect`
    int tickets = 20;                  // that can be had
};

void begin_init(client_case& test) {
    test.pending.push_back(start(test.io, test.client->init()));
    poll(test.io);
}

void lose(client_case& test) {
    test.transports->last().fail_read(errc::connection_reset);
    poll(test.io);
}

template <phase Step>
void hold_in(client_case& test) {
    test.transports->expect_connect().hold(Step);
    begin_init(test);
}

template <phase Step>
void hold_again_in(client_case& test) {
    expect_tools(test);
    test.init();
    auto& next = test.transports->expect_connect();
    if (Step != phase::session) next.hold(Step);
    lose(test);
    test.pass(1s);
}

void be_ready(client_case& test) {
    expect_tools(test);
    test.init();
}

const std::vector<situation> situations{
    {"idle", [](client_case&) {}},
    {"waiting for a ticket", begin_init, 0ms, 0},
    {"resolving", hold_in<phase::resolve>},
    {"connecting", hold_in<phase::tcp>},
    {"in TLS", hold_in<phase::tls>},
    {"in the upgrade", hold_in<phase::upgrade>},
    {"opening the session",
     [](client_case& test) {
         test.transports->expect_connect();
         begin_init(test);
     }},
    {"opening a session that does not close",
     [](client_case& test) {
         test.transports->expect_connect().ignore_close();
         begin_init(test);
     }},
    {"configuring tools",
     [](client_case& test) {
         test.expect_session();
         begin_init(test);
     }},
    {"ready", be_ready},
    {"ready with a peer that does not close",
     [](client_case& test) {
         expect_tools(test).ignore_close();
         test.init();
     },
     3s},
    {"writing to a peer that takes nothing",
     [](client_case& test) {
         auto& peer = expect_tools(test);
         test.init();
         peer.hold_writes();
         for (int n = 0; n < 3; ++n)
             test.pending.push_back(start(test.io, test.client->send_message("stuck")));
         poll(test.io);
     },
     3s},
    {"running tools",
     [](client_case& test) {
         auto& peer = expect_tools(test);
         test.init();
         for (int n = 0; n < 72; ++n)
             peer.reply(call_frame("endless", "call-" + std::to_string(n)));
         poll(test.io);
     }},
    {"asking",
     [](client_case& test) {
         be_ready(test);
         for (int n = 0; n < 3; ++n)
             test.asked.push_back(start(test.io, test.client->ask("hi")));
         poll(test.io);
     }},
    {"in the backoff",
     [](client_case& test) {
         be_ready(test);
         lose(test);
         test.pending.push_back(start(test.io, test.client->send_message("later")));
         poll(test.io);
     }},
    {"resolving again", hold_again_in<phase::resolve>},
    {"in TLS again", hold_again_in<phase::tls>},
    {"opening the session again", hold_again_in<phase::session>},
    {"failed for good",
     [](client_case& test) {
         be_ready(test);
         test.transports->last().close(1000);
         poll(test.io);
     }},
    {"closed",
     [](client_case& test) {
         be_ready(test);
         run(test.io, test.client->disconnect());
     }},
    {"closing",
     [](client_case& test) {
         expect_tools(test).ignore_close();
         test.init();
         test.pending.push_back(start(test.io, test.client->disconnect()));
         poll(test.io);
     },
     3s}};

void prepare(client_case& test, const situation& each) {
    test.config.client_tools.push_back(endless_tool("endless"));
    test.make();
    each.reach(test);
}

bool all_ended(const client_case& test) {
    bool ended = true;
    for (const auto& one : test.pending)
        ended = ended && one.done();
    for (const auto& one : test.asked)
        ended = ended && one.done();
    return ended;
}

} // namespace

TEST_CASE("chat_client: disconnect completes in its time in every phase, and leaves nothing behind",
          "[component][chat_client][I100]") {
    const auto each = GENERATE(from_range(situations));
    CAPTURE(each.name);
    client_case test(each.tickets);
    prepare(test, each);
    auto events = start(test.io, test.client->run(event_handlers()));

    auto closing = start(test.io, test.client->disconnect());
    poll(test.io);
    if (each.limit == 0ms) {
        CHECK(closing.done()); // no time has passed
    } else {
        CHECK_FALSE(closing.done());
        test.pass(each.limit);
    }

    REQUIRE(closing.done());
    CHECK_NOTHROW(closing.get());
    CHECK(all_ended(test));
    CHECK(events.done());
    CHECK(test.transports->alive() == 0);
    CHECK_FALSE(test.client->is_connected());
    CHECK(out_of_work(test.io)); // I4
    CHECK_FALSE(test.environment->time->next_deadline());
    // Again, and a new session after it.
    CHECK_NOTHROW(run(test.io, test.client->disconnect()));
}

TEST_CASE("chat_client: destruction in every phase completes each waiter with operation_aborted",
          "[component][chat_client][J105]") {
    const auto each = GENERATE(from_range(situations));
    CAPTURE(each.name);
    client_case test(each.tickets);
    prepare(test, each);
    auto events = start(test.io, test.client->next_event());
    auto twice = start(test.io, test.client->next_event());
    auto late = start(test.io, test.client->send_message("posted, and not begun"));

    test.client.reset();
    poll(test.io);

    CHECK(all_ended(test));
    for (const auto& one : test.asked)
        CHECK(one.aborted());
    CHECK(events.done());
    CHECK(twice.done());
    CHECK(late.failed());
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: destruction at any moment of the writing of a message ends its ask",
          "[component][chat_client][J105]") {
    const auto steps = GENERATE(range(0, 12));
    CAPTURE(steps);
    client_case test;
    test.make();
    auto& peer = test.transports->expect_connect();
    peer.reply(session_established_frame);
    test.init();
    peer.hold_writes();
    auto asked = start(test.io, test.client->ask("being written"));
    poll(test.io);
    peer.let_go();
    for (int step = 0; step < steps; ++step)
        test.io.poll_one();

    test.client.reset();
    poll(test.io);

    CHECK(asked.failed());
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: a tool of its own may destroy it on its strand",
          "[component][chat_client][J105]") {
    client_case test;
    test.config.client_tools.push_back(tool("suicide", "", json_text::parse(R"({"type":"object"})"),
                                            [&test](tool_call) -> awaitable<json_text> {
                                                test.client.reset();
                                                co_return json_text();
                                            }));
    test.make();
    auto& peer = expect_tools(test);
    test.init();
    peer.hold_writes();
    auto writing = start(test.io, test.client->send_message("being written"));
    auto queued = start(test.io, test.client->send_message("queued"));
    auto next = start(test.io, test.client->run(event_handlers()));
    auto asked = start(test.io, test.client->ask("turn"));
    poll(test.io);

    peer.reply(call_frame("suicide", "1"));
    poll(test.io);

    CHECK_FALSE(test.client);
    CHECK(writing.failed_with(errc::sent_unconfirmed));
    CHECK(queued.aborted());
    CHECK(asked.aborted());
    CHECK(next.done());
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: it may be destroyed off its strand while the strand is busy",
          "[component][threads][chat_client][J105][M127]") {
    for (int round = 0; round < 50; ++round) {
        asio::thread_pool pool(2);
        const auto environment = test_environment::make();
        const auto transports = std::make_shared<scripted_transports>(environment->time);
        environment->set_transports(transports);
        environment->http->answer_ticket("ticket", 1h);
        transports->expect_connect().reply(session_established_frame);
        chat_client_config config;
        config.server_url = "wss://chat.example";
        auto client = std::make_unique<chat_client>(pool.get_executor(), config, environment);
        auto opening = asio::co_spawn(pool, client->init(), asio::use_future);
        auto event = asio::co_spawn(pool, client->next_event(), asio::use_future);
        auto sending = asio::co_spawn(pool, client->send_message("hi"), asio::use_future);
        if (round % 2 == 0) opening.wait();
        client.reset();
        const auto ends = [](auto& one) {
            try {
                one.get();
            } catch (const boost::system::system_error&) {
            }
        };
        ends(opening);
        ends(event);
        ends(sending);
        pool.join();
        CHECK(transports->alive() == 0);
        CHECK(transports->violations().empty());
    }
}

TEST_CASE("chat_client: the context may be destroyed in every phase, with everything pending",
          "[component][chat_client][J106]") {
    const auto each = GENERATE(from_range(situations));
    const bool posted = GENERATE(true, false); // and not begun
    CAPTURE(each.name, posted);
    std::shared_ptr<scripted_transports> transports;
    int invoked = 0;
    {
        client_case test(each.tickets);
        transports = test.transports;
        prepare(test, each);
        const auto count = [&invoked](std::exception_ptr, auto...) { ++invoked; };
        asio::co_spawn(test.io, test.client->next_event(), count);
        asio::co_spawn(test.io, test.client->ask("hi"), count);
        if (!posted) poll(test.io);
        invoked = 0;
        test.leave_everything = true;
    }
    CHECK(invoked == 0);
    CHECK(transports->alive() == 0);
}

TEST_CASE("chat_client: a context that is stopped and run again continues where it was",
          "[component][chat_client][J107]") {
    const bool long_pause = GENERATE(false, true);
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    test.transports->otherwise([](scripted_connection& next) {
        next.reply(session_established_frame).expect_write("configure_tools");
        next.reply(tools_configured_frame).expect_write("hi").reply(call_frame("echo", "1"));
        next.expect_write("tool_call_response").reply(text_frame("yes")).reply(finished_frame);
    });
    auto conversation = [](chat_client& client) -> awaitable<std::string> {
        co_await client.init();
        const auto got = co_await client.ask("hi");
        co_await client.disconnect();
        co_return got.text;
    };
    auto talking = start(test.io, conversation(*test.client));
    int stops = 0;
    while (!talking.done() && stops < 1'000) {
        test.io.restart();
        test.io.poll_one();
        test.io.stop();
        ++stops;
        if (long_pause && stops == 20) test.environment->time->advance(1s);
    }
    CHECK(talking.get() == "yes");
    CHECK(stops > 20);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: an exception of a completion handler leaves run, and the client continues",
          "[component][chat_client][J108]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    asio::co_spawn(test.io, test.client->init(),
                   [](std::exception_ptr) { throw std::runtime_error("handler trouble"); });
    CHECK_THROWS_AS(poll(test.io), std::runtime_error);
    poll(test.io);
    CHECK(test.client->is_connected());

    asio::co_spawn(test.io, test.client->send_message("hi"),
                   [](std::exception_ptr) { throw std::runtime_error("handler trouble"); });
    CHECK_THROWS_AS(poll(test.io), std::runtime_error);
    peer.reply(text_frame("still here"));
    poll(test.io);
    CHECK(test.told() == std::vector<std::string>{"text still here"});
    CHECK_NOTHROW(run(test.io, test.client->disconnect()));
    CHECK(out_of_work(test.io));
}

TEST_CASE(
    "chat_client: disconnect may be called twice, inside a callback and inside its own completion",
    "[component][chat_client][J109]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.reply(text_frame("a"));
    test.init();
    std::vector<started<void>> all;
    event_handlers handlers;
    handlers.on_text(
        [&](const std::string&) -> awaitable<void> { co_await test.client->disconnect(); });
    all.push_back(start(test.io, test.client->run(std::move(handlers))));
    bool inside = false;
    asio::co_spawn(test.io, test.client->disconnect(), [&](std::exception_ptr) {
        inside = true;
        all.push_back(start(test.io, test.client->disconnect()));
    });
    all.push_back(start(test.io, test.client->disconnect()));
    test.pass(3s);

    CHECK(inside);
    CHECK(all.size() == 3);
    for (const auto& one : all)
        CHECK_NOTHROW(one.get());
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: two disconnects from two threads close once",
          "[component][threads][chat_client][J109]") {
    asio::thread_pool pool(4);
    const auto environment = test_environment::make();
    const auto transports = std::make_shared<scripted_transports>(environment->time);
    environment->set_transports(transports);
    environment->http->answer_ticket("ticket", 1h);
    auto& peer = transports->expect_connect();
    peer.reply(session_established_frame);
    chat_client_config config;
    config.server_url = "wss://chat.example";
    auto client = std::make_unique<chat_client>(pool.get_executor(), config, environment);
    asio::co_spawn(pool, client->init(), asio::use_future).get();

    auto one = asio::co_spawn(pool, client->disconnect(), asio::use_future);
    auto two = asio::co_spawn(pool, client->disconnect(), asio::use_future);
    CHECK_NOTHROW(one.get());
    CHECK_NOTHROW(two.get());
    client.reset();
    pool.join();
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(transports->alive() == 0);
}

TEST_CASE("chat_client: a handler may send, block and throw, and the session continues",
          "[component][chat_client][F73]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.reply(text_frame("a")).reply(text_frame("b")).reply(text_frame("c"));
    test.init();
    std::vector<std::string> told;
    event_handlers handlers;
    handlers.on_text([&](const std::string& piece) -> awaitable<void> {
        told.push_back(piece);
        if (piece == "a") co_await test.client->send_message("from inside");
        if (piece == "b") test.environment->time->advance(5s); // it blocks
        if (piece == "c") throw std::runtime_error("oops");
    });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    peer.reply(text_frame("d"));
    test.pass(30s);
    CHECK(told == std::vector<std::string>{"a", "b", "c", "d"});
    CHECK(peer.writes_with("from inside") == 1);
    CHECK(test.client->is_connected());
    CHECK_FALSE(running.done());
}

TEST_CASE("chat_client: the client's resources outlive everything that its connection runs",
          "[component][chat_client]") {
    client_case test;
    std::vector<std::size_t> alive_then;
    test.config.client_tools.push_back(
        passing_tool("echo", [&, all = test.transports] { alive_then.push_back(all->alive()); }));
    test.make();
    test.config.client_tools.clear();
    auto& peer = expect_tools(test);
    test.init();
    peer.hold_writes();
    peer.reply(frames::heartbeat_ping(R"("T")", std::nullopt));
    poll(test.io);
    test.client.reset(); // the reader ends first, and then the writer of the answer
    poll(test.io);
    CHECK(alive_then == std::vector<std::size_t>{0});
}

} // namespace chat_client_shutdown_test
