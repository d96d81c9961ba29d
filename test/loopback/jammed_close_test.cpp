// A close frame that the kernel does not take, because the peer has stopped reading: `disconnect`
// is over within its cap all the same.

#include <parley/chat_client.hpp>

#include "http/http_exchange.hpp"
#include "net/network.hpp"
#include "net/resolve.hpp"
#include "support/live.hpp"
#include "support/manual_clock.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"
#include "transport/environment.hpp"
#include "transport/socket_transport.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace jammed_close_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::chat_server;
using parley::testing::chat_server_options;
using parley::testing::server_tls;

namespace {

std::uint16_t port_of(int socket, decltype(&::getsockname) end) {
    ::sockaddr_in address{};
    ::socklen_t size = sizeof address;
    if (end(socket, reinterpret_cast<::sockaddr*>(&address), &size) != 0) return 0;
    return address.sin_family == AF_INET ? ntohs(address.sin_port) : std::uint16_t{0};
}

/// Real sockets, whose time is the test's.
class real_sockets final : public environment {
public:
    std::shared_ptr<clock_source> clock() const override { return time; }
    double jitter() const override { return 0.5; }
    std::shared_ptr<transport_factory>
    make_transports(std::shared_ptr<const connection_config> config) const override {
        return make_socket_transports(std::make_shared<network>(config, time, shared_resolver()));
    }
    std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config> config) const override {
        return make_http_client(std::make_shared<network>(config, time, shared_resolver()));
    }

    const std::shared_ptr<manual_clock> time = std::make_shared<manual_clock>();
};

/// Our ends of the connections to a server of this process.
std::vector<int> sockets_to(std::uint16_t server) {
    std::vector<int> found;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int one = std::stoi(each.path().filename().string());
        if (port_of(one, &::getpeername) == server && port_of(one, &::getsockname) != server)
            found.push_back(one);
    }
    return found;
}

/// Writes as much as the kernel takes, and says how much that was.
std::size_t stuff(int socket) {
    static const std::array<char, 65'536> junk{};
    std::size_t taken = 0;
    for (std::size_t size = junk.size(); size > 0;) {
        const auto count = ::send(socket, junk.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0)
            taken += static_cast<std::size_t>(count);
        else
            size /= 2; // there may still be room for less, to the last byte
    }
    return taken;
}

/// Fills both kernels, without the knowledge of the socket's owner, until neither takes a byte
/// more.
template <class Fixture>
bool jam(Fixture& of, int socket) {
    asio::steady_timer pause(of.io);
    for (int round = 0; round < 100; ++round) {
        const auto taken = stuff(socket);
        pause.expires_after(50ms); // as long as the kernels still move something, there is room
        of.run(pause.async_wait(asio::use_awaitable));
        if (taken == 0 && stuff(socket) == 0) return true;
    }
    return false;
}

} // namespace

TEST_CASE("chat_client: a disconnect whose close frame cannot be written ends within its cap",
          "[loopback][chat_client][F75][I100]") {
    const auto tls = GENERATE(server_tls::off, server_tls::generated);
    const bool with_message = GENERATE(false, true);
    CAPTURE(tls == server_tls::off, with_message);
    live l;
    chat_server_options options = awkward_tickets();
    options.tls = tls;
    chat_server server(options);
    auto config = config_for(server);
    const auto world = std::make_shared<real_sockets>();
    std::optional<chat_client> client(std::in_place, l.io.get_executor(), config, world);
    l.run(client->init());
    REQUIRE(sockets_to(server.port()).size() == 1);
    const int socket = sockets_to(server.port()).front();
    server.stop_reading_all();
    REQUIRE(jam(l, socket));
    auto waiting = start(l.io, client->next_event());
    std::optional<started<void>> sending;
    if (with_message) sending.emplace(start(l.io, client->send_message("not taken")));
    poll(l.io);

    auto ending = start(l.io, client->disconnect());
    REQUIRE(l.until([&] { return client->status().state == websocket_state::closing; }));
    pass(l.io, *world->time, config.timeouts.disconnect - 1ms);
    CHECK(stuff(socket) == 0);
    CHECK_FALSE(ending.done());
    pass(l.io, *world->time, 1ms);
    REQUIRE(l.until([&] { return ending.done(); }));

    CHECK_NOTHROW(ending.get());
    CHECK(client->status().state == websocket_state::closed);
    CHECK_FALSE(client->is_connected());
    CHECK(client->status().websocket.queued_messages == 0);
    CHECK(sockets_to(server.port()).empty());
    if (sending) CHECK(sending->failed_with(errc::sent_unconfirmed));
    REQUIRE(l.until([&] { return waiting.done(); }));
    CHECK_FALSE(waiting.get().has_value()); // the end, and nothing of a loss
    CHECK(server.seen().frames_received == 0);

    // The next session is as good as the first.
    server.resume_all();
    l.run(client->init());
    CHECK(!l.run(client->ask("still there?")).text.empty());
    l.run(client->disconnect());
    client.reset();
    CHECK(l.drains());
    CHECK(sockets_to(server.port()).empty());
}

TEST_CASE("transport: incoming frames are read while the close frame cannot be written",
          "[loopback][transport]") {
    constexpr std::size_t many = 24u << 20; // no two kernels keep as much
    std::atomic<bool> jammed = false;
    raw_server server([&jammed](raw_peer& peer) {
        peer.upgrade();
        while (!jammed)
            std::this_thread::sleep_for(1ms);
        peer.send(server_frame(1, std::string(many, 'x'))); // which waits for its reader
        peer.hold();
    });
    wire here;
    here.config.limits.message_bytes = many;
    REQUIRE(here.connect(server.port()));
    REQUIRE(jam(here, sockets_to(server.port()).front()));
    auto reading = start(here.strand, here.link->read());
    poll(here.io);
    CHECK_FALSE(here.link->close(1000).value());
    auto closing = start(here.strand, here.link->flush());
    jammed = true;
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get());
    CHECK_FALSE(closing.done());
    here.link->abort();
    REQUIRE(here.until([&closing] { return closing.done(); }));
    CHECK_FALSE(closing.get());
    CHECK(here.seen.texts.size() == 1);
    here.link.reset();
    CHECK(server.problems().empty());
}

} // namespace jammed_close_test
