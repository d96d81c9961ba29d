// What must stay flat over thousands of reconnects, and what a restart of the server costs
// (doc/test-catalogue.md N131). Small here; `test/long.sh` sets PARLEY_LONG for the full size.

#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "support/live.hpp"
#include "support/long_run.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace soak_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::chat_server;
using parley::testing::chat_server_options;
using parley::testing::server_tls;

namespace {

std::size_t entries_of(const char* directory) {
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator(directory)) {
        (void)each;
        ++count;
    }
    return count;
}

/// What this process holds.
struct footprint {
    std::size_t descriptors = entries_of("/proc/self/fd");
    std::size_t threads = entries_of("/proc/self/task");
    std::size_t resident = pages() * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

private:
    static std::size_t pages() {
        std::ifstream statm("/proc/self/statm");
        std::size_t all = 0;
        std::size_t held = 0;
        statm >> all >> held;
        return held;
    }
};

chat_server_options frugal(server_tls tls, std::uint16_t port = 0) {
    chat_server_options options = awkward_tickets();
    options.tls = tls;
    options.port = port;
    options.max_recorded = 50; // what the server remembers is not to be measured
    return options;
}

/// Until the session has come back once more. Counts what the events say.
awaitable<void> restored(chat_client& client) {
    while (auto happened = co_await client.next_event())
        if (std::holds_alternative<connection_restored>(*happened)) co_return;
    throw std::runtime_error("the session did not come back");
}

awaitable<void> reconnect_often(chat_client& client, chat_server& server, int times) {
    for (int n = 0; n < times; ++n) {
        if (n % 4 == 0) {
            co_await client.reconnect();
        } else if (n % 4 == 1) {
            server.close_all(1012);
        } else {
            server.drop_all();
        }
        co_await restored(client);
        if (n % 10 == 0) co_await client.ask("still there?");
    }
}

/// One of many, which tells when it has come back.
class visitor {
public:
    visitor(live& l, const chat_client_config& config, std::shared_ptr<ticket_manager> tickets)
        : client(l.io.get_executor(), config, std::move(tickets)) {}

    static awaitable<void> stay(visitor& self) {
        co_await self.client.init();
        self.ready = true;
        while (auto happened = co_await self.client.next_event()) {
            if (const auto* again = std::get_if<reconnecting>(&*happened)) {
                if (again->attempt == 1) self.first_delay = again->delay;
                ++self.attempts;
            }
            if (std::holds_alternative<connection_restored>(*happened)) self.back = true;
        }
    }

    chat_client client;
    std::optional<std::chrono::milliseconds> first_delay;
    int attempts = 0;
    bool ready = false;
    bool back = false;
};

} // namespace

TEST_CASE("soak: thousands of reconnects do not grow descriptors, threads and memory",
          "[loopback][soak][long][N131]") {
    const auto tls = GENERATE(server_tls::off, server_tls::generated);
    const int warm_up = long_run() ? 1'000 : 60;
    const int times = long_run() ? 10'000 : 140;
    live l;
    l.patience = 30min;
    chat_server server(frugal(tls));
    auto config = config_for(server);
    config.connection.reconnect.backoff.base = 1ms;
    config.connection.reconnect.backoff.cap = 2ms;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    l.run(reconnect_often(client, server, warm_up));
    const footprint before;

    l.run(reconnect_often(client, server, times));

    const footprint after;
    // The server notices an end a moment later than we do.
    CHECK(after.descriptors <= before.descriptors + 4);
    CHECK(after.threads == before.threads);
    if (long_run()) CHECK(after.resident <= before.resident + before.resident / 50);
    CHECK(server.seen().ticket_requests == 1);
    CHECK(client.metrics().connections_lost == static_cast<std::uint64_t>(warm_up + times));
    CHECK(client.metrics().connections_opened == client.metrics().connections_lost + 1);
    l.run(client.disconnect());
    CHECK(l.drains());
}

TEST_CASE(
    "soak: all sessions are restored after a restart of the server, spread out, with few tickets",
    "[loopback][soak][long][I92][N131]") {
    const std::size_t size = long_run() ? 1'000 : 50;
    // A server that forgets its tickets, or one that only was away.
    const bool forgets = GENERATE(true, false);
    live l;
    l.patience = 10min;
    auto server = std::make_unique<chat_server>(frugal(server_tls::off));
    const auto port = server->port();
    auto config = config_for(*server);
    config.connection.reconnect.backoff.base = 500ms;
    ticket_manager_options options;
    options.connection = config.connection;
    auto tickets = std::make_shared<ticket_manager>(l.io.get_executor(), config.auth,
                                                    config.server_url, config.ticket, options);
    std::vector<std::unique_ptr<visitor>> all;
    std::vector<started<void>> staying;
    for (std::size_t n = 0; n < size; ++n) {
        all.push_back(std::make_unique<visitor>(l, config, tickets));
        staying.push_back(start(l.io, visitor::stay(*all.back())));
    }
    const auto every = [&](auto holds) {
        return std::all_of(all.begin(), all.end(), [&](const auto& one) { return holds(*one); });
    };
    REQUIRE(l.until([&] { return every([](const visitor& one) { return one.ready; }); }));
    CHECK(server->seen().ticket_requests == 1); // one identity

    if (forgets) {
        server.reset();
        server = std::make_unique<chat_server>(frugal(server_tls::off, port));
    } else {
        server->refuse_connections(true);
        server->drop_all();
        REQUIRE(
            l.until([&] { return every([](const visitor& one) { return one.attempts > 0; }); }));
        server->refuse_connections(false);
    }
    REQUIRE(l.until([&] { return every([](const visitor& one) { return one.back; }); }));

    CHECK(server->seen().ticket_requests == 1);
    // Full jitter: the first attempts are uniform in half a second, none of whose tenths is empty
    // or has half of them.
    std::vector<std::size_t> tenths(10);
    for (const auto& one : all) {
        REQUIRE(one->first_delay);
        REQUIRE(*one->first_delay <= 500ms);
        ++tenths[std::min<std::size_t>(9,
                                       static_cast<std::size_t>(one->first_delay->count()) / 50)];
    }
    CHECK(*std::max_element(tenths.begin(), tenths.end()) < size / 2);
    if (long_run()) CHECK(*std::min_element(tenths.begin(), tenths.end()) > size / 20);
    CHECK(server->violations().empty());

    for (auto& one : all)
        l.run(one->client.disconnect());
    for (const auto& one : staying)
        CHECK(l.until([&] { return one.done(); }));
    all.clear();
    l.run(tickets->stop());
    tickets.reset();
    CHECK(l.drains());
}

} // namespace soak_test
