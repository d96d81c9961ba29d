#include "loopback/secure_end.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <sys/socket.h>
#include <thread>

namespace tls_drip_test {

using namespace parley;
using namespace parley::test;

namespace {

/// Passes on what a server says byte by byte, and what the client says as it comes.
void drip(raw_peer& client, std::uint16_t port) {
    asio::io_context io;
    asio::ip::tcp::socket there(io);
    there.connect({asio::ip::make_address("127.0.0.1"), port});
    const int socket = there.native_handle();
    const std::jthread upwards([&client, socket] {
        for (auto said = client.read_some(); !said.empty(); said = client.read_some())
            ::send(socket, said.data(), said.size(), MSG_NOSIGNAL);
        ::shutdown(socket, SHUT_WR);
    });
    for (char byte = 0; ::recv(socket, &byte, 1, 0) == 1;)
        client.send(std::string(1, byte));
    client.half_close();
}

} // namespace

TEST_CASE("tls_stream: a handshake and records that arrive byte by byte are read",
          "[loopback][tls_stream][D53]") {
    const std::string text(1'000, 't');
    secure_server server({[&text](raw_peer& peer) {
        for (int count = 0; count < 3; ++count)
            peer.send(text);
        peer.hold();
    }});
    raw_server slow([&server](raw_peer& client) { drip(client, server.port()); });
    {
        secure_end here(slow.port());
        REQUIRE_FALSE(here.handshake());
        REQUIRE(here.run(here.writing("and the other way")) == error_code());
        CHECK(here.run(here.reading(3'000)) == text + text + text);
        CHECK(here.run(here.parting()) == error_code());
    }
    CHECK(slow.problems().empty());
    CHECK(server.problems().empty());
}

} // namespace tls_drip_test
