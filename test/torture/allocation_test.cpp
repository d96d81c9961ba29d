// Every allocation fails once, in connecting, sending and closing (doc/test-catalogue.md J110), and
// each with the one after it.

#include <parley/message_handler.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/connection_case.hpp"
#include "support/fake_ticket_source.hpp"
#include "torture/failing_memory.hpp"

#include <map>
#include <new>
#include <optional>

namespace allocation_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

// How many fail in a row.
std::size_t in_a_row = 1;

/// Runs what is ready; an exception that comes out of it is counted, and the rest goes on.
void poll_through(asio::io_context& io, int& escaped) {
    for (;;) {
        try {
            return poll(io);
        } catch (const std::bad_alloc&) {
            ++escaped;
        }
    }
}

/// One operation of a client with its n-th allocation failing.
template <class Begin>
ending fail_in(client_case& test, std::size_t n, Begin begin) {
    std::optional<started<void>> one;
    bool thrown = false; // at once, to the caller
    int escaped = 0;     // out of the context's run
    failing_memory::fail_nth(n, in_a_row);
    try {
        one = begin();
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    poll_through(test.io, escaped);
    if (failing_memory::stop() == 0)
        return expect(one && one->done() && !one->failed(), "it works") ? nothing_failed : wrong;
    // What waits for a time to come gets it.
    for (int minutes = 0; one && !one->done() && minutes < 3; ++minutes) {
        test.environment->time->advance(1min);
        poll_through(test.io, escaped);
    }
    std::size_t sent = 0;
    for (std::size_t each = 0; each < test.transports->made(); ++each)
        sent += test.transports->at(each).writes_with("torture");
    const bool done = thrown || (one && one->done());
    bool good = expect(done || escaped > 0, "the caller is told");
    good = expect(sent <= 1, "nothing is sent twice") && good;
    good = expect(test.transports->violations().empty(), "the transport's rules are kept") && good;
    // With memory again it comes to its end.
    auto ended = start(test.io, test.client->disconnect());
    for (int minutes = 0; !ended.done() && minutes < 3; ++minutes) {
        poll_through(test.io, escaped);
        test.environment->time->advance(1min);
    }
    poll_through(test.io, escaped);
    // What threw out of run or of a call may have left a strand of Asio's locked for ever.
    const bool told = thrown || escaped > 0;
    good = expect(ended.done() || told, "disconnect returns") && good;
    test.client.reset();
    poll_through(test.io, escaped);
    good = expect(test.transports->alive() == 0 || escaped > 0, "nothing is left") && good;
    return good ? as_it_should : wrong;
}

void serve(scripted_connection& peer) {
    peer.reply(session_established_frame);
    peer.expect_write("configure_tools").reply(tools_configured_frame);
}

ending connecting(std::uint64_t n) {
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.transports->otherwise(serve);
    test.make();
    return fail_in(test, n, [&] { return start(test.io, test.client->init()); });
}

ending sending(std::uint64_t n) {
    client_case test;
    test.transports->otherwise(serve);
    test.make();
    test.init();
    return fail_in(test, n, [&] { return start(test.io, test.client->send_message("torture")); });
}

ending closing(std::uint64_t n) {
    client_case test;
    test.transports->otherwise(serve);
    test.make();
    test.init();
    return fail_in(test, n, [&] { return start(test.io, test.client->disconnect()); });
}

/// A caller takes the event for whose room an opening waits.
ending making_room(std::uint64_t n) {
    client_case test;
    test.config.connection.limits.event_count = 1;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    test.told(); // from now on nothing is dropped
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(text_frame("early"));
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    std::optional<started<std::optional<event>>> next;
    int escaped = 0;
    failing_memory::fail_nth(n, in_a_row);
    try {
        next = start(test.io, test.client->next_event());
    } catch (const std::bad_alloc&) {
        ++escaped;
    }
    poll_through(test.io, escaped);
    const bool none_failed = failing_memory::stop() == 0;
    const bool taken = next && next->done() && !next->failed();
    test.client.reset();
    poll_through(test.io, escaped);
    if (none_failed) return expect(taken, "the event is taken") ? nothing_failed : wrong;
    return as_it_should;
}

/// Destroys it while every allocation of this thread fails.
template <class Object>
void destroy_without_memory(Object& object) {
    failing_memory::fail_all();
    object.reset();
    failing_memory::stop();
}

enum class destroyed : std::uint64_t { client, ticket_manager, websocket_manager, message_handler };

/// An object that a caller waits for.
ending destroying(std::uint64_t which) {
    client_case test;
    bool told = false;
    const auto finish = [&test, &told](auto waiting) {
        poll(test.io);
        told = waiting.failed();
    };
    switch (static_cast<destroyed>(which)) {
    case destroyed::client: {
        test.transports->otherwise(serve);
        test.make();
        test.init();
        auto waiting = start(test.io, test.client->ask("torture"));
        poll(test.io);
        destroy_without_memory(test.client);
        finish(std::move(waiting));
        break;
    }
    case destroyed::ticket_manager: {
        const auto source = std::make_shared<fake_ticket_source>(test.environment->time);
        source->hold();
        std::optional<ticket_manager> tickets(std::in_place, test.io.get_executor(), auth_data(),
                                              source, ticket_config(), ticket_manager_options(),
                                              test.environment);
        auto waiting = start(test.io, tickets->get_valid_ticket());
        poll(test.io);
        destroy_without_memory(tickets);
        finish(std::move(waiting));
        break;
    }
    case destroyed::websocket_manager: {
        std::optional<websocket_manager> socket(std::in_place, test.io.get_executor(),
                                                "wss://chat.example", connection_config(),
                                                websocket_manager_options(), test.environment);
        test.transports->expect_connect();
        run(test.io, socket->connect(ticket_of("ticket-1")));
        auto waiting = start(test.io, socket->receive());
        poll(test.io);
        destroy_without_memory(socket);
        finish(std::move(waiting));
        break;
    }
    case destroyed::message_handler: {
        std::optional<message_handler> messages(std::in_place, test.io.get_executor(),
                                                message_handler_options(), test.environment);
        auto waiting = start(test.io, messages->next_event());
        poll(test.io);
        destroy_without_memory(messages);
        finish(std::move(waiting));
        break;
    }
    }
    bool good = expect(told, "the waiter hears that it is destroyed");
    good = expect(test.transports->alive() == 0, "nothing is left") && good;
    return good ? as_it_should : wrong;
}

/// Runs it for every n, each in a process of its own, and counts how they ended.
std::map<int, std::size_t> for_every_allocation(ending (*scenario)(std::uint64_t),
                                                std::size_t failures = 1) {
    in_a_row = failures;
    std::map<int, std::size_t> counts;
    for (std::size_t n = 1; counts[nothing_failed] == 0 && n < 100'000; ++n) {
        const int code = ending_of(scenario, n);
        ++counts[code];
        const bool good = code == as_it_should || code == nothing_failed || code == in_a_dependency;
        if (!good) UNSCOPED_INFO("allocation " << n << " ended in " << code);
        CHECK(good);
    }
    return counts;
}

} // namespace

TEST_CASE(
    "torture: whichever allocation fails in connecting, the caller gets the error or run throws",
    "[torture][J110]") {
    const auto counts = for_every_allocation(connecting);
    CHECK(counts.at(as_it_should) > 50);
}

TEST_CASE("torture: whichever allocation fails in sending, the caller gets the error or run throws",
          "[torture][J110]") {
    const auto counts = for_every_allocation(sending);
    CHECK(counts.at(as_it_should) > 10);
}

TEST_CASE("torture: whichever allocation fails in closing, the caller gets the error or run throws",
          "[torture][J110]") {
    const auto counts = for_every_allocation(closing);
    CHECK(counts.at(as_it_should) > 10);
}

TEST_CASE("torture: whichever allocation fails in making room for an opening, nothing terminates",
          "[torture][J110]") {
    const auto counts = for_every_allocation(making_room);
    CHECK(counts.at(as_it_should) > 3);
}

TEST_CASE("torture: two failing allocations in a row have no worse effect", "[torture][J110]") {
    for (const auto scenario : {connecting, sending, closing}) {
        const auto counts = for_every_allocation(scenario, 2);
        CHECK(counts.at(as_it_should) > 10);
    }
    const auto counts = for_every_allocation(making_room, 2);
    CHECK(counts.at(as_it_should) > 3);
}

TEST_CASE("torture: a destructor needs no memory, and completes its waiter", "[torture][J110]") {
    const auto which = GENERATE(destroyed::client, destroyed::ticket_manager,
                                destroyed::websocket_manager, destroyed::message_handler);
    CAPTURE(static_cast<int>(which));
    CHECK(ending_of(destroying, static_cast<std::uint64_t>(which)) == as_it_should);
}

} // namespace allocation_test
