// One ticket_manager for many clients of the same identity, on many threads.

#include <parley/ticket_manager.hpp>

#include "support/live.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <future>
#include <memory>
#include <vector>

namespace ticket_sharing_test {

using namespace parley;
using namespace parley::test;
using parley::testing::chat_server;

TEST_CASE("ticket_manager: sixteen clients on eight threads share one request for a ticket",
          "[loopback][ticket_manager][A25]") {
    chat_server server(awkward_tickets());
    asio::thread_pool pool(8);
    const auto config = config_for(server);
    ticket_manager_options options;
    options.log = config.log;
    options.log_threshold = config.log_threshold;
    auto tickets = std::make_shared<ticket_manager>(pool.get_executor(), config.auth, server.url(),
                                                    config.ticket, options);
    std::vector<std::unique_ptr<chat_client>> clients;
    std::vector<std::future<void>> under_way;
    for (int i = 0; i < 16; ++i)
        clients.push_back(std::make_unique<chat_client>(pool.get_executor(), config, tickets));
    for (auto& each : clients)
        under_way.push_back(asio::co_spawn(pool, each->init(), asio::use_future));
    for (auto& each : under_way)
        CHECK_NOTHROW(each.get());
    CHECK(server.seen().ticket_requests == 1);
    CHECK(server.seen().sessions_open_now == 16);
    std::uint64_t counted = 0; // by the client alone that began the request
    for (const auto& each : clients)
        counted += each->metrics().tickets_requested;
    CHECK(counted == 1);

    // They come back all at once, by the ticket that is held.
    server.drop_all();
    under_way.clear();
    for (auto& each : clients)
        under_way.push_back(asio::co_spawn(pool, each->reconnect(), asio::use_future));
    for (auto& each : under_way)
        CHECK_NOTHROW(each.get());
    CHECK(server.seen().ticket_requests == 1);

    under_way.clear();
    for (auto& each : clients)
        under_way.push_back(asio::co_spawn(pool, each->disconnect(), asio::use_future));
    for (auto& each : under_way)
        CHECK_NOTHROW(each.get());
    const auto now = tickets->snapshot();
    CHECK(now.valid);
    CHECK(now.requests == 1);
    CHECK(now.refreshes == 1);
    CHECK(now.failures == 0);
    CHECK(now.waiters == 0);
    clients.clear();
    tickets.reset();
    pool.join();
}

TEST_CASE("ticket_manager: a hundred concurrent inits ask a slow server once for each identity",
          "[loopback][ticket_manager][A25][I99]") {
    constexpr std::size_t identities = 4;
    chat_server server(awkward_tickets());
    server.fail(testing::endpoint::ticket,
                testing::http_fault::delay(std::chrono::milliseconds(500)));
    asio::thread_pool pool(4);
    auto config = config_for(server);
    std::vector<std::shared_ptr<ticket_manager>> tickets;
    for (std::size_t i = 0; i < identities; ++i) {
        config.auth.user_id = "user-" + std::to_string(i);
        tickets.push_back(std::make_shared<ticket_manager>(pool.get_executor(), config.auth,
                                                           server.url(), config.ticket));
    }
    // Half of the callers have a client of their own, the others share one for each identity.
    std::vector<std::unique_ptr<chat_client>> clients;
    for (std::size_t i = 0; i < 50; ++i)
        clients.push_back(
            std::make_unique<chat_client>(pool.get_executor(), config, tickets.at(i % identities)));
    std::vector<std::future<void>> under_way;
    for (std::size_t i = 0; i < 100; ++i)
        under_way.push_back(asio::co_spawn(pool, clients.at(i < 50 ? i : i % identities)->init(),
                                           asio::use_future));
    for (auto& each : under_way)
        CHECK_NOTHROW(each.get());

    CHECK(server.seen().ticket_requests == identities);
    CHECK(server.seen().sessions_opened == 50);
    for (const auto& each : tickets)
        CHECK(each->snapshot().requests == 1);

    under_way.clear();
    for (auto& each : clients)
        under_way.push_back(asio::co_spawn(pool, each->disconnect(), asio::use_future));
    for (auto& each : under_way)
        CHECK_NOTHROW(each.get());
    clients.clear();
    tickets.clear();
    pool.join();
}

} // namespace ticket_sharing_test
