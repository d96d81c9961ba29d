// The cases of the Autobahn suite's families 1 to 7, 9 and 10, under its numbers, with a server
// that sends raw frames. 12 and 13 are the size sweep of compressed messages in the frames' tests.

#include "conformance/cases.hpp"
#include "conformance/echo_session.hpp"
#include "support/long_run.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"

#include <string>
#include <vector>

using namespace parley;
using namespace parley::test;

namespace {

/// What the client said, as a case writes it down, and the code that it closed with.
struct conversation {
    std::vector<std::string> said;
    int code = -1; ///< 0 for a close without one
};

void send_in_pieces(raw_peer& peer, const conformance_case& each) {
    const std::size_t piece = each.piece == 0 ? each.bytes.size() : each.piece;
    try {
        for (std::size_t at = 0; at < each.bytes.size(); at += piece)
            peer.send(std::string_view(each.bytes).substr(at, piece));
    } catch (const std::exception&) {
        if (each.end != ending::failed) throw; // else it may go before it has heard all of it
    }
}

conversation talk(raw_peer& peer, const conformance_case& each) {
    conversation heard;
    peer.upgrade();
    send_in_pieces(peer, each);
    bool asked = false;
    for (;;) {
        if (each.end == ending::kept_open && !asked && heard.said.size() == each.expected.size()) {
            peer.send(server_frame(8, close_payload(1000)));
            asked = true;
        }
        const auto frame = peer.read_frame();
        if (!frame.masked || !frame.fin || frame.rsv1) throw std::runtime_error("a wrong frame");
        if (frame.opcode == 8) {
            const auto byte = [&frame](std::size_t at) {
                return static_cast<int>(static_cast<unsigned char>(frame.payload[at]));
            };
            heard.code = frame.payload.size() < 2 ? 0 : byte(0) << 8 | byte(1);
            return heard;
        }
        const char* kind = frame.opcode == 1 ? "text:" : frame.opcode == 2 ? "binary:" : "pong:";
        heard.said.push_back(kind + frame.payload);
    }
}

void check(const conformance_case& each) {
    CAPTURE(each.number);
    conversation heard;
    raw_server server([&](raw_peer& peer) {
        heard = talk(peer, each);
        peer.hold();
    });
    wire here;
    here.config.compression = false;
    here.config.limits.message_bytes = 17u << 20;
    echo_listener echo;
    const auto factory = make_socket_transports(here.make_network());
    const auto link = factory->make(here.strand, echo, false);
    const auto to = server_url::parse("ws://127.0.0.1:" + std::to_string(server.port()), false);
    REQUIRE(here.run(link->connect(std::make_shared<const connect_request>(to, "/"))));
    const auto error = here.run(echo_until_closed(*link, echo));
    link->abort();
    CHECK(server.problems() == std::vector<std::string>());
    if (each.end == ending::failed)
        CHECK((error.is(errc::protocol_violation) || error.is(errc::message_too_large)));
    else
        CHECK(error.is(errc::connection_closed));
    CHECK((heard.said == each.expected));
    CHECK(heard.code == each.code);
}

void check_all(const std::vector<conformance_case>& cases) {
    for (const auto& each : cases)
        check(each);
}

} // namespace

TEST_CASE("conformance: 1, text and binary messages of all sizes are echoed",
          "[loopback][conformance][E55]") {
    check_all(framing_cases());
}

TEST_CASE("conformance: 2, pings are answered and pongs ignored", "[loopback][conformance][E55]") {
    check_all(ping_cases());
}

TEST_CASE("conformance: 3, reserved bits fail the connection", "[loopback][conformance][E55]") {
    check_all(reserved_bit_cases());
}

TEST_CASE("conformance: 4, reserved opcodes fail the connection", "[loopback][conformance][E55]") {
    check_all(opcode_cases());
}

TEST_CASE("conformance: 5, fragments make messages, with control frames between them",
          "[loopback][conformance][E55]") {
    check_all(fragment_cases());
}

TEST_CASE("conformance: 6, text is UTF-8 or fails the connection", "[loopback][conformance][E55]") {
    check_all(utf8_cases());
}

TEST_CASE("conformance: 7, closes are answered with the same code",
          "[loopback][conformance][E55]") {
    check_all(close_cases());
}

TEST_CASE("conformance: 9, large messages whole, in fragments and in pieces",
          "[loopback][conformance][E55][long]") {
    check_all(size_cases(long_run()));
}

TEST_CASE("conformance: 10, a large message in fragments is one message",
          "[loopback][conformance][E55]") {
    check_all(auto_fragment_cases());
}
