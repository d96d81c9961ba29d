#include "stress/user.hpp"

#include <parley/error.hpp>
#include <parley/event_handlers.hpp>
#include <parley/with_timeout.hpp>

#include "testing/frames.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace parley::stress {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

void findings::began() {
    const std::lock_guard lock(mutex_);
    ++under_way_;
}

void findings::ended(const std::exception_ptr& thrown) {
    std::string outcome = "done";
    bool expected = true;
    try {
        if (thrown) std::rethrow_exception(thrown);
    } catch (const client_error& known) {
        outcome = known.info().code.message();
    } catch (const boost::system::system_error& aborted) {
        outcome = aborted.code().message();
        expected = aborted.code() == asio::error::operation_aborted;
    } catch (const std::exception& other) {
        outcome = other.what();
        expected = false;
    } catch (...) {
        outcome = "an exception that is not a std::exception";
        expected = false;
    }
    const std::lock_guard lock(mutex_);
    --under_way_;
    ++(expected ? outcomes_ : wrong_)[outcome];
}

std::size_t findings::under_way() const {
    const std::lock_guard lock(mutex_);
    return under_way_;
}

bool findings::broken() const {
    const std::lock_guard lock(mutex_);
    return !wrong_.empty();
}

void findings::print() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [outcome, count] : outcomes_)
        std::printf("%8zu %s\n", count, outcome.c_str());
    for (const auto& [outcome, count] : wrong_)
        std::printf("%8zu WRONG: %s\n", count, outcome.c_str());
}

namespace {

template <class T>
awaitable<void> dropped(awaitable<T> operation) {
    co_await std::move(operation);
}

awaitable<void> nothing() { co_return; }

awaitable<json_text> say_back(tool_call call) { co_return call.parameters(); }

tool a_tool(const char* name) {
    return tool(name, "says it back", json_text::parse(R"({"type":"object"})"), say_back);
}

/// An operation of a client, begun and not awaited; or a member that returns at once.
awaitable<void> any_of(chat_client& client, dice& by) {
    switch (by.below(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return client.init();
    case 4:
    case 5:
        return client.send_message("hello");
    case 6:
    case 7:
        return dropped(client.ask("hello"));
    case 8:
        return dropped(client.ask("hello", [](std::string_view) {}));
    case 9:
        return by.one_in(2) ? dropped(client.next_event())
                            : dropped(with_timeout(client.next_event(), 20ms));
    case 10:
        return client.run(event_handlers());
    case 11:
        return client.stop_run();
    case 12:
        return client.add_client_tool(a_tool("another"));
    case 13:
        return client.remove_client_tool("another");
    case 14:
        return client.update_context_helpers(json_text::parse(R"({"page":"home"})"));
    case 15:
        return client.update_entity("thread", "entity", "kind");
    case 16:
        return client.update_metadata("thread", metadata_patch());
    case 17:
        return client.refresh_ticket_and_reconnect();
    case 18:
        return client.reconnect();
    case 19:
        return client.disconnect();
    case 20:
        client.notify_network_change();
        return nothing();
    case 21:
        static_cast<void>(client.status());
        static_cast<void>(client.metrics());
        return nothing();
    case 22:
        try {
            std::vector<tool> tools;
            tools.push_back(a_tool("echo"));
            client.update_client_tools(std::move(tools));
        } catch (const client_error&) { // it may not be there
        }
        return nothing();
    default:
        static_cast<void>(client.is_connected());
        return with_timeout(client.send_message("hello"), by.up_to(5ms));
    }
}

awaitable<void> any_of(ticket_manager& tickets, owners& world, dice& by) {
    switch (by.below(12)) {
    case 0:
    case 1:
        return dropped(tickets.get_valid_ticket());
    case 2:
        return dropped(tickets.get_valid_ticket(steady::now() + by.up_to(20ms)));
    case 3:
        return dropped(tickets.refresh_ticket());
    case 4:
        return dropped(tickets.replace_ticket(world.a_ticket()));
    case 5:
        return dropped(tickets.validate_with_server());
    case 6:
        tickets.start_proactive_renewal([](const ticket&) {});
        tickets.on_renewal_failed([](const error_info&) {});
        return nothing();
    case 7:
        tickets.stop_proactive_renewal();
        return nothing();
    case 8:
        tickets.clear();
        return nothing();
    case 9: {
        auth_data_patch patch;
        patch.entity_id = std::to_string(by.below(9));
        tickets.update_auth_data(std::move(patch));
        return nothing();
    }
    case 10:
        if (by.one_in(10)) return tickets.stop();
        return nothing();
    default:
        static_cast<void>(tickets.is_valid());
        static_cast<void>(tickets.expires_in());
        static_cast<void>(tickets.expires_at());
        static_cast<void>(tickets.snapshot());
        return nothing();
    }
}

awaitable<void> any_of(websocket_manager& socket, owners& world, dice& by) {
    switch (by.below(6)) {
    case 0:
    case 1:
        return socket.connect(world.a_ticket());
    case 2:
        return socket.send(R"({"type":"heartbeat_ping"})");
    case 3:
        return dropped(socket.receive());
    case 4:
        return socket.disconnect();
    default:
        socket.update_ticket(world.a_ticket());
        static_cast<void>(socket.state());
        static_cast<void>(socket.status());
        return nothing();
    }
}

awaitable<void> any_of(message_handler& handler, dice& by) {
    switch (by.below(4)) {
    case 0:
        return dropped(handler.next_event());
    case 1:
        return by.one_in(10) ? handler.stop() : nothing();
    default:
        return handler.handle(testing::frames::content_delta("x"));
    }
}

awaitable<void> any_operation(owners& world, dice& by) {
    switch (by.below(10)) {
    case 0:
    case 1:
        return any_of(*world.any_manager(by), world, by);
    case 2:
        return any_of(*world.any_socket(by), world, by);
    case 3:
        return any_of(*world.any_handler(by), by);
    default:
        return any_of(*world.any_client(by), by);
    }
}

constexpr asio::cancellation_type every_type[] = {
    asio::cancellation_type::terminal, asio::cancellation_type::partial,
    asio::cancellation_type::total, asio::cancellation_type::all};

/// One user, on a strand of its own.
struct user {
    user(asio::io_context& on, owners& in, findings& tells, std::uint64_t seed)
        : strand(asio::make_strand(on)), world(in), found(tells), by(seed), wake(strand) {}

    asio::any_io_executor strand;
    owners& world;
    findings& found;
    dice by;
    asio::steady_timer wake;
    asio::cancellation_signal signal;
    bool done = false;
};

awaitable<void> hearing_all(awaitable<void> operation) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await std::move(operation);
}

awaitable<void> wait(user* self, steady::time_point until) {
    self->wake.expires_at(until);
    auto waiting = self->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
}

/// It is cancelled after some time at the latest, in one way or all: so that nothing waits for what
/// never comes.
awaitable<void> perform(std::shared_ptr<user> self, awaitable<void> operation) {
    self->done = false;
    self->found.began();
    auto finished = [self](const std::exception_ptr& thrown) {
        self->done = true;
        self->wake.cancel();
        self->found.ended(thrown);
    };
    auto slot = self->signal.slot();
    asio::co_spawn(self->strand, hearing_all(std::move(operation)),
                   asio::bind_cancellation_slot(slot, std::move(finished)));
    const auto patience =
        self->by.one_in(3) ? self->by.up_to(20ms) : std::chrono::milliseconds(1'000);
    co_await wait(self.get(), steady::now() + patience);
    while (!self->done) {
        const auto type = every_type[self->by.below(std::size(every_type))];
        self->signal.emit(type);
        co_await wait(self.get(), steady::now() + 100ms);
    }
}

awaitable<void> live(std::shared_ptr<user> self, steady::time_point until) {
    while (steady::now() < until) {
        auto next = any_operation(self->world, self->by);
        co_await perform(self, std::move(next));
    }
}

} // namespace

void start_user(asio::io_context& on, owners& world, findings& found, std::uint64_t seed,
                steady::time_point until) {
    const auto one = std::make_shared<user>(on, world, found, seed);
    found.began();
    asio::co_spawn(one->strand, live(one, until),
                   [&found](const std::exception_ptr& thrown) { found.ended(thrown); });
}

void pass_by_until(steady::time_point end, owners& world, findings& found, std::uint64_t seed) {
    dice by(seed);
    while (steady::now() < end) {
        auto here = std::make_unique<asio::io_context>();
        std::size_t begun = 0;
        std::size_t ended = 0;
        for (std::size_t i = by.below(6) + 1; i > 0; --i) {
            found.began();
            ++begun;
            asio::co_spawn(*here, any_operation(world, by),
                           [&found, &ended](const std::exception_ptr& thrown) {
                               ++ended;
                               found.ended(thrown);
                           });
        }
        here->run_for(by.up_to(15ms));
        here.reset();
        for (; ended < begun; ++ended) // gone with it
            found.ended(nullptr);
    }
}

void leave_until(steady::time_point end, owners& world, asio::io_context& callers, findings& found,
                 std::uint64_t seed) {
    dice by(seed);
    while (steady::now() < end) {
        auto there = std::make_unique<asio::io_context>();
        auto work = std::make_optional(asio::make_work_guard(*there));
        std::thread thread([&there] { there->run(); });
        auto client = world.make_client(*there, by);
        auto tickets = world.make_manager(*there, by);
        auto socket = world.make_socket(*there, by);
        std::vector<std::future<void>> begun;
        for (std::size_t i = by.below(6) + 1; i > 0; --i) {
            const auto strand = asio::make_strand(callers);
            const auto which = by.below(3);
            auto operation = which == 0   ? any_of(*client, by)
                             : which == 1 ? any_of(*tickets, world, by)
                                          : any_of(*socket, world, by);
            found.began();
            asio::co_spawn(strand, std::move(operation),
                           [&found](const std::exception_ptr& thrown) { found.ended(thrown); });
            // By then it waits: what has not begun must not begin any more.
            begun.push_back(asio::post(strand, asio::use_future));
        }
        for (auto& each : begun)
            each.get();
        std::this_thread::sleep_for(by.up_to(15ms));
        client.reset();
        tickets.reset();
        socket.reset();
        work.reset();
        if (by.one_in(2)) there->stop();
        thread.join();
        there.reset();
    }
}

} // namespace parley::stress
