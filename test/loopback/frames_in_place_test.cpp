// Messages that are handed up from where they lie in the buffer, beside those that are not.

#include "support/deflater.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"

namespace frames_in_place_test {

using namespace parley;
using namespace parley::test;

namespace {

/// What a client hears of a session in which the server sends these pieces, each when the client
/// has read the ones before it, and then closes.
struct hearing {
    std::vector<std::string> texts;
    std::vector<std::size_t> binaries;
    unsigned pongs_sent = 0;
    error_info error;
    unsigned code_sent = 0;
};

hearing hear(const std::vector<std::string>& pieces, const std::string& headers = {},
             std::size_t limit = 4u << 20) {
    hearing heard;
    raw_server server([&](raw_peer& peer) {
        peer.upgrade(headers);
        for (const std::string& piece : pieces) {
            while (peer.read_frame().opcode != 1)
                ++heard.pongs_sent;
            peer.send(piece);
        }
        for (;;) {
            const auto last = peer.read_frame();
            if (last.opcode == 10) ++heard.pongs_sent;
            if (last.opcode != 8) continue;
            const auto byte = [&](std::size_t at) {
                return static_cast<unsigned>(static_cast<unsigned char>(last.payload[at]));
            };
            if (last.payload.size() >= 2) heard.code_sent = byte(0) << 8 | byte(1);
            break;
        }
        peer.hold();
    });
    wire here;
    here.config.limits.message_bytes = limit;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, [](wire& of) -> awaitable<error_info> {
        for (;;) {
            const auto outcome = co_await of.link->read();
            if (!outcome) co_return outcome.error();
        }
    }(here));
    std::size_t sent = here.seen.bytes;
    for (const std::string& piece : pieces) {
        REQUIRE(here.write("next"));
        sent += piece.size();
        REQUIRE(here.until([&] { return here.seen.bytes >= sent || reading.done(); }));
    }
    REQUIRE(here.until([&reading] { return reading.done(); }));
    heard.error = reading.get();
    here.link.reset();
    CHECK(server.problems().empty());
    heard.texts = std::move(here.seen.texts);
    heard.binaries = std::move(here.seen.binaries);
    return heard;
}

const std::string last = server_frame(8, close_payload(1000));

} // namespace

TEST_CASE("frames: a session cut in two at any byte is read the same", "[loopback][frames]") {
    const std::string medium(130, 'm'); // a length of two bytes
    const std::string session =
        server_frame(1, "first") + server_frame(1, "\xE2\x82\xAC") + server_frame(9, "ping") +
        server_frame(1, "") + server_frame(1, medium) + server_frame(1, "fr", false) +
        server_frame(9, "") + server_frame(0, "ag") + server_frame(1, "between") +
        server_frame(2, "binary") + server_frame(10, "") + server_frame(1, "end") + last;
    for (std::size_t offset = 1; offset < session.size(); ++offset) {
        CAPTURE(offset);
        const auto heard = hear({session.substr(0, offset), session.substr(offset)});
        CHECK(heard.texts == std::vector<std::string>{"first", "\xE2\x82\xAC", "", medium, "frag",
                                                      "between", "end"});
        CHECK(heard.binaries == std::vector<std::size_t>(1, 6));
        CHECK(heard.pongs_sent == 2);
        CHECK(heard.error.is(errc::connection_closed));
        CHECK(heard.code_sent == 1000);
    }
}

TEST_CASE("frames: messages between compressed ones do not change the inflater's window",
          "[loopback][frames][E62]") {
    deflater compress;
    std::string session;
    std::vector<std::string> sent;
    for (int count = 0; count < 8; ++count) {
        sent.push_back("the window holds what was said before: " + std::to_string(count));
        session += compress.message(sent.back()); // says little but where the last one stands
        sent.push_back("not compressed, and not in the window " + std::to_string(count));
        session += server_frame(1, sent.back());
    }
    session += last;
    for (std::size_t offset = 1; offset < session.size(); offset += 5) {
        CAPTURE(offset);
        const auto heard =
            hear({session.substr(0, offset), session.substr(offset)}, deflater::header);
        CHECK(heard.texts == sent);
        CHECK(heard.error.is(errc::connection_closed));
    }
}

TEST_CASE("frames: an invalid frame after valid messages is found in its turn",
          "[loopback][frames][E56][E57][E61]") {
    const std::string right = server_frame(1, "one") + server_frame(1, "two");
    const struct {
        std::string bytes;
        errc why;
        unsigned code;
    } table[] = {
        {server_frame(1, "\xff"), errc::protocol_violation, 1007},
        {server_frame(1, "cut \xe2\x82"), errc::protocol_violation, 1007},
        {server_frame(1, "x", true, true), errc::protocol_violation, 1002},
        {std::string("\x81\x81\x01\x02\x03\x04\x60", 7), errc::protocol_violation, 1002},
        {std::string("\x81\x7e\x00\x05hello", 9), errc::protocol_violation, 1002},
        {std::string("\xc1\x01x"), errc::protocol_violation, 1002},
        {server_frame(1, "x", false) + server_frame(1, "y"), errc::protocol_violation, 1002},
        {server_frame(1, std::string(1'001, 'x')), errc::message_too_large, 1009},
    };
    for (const auto& [bytes, why, code] : table) {
        CAPTURE(bytes);
        const auto heard = hear({right + bytes + server_frame(1, "late")}, {}, 1'000);
        CHECK(heard.texts == std::vector<std::string>{"one", "two"});
        CHECK(heard.error.is(why));
        CHECK(heard.code_sent == code);
    }
    const std::string largest(1'000, 'x');
    CHECK(hear({right + server_frame(1, largest) + last}, {}, 1'000).texts.back() == largest);
}

TEST_CASE("frames: a pending read at our close gets the reply behind the messages",
          "[loopback][frames][E65]") {
    const bool together = GENERATE(true, false);
    CAPTURE(together);
    raw_server server([together](raw_peer& peer) {
        peer.upgrade();
        const auto close = peer.read_frame();
        const std::string messages =
            server_frame(1, "late") + server_frame(9, "") + server_frame(2, "later");
        const std::string answer = server_frame(8, close.payload);
        if (together) return peer.send(messages + answer), (void)peer.hold();
        for (const char byte : messages + answer)
            peer.send(std::string_view(&byte, 1));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, [](wire& of) -> awaitable<error_info> {
        for (;;) {
            const auto outcome = co_await of.link->read();
            if (!outcome) co_return outcome.error();
        }
    }(here));
    REQUIRE(here.close(1000));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get().is(errc::connection_closed));
    CHECK(reading.get().details.close_code == 1000u);
    CHECK(here.drains());
}

} // namespace frames_in_place_test
