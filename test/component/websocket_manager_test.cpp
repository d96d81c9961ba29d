// The public class, used alone: sessions that are ready at the 101.

#include <parley/websocket_manager.hpp>

#include "support/catch.hpp"
#include "support/connection_case.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace websocket_manager_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// A coroutine hears only terminal cancellation unless it asks for more.
template <class T>
awaitable<T> hearing_all(awaitable<T> operation) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_return co_await std::move(operation);
}

class manager_case {
public:
    explicit manager_case(connection_config config = connection_config(),
                          websocket_manager_options options = websocket_manager_options()) {
        environment->set_transports(transports);
        if (!options.on_event)
            options.on_event = [this](const connection_event& happened) {
                events.push_back(text_of(happened));
            };
        socket =
            std::make_unique<websocket_manager>(io.get_executor(), "wss://chat.example",
                                                std::move(config), std::move(options), environment);
    }
    manager_case(const manager_case&) = delete;
    manager_case& operator=(const manager_case&) = delete;
    ~manager_case() noexcept(false) {
        socket.reset();
        poll(io);
        const bool left = transports->alive() != 0;
        const auto broken = transports->violations();
        if (std::uncaught_exceptions() > 0) return;
        CHECK_FALSE(left);
        CHECK(broken == std::vector<std::string>());
        CHECK(out_of_work(io));
    }

    started<void> begin_connect(std::string value = "ticket-1") {
        auto one = start(io, hearing_all(socket->connect(ticket_of(value))));
        poll(io);
        return one;
    }
    started<std::optional<incoming_message>> begin_receive() {
        auto one = start(io, hearing_all(socket->receive()));
        poll(io);
        return one;
    }
    void pass(manual_clock::duration by) { test::pass(io, *environment->time, by); }

    asio::io_context io;
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<scripted_transports> transports =
        std::make_shared<scripted_transports>(environment->time);
    std::vector<std::string> events;
    std::unique_ptr<websocket_manager> socket;
};

} // namespace

TEST_CASE("websocket_manager: connects, sends, receives and disconnects",
          "[component][websocket_manager]") {
    manager_case test;
    auto& peer = test.transports->expect_connect();
    peer.reply("hello").binary(7).expect_write("hi").reply("bye");
    CHECK(test.socket->state() == websocket_state::idle);

    run(test.io, test.socket->connect(ticket_of("T")));
    CHECK(test.socket->state() == websocket_state::ready);
    const auto hello = run(test.io, test.socket->receive());
    const auto blob = run(test.io, test.socket->receive());
    run(test.io, test.socket->send("hi"));
    const auto bye = run(test.io, test.socket->receive());
    run(test.io, test.socket->disconnect());
    const auto end = run(test.io, test.socket->receive());

    REQUIRE((hello && blob && bye));
    CHECK(hello->data() == "hello");
    CHECK_FALSE(hello->binary());
    CHECK(blob->binary());
    CHECK(bye->data() == "bye");
    CHECK_FALSE(end);
    CHECK(peer.target() == "/ws?ticket=T");
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(test.socket->state() == websocket_state::closed);
    CHECK(test.events.empty());
    const auto status = test.socket->status();
    CHECK(status.messages_received == 3);
    CHECK(status.messages_sent == 1);
}

TEST_CASE("websocket_manager: an empty ticket is rejected before any I/O",
          "[component][websocket_manager]") {
    manager_case test;

    const auto connecting = test.begin_connect("");

    CHECK(connecting.failed_with(errc::empty_ticket));
    CHECK_THROWS_AS(connecting.get(), connection_error);
    CHECK(test.transports->made() == 0);
}

TEST_CASE("websocket_manager: the constructor throws for an invalid setting",
          "[component][websocket_manager]") {
    asio::io_context io;
    const auto environment = test_environment::make();
    environment->set_transports(std::make_shared<scripted_transports>(environment->time));
    const auto make = [&](std::string url) {
        websocket_manager(io.get_executor(), std::move(url), {}, {}, environment);
    };

    CHECK_THROWS_AS(make("ftp://chat.example"), client_error);
    CHECK_THROWS_AS(make("ws://chat.example"), client_error);
    CHECK_NOTHROW(make("wss://chat.example"));
    poll(io);
}

TEST_CASE("websocket_manager: concurrent connects are one attempt",
          "[component][websocket_manager][I99][J103]") {
    manager_case test;
    test.transports->expect_connect().hold(phase::tcp);
    std::vector<started<void>> all;
    for (int n = 0; n < 10; ++n)
        all.push_back(test.begin_connect());

    all[3].cancel();
    poll(test.io);
    CHECK(all[3].aborted());
    test.transports->at(0).let_go();
    poll(test.io);

    CHECK(test.transports->made() == 1);
    for (std::size_t n = 0; n < all.size(); ++n)
        if (n != 3) CHECK_NOTHROW(all[n].get());
}

TEST_CASE("websocket_manager: a connect without waiters is abandoned",
          "[component][websocket_manager][J102]") {
    manager_case test;
    test.transports->expect_connect().hold(phase::tcp);
    auto connecting = test.begin_connect();

    connecting.cancel(asio::cancellation_type::total);
    poll(test.io);

    CHECK(connecting.aborted());
    CHECK(test.transports->alive() == 0);
    test.transports->expect_connect();
    CHECK_NOTHROW(test.begin_connect().get());
}

TEST_CASE("websocket_manager: a failed connect throws and leaves nothing to receive",
          "[component][websocket_manager]") {
    manager_case test;
    test.transports->expect_connect().refuse(errc::connect_failed);

    CHECK(test.begin_connect().failed_with(errc::connect_failed));

    CHECK_FALSE(run(test.io, test.socket->receive()));
}

TEST_CASE("websocket_manager: a rejected ticket is replaced by the next one",
          "[component][websocket_manager]") {
    std::vector<bool> asked;
    websocket_manager_options options;
    options.next_ticket = [&](bool fresh) -> awaitable<ticket> {
        asked.push_back(fresh);
        co_return ticket_of("next");
    };
    manager_case test({}, options);
    test.transports->expect_connect().refuse_status(401);
    test.transports->expect_connect();

    CHECK_NOTHROW(test.begin_connect("first").get());

    CHECK(asked == std::vector<bool>{true});
    CHECK(test.transports->at(0).target() == "/ws?ticket=first");
    CHECK(test.transports->at(1).target() == "/ws?ticket=next");
}

TEST_CASE("websocket_manager: an error of a next_ticket that is not a coroutine is an error of the "
          "attempt",
          "[component][websocket_manager]") {
    websocket_manager_options options;
    options.next_ticket = [](bool) { return awaitable<ticket>(); };
    manager_case test({}, options);
    test.transports->expect_connect().refuse_status(401);

    CHECK(test.begin_connect("first").failed_with(errc::ticket_source_failed));
}

TEST_CASE("websocket_manager: a rejected ticket without a next one is an authentication_error",
          "[component][websocket_manager]") {
    manager_case test;
    test.transports->expect_connect().refuse_status(403);

    const auto connecting = test.begin_connect();

    CHECK(connecting.failed_with(errc::ticket_rejected));
    CHECK_THROWS_AS(connecting.get(), authentication_error);
    CHECK(test.transports->made() == 1);
}

TEST_CASE("websocket_manager: a reconnect takes the ticket of update_ticket",
          "[component][websocket_manager]") {
    manager_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.begin_connect("old").get();

    test.socket->update_ticket(ticket_of("new"));
    first.close(1001);
    test.pass(1s);

    CHECK(second.target() == "/ws?ticket=new");
    CHECK(test.events == std::vector<std::string>{"lost(closed)", "reconnecting(1)", "restored"});
}

TEST_CASE("websocket_manager: receiving continues across a reconnect, and ends with the connection",
          "[component][websocket_manager]") {
    manager_case test;
    auto& first = test.transports->expect_connect();
    auto& second = test.transports->expect_connect();
    test.begin_connect().get();
    const auto receiving = test.begin_receive();
    first.close(1001);
    test.pass(1s);
    CHECK_FALSE(receiving.done());

    second.reply("after").close(1000);
    poll(test.io);

    REQUIRE(receiving.get());
    CHECK(receiving.get()->data() == "after");
    CHECK_FALSE(run(test.io, test.socket->receive()));
    CHECK(test.events.back() == "failed(connection_closed)");
}

TEST_CASE("websocket_manager: messages without a receiver stay in the socket",
          "[component][websocket_manager]") {
    connection_config config;
    config.limits.event_count = 3;
    manager_case test(config);
    auto& peer = test.transports->expect_connect();
    for (int n = 0; n < 10; ++n)
        peer.reply(std::to_string(n));
    test.begin_connect().get();
    CHECK(test.socket->status().messages_received == 3);

    test.pass(1h);
    CHECK(test.socket->state() == websocket_state::ready);

    for (int n = 0; n < 10; ++n)
        CHECK(run(test.io, test.socket->receive())->data() == std::to_string(n));
}

TEST_CASE("websocket_manager: a cancelled receive loses no message",
          "[component][websocket_manager][J102]") {
    manager_case test;
    auto& peer = test.transports->expect_connect();
    test.begin_connect().get();
    auto receiving = test.begin_receive();

    receiving.cancel(asio::cancellation_type::partial);
    poll(test.io);
    peer.reply("kept");
    poll(test.io);

    CHECK(receiving.aborted());
    CHECK(run(test.io, test.socket->receive())->data() == "kept");
}

TEST_CASE("websocket_manager: invalid UTF-8 and large messages are rejected at once",
          "[component][websocket_manager][F77]") {
    connection_config config;
    config.limits.queue_bytes = 100;
    manager_case test(config);
    auto& peer = test.transports->expect_connect();
    test.begin_connect().get();

    const auto broken = start(test.io, test.socket->send("\xff"));
    const auto large = start(test.io, test.socket->send(std::string(101, 'x')));
    poll(test.io);

    CHECK(broken.failed_with(errc::invalid_utf8));
    CHECK(large.failed_with(errc::too_large));
    CHECK(peer.writes().empty());
}

TEST_CASE("websocket_manager: an exception of an event handler ends nothing",
          "[component][websocket_manager]") {
    websocket_manager_options options;
    options.on_event = [](const connection_event&) { throw std::runtime_error("oops"); };
    manager_case test({}, options);
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect();
    test.begin_connect().get();

    first.close(1001);
    test.pass(1s);

    CHECK(test.socket->state() == websocket_state::ready);
}

TEST_CASE("websocket_manager: a cancelled disconnect continues, and another joins it",
          "[component][websocket_manager]") {
    manager_case test;
    auto& peer = test.transports->expect_connect().ignore_close();
    test.begin_connect().get();

    auto one = start(test.io, test.socket->disconnect());
    poll(test.io);
    one.cancel();
    poll(test.io);
    CHECK(one.aborted());
    CHECK(test.transports->alive() == 1);
    const auto two = start(test.io, test.socket->disconnect());
    const auto receiving = test.begin_receive();
    test.pass(3s);

    CHECK_NOTHROW(two.get());
    CHECK_FALSE(receiving.get());
    CHECK(peer.closes() == std::vector<unsigned>{1000});
    CHECK(test.transports->alive() == 0);
}

TEST_CASE("websocket_manager: a connect during disconnect opens a session after it",
          "[component][websocket_manager]") {
    manager_case test;
    test.transports->expect_connect().ignore_close();
    auto& second = test.transports->expect_connect();
    second.reply("hello");
    test.begin_connect().get();

    const auto disconnecting = start(test.io, test.socket->disconnect());
    poll(test.io);
    const auto connecting = test.begin_connect("ticket-2");
    CHECK_FALSE(connecting.done());
    CHECK(test.transports->made() == 1);
    test.pass(3s);
    const auto receiving = test.begin_receive();

    CHECK_NOTHROW(disconnecting.get());
    CHECK_NOTHROW(connecting.get());
    CHECK(second.target() == "/ws?ticket=ticket-2");
    CHECK(test.socket->state() == websocket_state::ready);
    const auto hello = receiving.get();
    REQUIRE(hello);
    CHECK(hello->data() == "hello");
}

TEST_CASE("websocket_manager: a connect waits for a disconnect no longer than its timeout",
          "[component][websocket_manager]") {
    websocket_manager_options options;
    options.connect_timeout = 1s;
    manager_case test({}, options);
    test.transports->expect_connect().ignore_close();
    test.begin_connect().get();

    const auto disconnecting = start(test.io, test.socket->disconnect());
    poll(test.io);
    const auto connecting = test.begin_connect("ticket-2");
    test.pass(1s);

    CHECK(connecting.failed_with(errc::timed_out));
    CHECK_FALSE(disconnecting.done());
    test.pass(2s);
    CHECK_NOTHROW(disconnecting.get());
    CHECK(test.transports->made() == 1);
    CHECK(test.socket->state() == websocket_state::closed);
}

TEST_CASE("websocket_manager: destruction completes each waiter with operation_aborted",
          "[component][websocket_manager][J105]") {
    manager_case test;
    auto& peer = test.transports->expect_connect();
    test.begin_connect().get();
    peer.hold_writes();
    const auto writing = start(test.io, test.socket->send("a"));
    const auto queued = start(test.io, test.socket->send("b"));
    const auto receiving = test.begin_receive();

    test.socket.reset();
    poll(test.io);

    CHECK(writing.failed_with(errc::sent_unconfirmed));
    CHECK(queued.aborted());
    CHECK(receiving.aborted());
    CHECK(peer.destroyed());
}

TEST_CASE("websocket_manager: destruction while it connects aborts the connect",
          "[component][websocket_manager][J105]") {
    manager_case test;
    test.transports->expect_connect().hold(phase::tls);
    const auto connecting = test.begin_connect();

    test.socket.reset();
    poll(test.io);

    CHECK(connecting.aborted());
}

TEST_CASE("websocket_manager: callers on many threads send once each, in their own order",
          "[component][threads][websocket_manager][M127]") {
    constexpr int callers = 8;
    constexpr int each = 50;
    asio::thread_pool pool(4);
    const auto environment = test_environment::make();
    const auto transports = std::make_shared<scripted_transports>(environment->time);
    environment->set_transports(transports);
    auto& peer = transports->expect_connect();
    auto socket = std::make_unique<websocket_manager>(pool.get_executor(), "wss://chat.example",
                                                      connection_config(),
                                                      websocket_manager_options(), environment);
    asio::co_spawn(pool, socket->connect(ticket_of("T")), asio::use_future).get();

    std::vector<std::future<void>> all;
    for (int caller = 0; caller < callers; ++caller) {
        auto send_all = [&socket, caller]() -> awaitable<void> {
            for (int n = 0; n < each; ++n) {
                co_await socket->send(std::to_string(caller) + ':' + std::to_string(n));
                socket->update_ticket(ticket_of("T"));
                (void)socket->status();
            }
        };
        all.push_back(asio::co_spawn(pool, std::move(send_all), asio::use_future));
    }
    for (auto& one : all)
        one.get();
    asio::co_spawn(pool, socket->disconnect(), asio::use_future).get();
    socket.reset();
    pool.join();

    CHECK(peer.writes().size() == callers * each);
    for (int caller = 0; caller < callers; ++caller) {
        int next = 0;
        for (const auto& text : peer.writes())
            if (text == std::to_string(caller) + ':' + std::to_string(next)) ++next;
        CHECK(next == each);
    }
}

} // namespace websocket_manager_test
