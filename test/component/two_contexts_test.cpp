// Whoever waits in one context for something of another: either may be destroyed first. Meant for
// AddressSanitizer and ThreadSanitizer too.

#include <parley/chat_client.hpp>
#include <parley/detail/context_watch.hpp>
#include <parley/message_handler.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/fake_ticket_source.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace two_contexts_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// One of everything in a context of its own, and another context for callers. The client's
/// session is ready, and its peer sends nothing more; HTTP has no answer; the source of
/// tickets holds what is asked for.
struct apart {
    apart() {
        environment->set_transports(transports);
        transports->otherwise(
            [](scripted_connection& peer) { peer.reply(session_established_frame); });
        environment->http->answer_ticket("ticket-1", 1h);
        chat_client_config config;
        config.server_url = "wss://chat.example";
        client.emplace(owners->get_executor(), config, environment);
        auto opening = start(*owners, client->init());
        poll(*owners);
        opening.get();
        tickets = std::make_shared<ticket_manager>(owners->get_executor(), auth_data(), source,
                                                   ticket_config(), ticket_manager_options(),
                                                   environment);
        server_tickets.emplace(owners->get_executor(), auth_data(), "wss://chat.example",
                               ticket_config(), ticket_manager_options(), environment);
        environment->http->answer_ticket("ticket-2", 1h);
        auto first = start(*owners, server_tickets->get_valid_ticket());
        poll(*owners);
        first.get();
        source->hold();
        socket.emplace(owners->get_executor(), "wss://chat.example", connection_config(),
                       websocket_manager_options(), environment);
        auto connecting = start(*owners, socket->connect(source->make("ticket-3", 1h)));
        poll(*owners);
        connecting.get();
        fresh_socket.emplace(owners->get_executor(), "wss://chat.example", connection_config(),
                             websocket_manager_options(), environment);
        handler.emplace(owners->get_executor(), message_handler_options(), environment);
        fresh_client.emplace(owners->get_executor(), config, tickets, environment);
    }

    /// What must go before its context does.
    void drop_owned() {
        client.reset();
        fresh_client.reset();
        tickets.reset();
        server_tickets.reset();
        socket.reset();
        fresh_socket.reset();
        handler.reset();
    }

    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<scripted_transports> transports =
        std::make_shared<scripted_transports>(environment->time);
    std::shared_ptr<fake_ticket_source> source =
        std::make_shared<fake_ticket_source>(environment->time);
    std::unique_ptr<asio::io_context> callers = std::make_unique<asio::io_context>();
    std::unique_ptr<asio::io_context> owners = std::make_unique<asio::io_context>();
    std::optional<chat_client> client, fresh_client;
    std::shared_ptr<ticket_manager> tickets;
    std::optional<ticket_manager> server_tickets;
    std::optional<websocket_manager> socket, fresh_socket;
    std::optional<message_handler> handler;
};

template <class T>
awaitable<void> outcome_dropped(awaitable<T> operation) {
    co_await std::move(operation);
}

template <class T>
std::function<awaitable<void>(apart&)> call(awaitable<T> (*begin)(apart&)) {
    return [begin](apart& in) { return outcome_dropped(begin(in)); };
}

struct named_call {
    const char* name;
    std::function<awaitable<void>(apart&)> begin;
};

/// Every public awaitable of an object that has an executor.
std::vector<named_call> public_awaitables() {
    return {
        {"ticket_manager::get_valid_ticket",
         call<ticket>([](apart& in) { return in.tickets->get_valid_ticket(); })},
        {"ticket_manager::get_valid_ticket until", call<ticket>([](apart& in) {
             return in.tickets->get_valid_ticket(in.environment->time->now() + 1h);
         })},
        {"ticket_manager::refresh_ticket",
         call<ticket>([](apart& in) { return in.tickets->refresh_ticket(); })},
        {"ticket_manager::replace_ticket", call<ticket>([](apart& in) {
             return in.tickets->replace_ticket(in.source->make("rejected", 1h));
         })},
        {"ticket_manager::validate_with_server", call<ticket_validation>([](apart& in) {
             return in.server_tickets->validate_with_server();
         })},
        {"ticket_manager::stop", call<void>([](apart& in) { return in.tickets->stop(); })},
        {"a client's init over a shared manager",
         call<void>([](apart& in) { return in.fresh_client->init(); })},
        {"chat_client::init", call<void>([](apart& in) { return in.client->init(); })},
        {"chat_client::send_message",
         call<void>([](apart& in) { return in.client->send_message("hello"); })},
        {"chat_client::ask", call<answer>([](apart& in) { return in.client->ask("hello"); })},
        {"chat_client::ask in pieces",
         call<answer>([](apart& in) { return in.client->ask("hello", [](std::string_view) {}); })},
        {"chat_client::next_event",
         call<std::optional<event>>([](apart& in) { return in.client->next_event(); })},
        {"chat_client::run",
         call<void>([](apart& in) { return in.client->run(event_handlers()); })},
        {"chat_client::stop_run", call<void>([](apart& in) { return in.client->stop_run(); })},
        {"chat_client::add_client_tool",
         call<void>([](apart& in) { return in.client->add_client_tool(echo_tool("echo")); })},
        {"chat_client::remove_client_tool",
         call<void>([](apart& in) { return in.client->remove_client_tool("echo"); })},
        {"chat_client::update_context_helpers", call<void>([](apart& in) {
             return in.client->update_context_helpers(json_text::parse(R"({"page":"home"})"));
         })},
        {"chat_client::update_entity", call<void>([](apart& in) {
             return in.client->update_entity("thread", "entity", "kind");
         })},
        {"chat_client::update_metadata", call<void>([](apart& in) {
             return in.client->update_metadata("thread", metadata_patch());
         })},
        {"chat_client::refresh_ticket_and_reconnect",
         call<void>([](apart& in) { return in.client->refresh_ticket_and_reconnect(); })},
        {"chat_client::reconnect", call<void>([](apart& in) { return in.client->reconnect(); })},
        {"chat_client::disconnect", call<void>([](apart& in) { return in.client->disconnect(); })},
        {"websocket_manager::connect", call<void>([](apart& in) {
             return in.fresh_socket->connect(in.source->make("ticket-4", 1h));
         })},
        {"websocket_manager::send", call<void>([](apart& in) { return in.socket->send("hello"); })},
        {"websocket_manager::receive",
         call<std::optional<incoming_message>>([](apart& in) { return in.socket->receive(); })},
        {"websocket_manager::disconnect",
         call<void>([](apart& in) { return in.socket->disconnect(); })},
        {"message_handler::handle",
         call<void>([](apart& in) { return in.handler->handle(session_established_frame); })},
        {"message_handler::next_event",
         call<std::optional<event>>([](apart& in) { return in.handler->next_event(); })},
        {"message_handler::stop", call<void>([](apart& in) { return in.handler->stop(); })},
    };
}

/// A caller's coroutine: `alive` lives as long as its frame.
awaitable<void> calling(awaitable<void> operation, std::shared_ptr<int> alive) {
    co_await std::move(operation);
    alive.reset();
}

// How far the operation has come when one of the contexts goes.
enum class begun { asked, waiting, some_time_later };

} // namespace

TEST_CASE(
    "two_contexts: destroying a caller's context first destroys its callers, and nothing more",
    "[component][two_contexts]") {
    for (const auto& each : public_awaitables())
        for (const auto how_far : {begun::asked, begun::waiting, begun::some_time_later}) {
            INFO(each.name << ", stage " << static_cast<int>(how_far));
            apart w;
            auto alive = std::make_shared<int>(0);
            const std::weak_ptr<int> frame = alive;
            auto one = start(*w.callers, calling(each.begin(w), std::move(alive)));
            poll(*w.callers);
            if (how_far != begun::asked) poll(*w.owners);
            if (how_far == begun::some_time_later) pass(*w.owners, *w.environment->time, 1ms);
            w.callers.reset();
            CHECK(frame.expired());
            poll(*w.owners);
            CHECK(w.tickets->snapshot().waiters == 0);
            w.source->release();
            pass(*w.owners, *w.environment->time, 1min);
            w.drop_owned();
            CHECK(out_of_work(*w.owners));
        }
}

TEST_CASE("two_contexts: when the context of the operation ends first, its caller is resumed",
          "[component][two_contexts]") {
    for (const auto& each : public_awaitables())
        for (const auto how_far : {begun::asked, begun::waiting, begun::some_time_later}) {
            INFO(each.name << ", stage " << static_cast<int>(how_far));
            apart w;
            auto alive = std::make_shared<int>(0);
            const std::weak_ptr<int> frame = alive;
            auto one = start(*w.callers, calling(each.begin(w), std::move(alive)));
            poll(*w.callers);
            if (how_far != begun::asked) poll(*w.owners);
            if (how_far == begun::some_time_later) pass(*w.owners, *w.environment->time, 1ms);
            const bool over = how_far != begun::asked && (poll(*w.callers), one.done());
            w.drop_owned();
            w.owners.reset();
            CHECK(out_of_work(*w.callers));
            CHECK(one.done());
            if (!over) CHECK((one.aborted() || how_far != begun::asked));
            CHECK(frame.expired());
        }
}

TEST_CASE("two_contexts: any type of cancellation reaches an operation on the other context",
          "[component][two_contexts]") {
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        apart w;
        auto waiting = [&]() -> awaitable<ticket> {
            co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
            auto going = w.tickets->get_valid_ticket();
            co_return co_await std::move(going);
        };
        auto one = start(*w.callers, waiting());
        poll(*w.callers);
        poll(*w.owners);
        CHECK(w.tickets->snapshot().waiters == 1);
        one.cancel(type);
        poll(*w.callers);
        CHECK_FALSE(one.done());
        poll(*w.owners);
        poll(*w.callers);
        CHECK(one.aborted());
        CHECK(w.tickets->snapshot().waiters == 0);
        w.drop_owned();
        poll(*w.owners);
    }
}

TEST_CASE("two_contexts: each context runs on its own thread, and may be destroyed at any moment",
          "[component][two_contexts][threads]") {
    const auto calls = public_awaitables();
    for (const bool callers_first : {true, false})
        for (int round = 0; round < 4; ++round)
            for (const auto& each : calls) {
                INFO(each.name << ", round " << round << (callers_first ? ", callers first" : ""));
                auto w = std::make_unique<apart>();
                w->owners->restart();
                std::atomic<bool> done = false;
                auto work = std::make_optional(asio::make_work_guard(*w->owners));
                std::thread owner([&w, callers_first, round] {
                    w->owners->run();
                    if (callers_first) return;
                    w->drop_owned();
                    w->owners.reset();
                    static_cast<void>(round);
                });
                std::thread caller([&w, &each, &done, callers_first, round, &work] {
                    asio::co_spawn(*w->callers, each.begin(*w),
                                   [&done](std::exception_ptr) { done = true; });
                    for (int turn = 0; turn < round; ++turn)
                        w->callers->poll();
                    if (callers_first) {
                        w->callers.reset();
                        return;
                    }
                    w->callers->poll();
                    work.reset();
                    w->owners->stop();
                    w->callers->restart();
                    w->callers->run();
                });
                caller.join();
                if (callers_first) {
                    w->source->release();
                    work.reset();
                    w->owners->stop();
                }
                owner.join();
                if (!callers_first) CHECK(done);
                if (callers_first) w->drop_owned();
            }
}

TEST_CASE("two_contexts: a context reports its end before its objects are destroyed",
          "[component][two_contexts]") {
    auto io = std::make_unique<asio::io_context>();
    const auto watch = parley::detail::context_watch::of(io->get_executor());
    CHECK(watch == parley::detail::context_watch::of(asio::make_strand(*io)));
    int calls = 0;
    CHECK(watch->while_alive([&] { ++calls; }));
    bool alive_in_the_end = true;
    const std::shared_ptr<void> last(nullptr, [&](void*) {
        alive_in_the_end = watch->while_alive([&] { ++calls; });
        watch->check("object that goes with it"); // is in time
    });
    asio::post(*io, [last] {});
    const_cast<std::shared_ptr<void>&>(last).reset();
    io.reset();
    CHECK_FALSE(alive_in_the_end);
    CHECK_FALSE(watch->while_alive([&] { ++calls; }));
    CHECK(calls == 1);
}

TEST_CASE("two_contexts: an object that outlives its context terminates the process with its name",
          "[component][two_contexts]") {
    const auto die = [](const std::function<void(apart&)>& too_late) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        const pid_t child = fork();
        if (child == 0) {
            std::signal(SIGABRT, SIG_DFL);
            dup2(ends[1], STDERR_FILENO);
            apart w;
            w.owners.reset();
            too_late(w);
            std::_Exit(0);
        }
        close(ends[1]);
        std::string said(1'000, '\0');
        const auto count = read(ends[0], said.data(), said.size());
        said.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        close(ends[0]);
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGABRT);
        return said;
    };
    const std::string rest = " is used or destroyed after its execution context was destroyed\n";
    CHECK(die([](apart& w) { w.tickets->clear(); }) == "parley: a ticket_manager" + rest);
    CHECK(die([](apart& w) { w.server_tickets.reset(); }) == "parley: a ticket_manager" + rest);
    CHECK(die([](apart& w) { w.client.reset(); }) == "parley: a chat_client" + rest);
    CHECK(die([](apart& w) { w.socket.reset(); }) == "parley: a websocket_manager" + rest);
    CHECK(die([](apart& w) { w.handler.reset(); }) == "parley: a message_handler" + rest);
}

} // namespace two_contexts_test
