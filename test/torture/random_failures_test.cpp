// Allocations that fail at random, over a real connection with TLS.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include "support/catch.hpp"
#include "support/live.hpp"
#include "support/long_run.hpp"
#include "torture/failing_memory.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

namespace random_failures_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// Runs until that is done, or in vain; what comes out of it goes on.
template <class Done>
bool run_through(asio::io_context& io, Done done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) {
        if (io.stopped()) io.restart();
        try {
            io.run_one_for(10ms);
        } catch (const std::bad_alloc&) { // from run
        }
    }
    return done();
}

template <class Begin>
void try_it(asio::io_context& io, Begin begin) {
    try {
        auto one = begin();
        run_through(io, [&] { return one.done(); });
    } catch (const std::bad_alloc&) { // to the caller
    }
}

/// A session with a random part of its allocations failing, which ends when there is memory again.
ending session(std::uint64_t seed) {
    testing::chat_server_options options;
    options.tls = testing::server_tls::generated;
    const testing::chat_server server(options);
    auto config = config_for(server);
    config.timeouts.init = 3s;
    config.timeouts.send = 1s;
    config.timeouts.answer = 1s;
    asio::io_context io;
    std::optional<chat_client> client(std::in_place, io.get_executor(), config);
    failing_memory::fail_at_random(seed, 20u << seed % 8);
    try_it(io, [&] { return start(io, client->init()); });
    try_it(io, [&] { return start(io, client->send_message("hello")); });
    try_it(io, [&] { return start(io, client->ask("hello")); });
    if (seed % 2 == 0) try_it(io, [&] { return start(io, client->reconnect()); });
    if (seed % 3 == 0) try_it(io, [&] { return start(io, client->disconnect()); });
    failing_memory::stop();

    auto ended = start(io, client->disconnect());
    bool good = expect(run_through(io, [&] { return ended.done(); }), "disconnect returns");
    client.reset();
    good = expect(run_through(io, [&] { return io.poll() == 0 && io.stopped(); }),
                  "nothing is left to run") &&
           good;
    return good ? as_it_should : wrong;
}

} // namespace

TEST_CASE("torture: allocations that fail at random leave nothing hanging, over TLS",
          "[torture][long]") {
    const std::uint64_t rounds = long_run() ? 200 : 8;
    std::size_t ends = 0;
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        const int code = ending_of(session, seed);
        INFO("seed " << seed);
        CHECK((code == as_it_should || code == in_a_dependency));
        if (code == as_it_should) ++ends;
    }
    CHECK(ends > rounds / 2);
}

} // namespace random_failures_test
