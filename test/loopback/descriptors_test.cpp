// Out of file descriptors. A program of its own: the limit is the whole process's.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/websocket_manager.hpp>

#include "support/live.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <sys/resource.h>

namespace descriptors_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::chat_server;

namespace {

/// As long as it lives, this process gets no new descriptor; those that it has go on.
class no_descriptors {
public:
    no_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        auto none = before_;
        none.rlim_cur = 3; // beyond the standard ones
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// A context that has been running for a while: its own descriptors are there.
struct running : live {
    asio::steady_timer timer{io};
};

bool says_why(const error_info& error) {
    return error.details.reason.find("Too many open files") != std::string::npos;
}

} // namespace

TEST_CASE("chat_client: without descriptors a session waits for its backoff, and is restored after",
          "[loopback][chat_client][C45]") {
    running l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    {
        const no_descriptors here;
        server.drop_all();
        unsigned attempts = 0;
        auto shortest = 1h + 0ms;
        while (attempts < 6) {
            const auto happened = l.run(client.next_event());
            REQUIRE(happened);
            const auto* again = std::get_if<reconnecting>(&*happened);
            if (again == nullptr) continue;
            CHECK(again->attempt == ++attempts); // one for each backoff: no loop
            shortest = std::min(shortest, again->delay);
            // The errors of the attempts, and not of the loss.
            if (attempts < 2) continue;
            const auto last = client.status().websocket.last_error;
            REQUIRE(last);
            CHECK(last->is(errc::connect_failed));
            CHECK(last->details.phase == phase::tcp);
            CHECK(last->details.retryable);
            CHECK(says_why(*last));
        }
        CHECK_FALSE(client.is_connected());
    }
    l.run(events_until<connection_restored>(client));
    CHECK(client.is_connected());
    CHECK_NOTHROW(l.run(client.ask("still there?")));
    l.run(client.disconnect());
    CHECK(l.drains());
}

TEST_CASE("chat_client: without descriptors init throws the error of the ticket request",
          "[loopback][chat_client][C45]") {
    running l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.ticket.max_retries = 2;
    chat_client client(l.io.get_executor(), config);
    {
        const no_descriptors here;
        const auto opening = start(l.io, client.init());
        REQUIRE(l.until([&] { return opening.done(); }));
        REQUIRE(opening.failure());
        INFO(opening.failure()->message + ' ' + opening.failure()->details.to_string());
        REQUIRE(opening.failed_with(errc::ticket_request_failed));
        CHECK(opening.failure()->details.phase == phase::tcp);
        CHECK(opening.failure()->details.attempt == 3u);
        CHECK(opening.failure()->details.retryable);
        CHECK(says_why(*opening.failure()));
    }
    CHECK_NOTHROW(l.run(client.init()));
    l.run(client.disconnect());
    CHECK(l.drains());
}

TEST_CASE("websocket_manager: without descriptors connect throws, and works again after",
          "[loopback][websocket_manager][C45]") {
    running l;
    chat_server server(awkward_tickets());
    connection_config config;
    websocket_manager manager(l.io.get_executor(), server.url(), config);
    const ticket any(secret("tk-1"), ticket::wall_time::max());
    {
        const no_descriptors here;
        const auto connecting = start(l.io, manager.connect(any));
        REQUIRE(l.until([&] { return connecting.done(); }));
        REQUIRE(connecting.failure());
        INFO(connecting.failure()->message + ' ' + connecting.failure()->details.to_string());
        CHECK(connecting.failed_with(errc::connect_failed));
        CHECK(says_why(*connecting.failure()));
    }
    const auto refused = start(l.io, manager.connect(any));
    REQUIRE(l.until([&] { return refused.done(); }));
    CHECK_FALSE(refused.failed_with(errc::connect_failed)); // the server answers
    l.run(manager.disconnect());
    CHECK(l.drains());
}

} // namespace descriptors_test
