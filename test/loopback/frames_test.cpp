#include "support/deflater.hpp"
#include "support/long_run.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"

#include <algorithm>

namespace frames_test {

using namespace parley;
using namespace parley::test;

namespace {

constexpr unsigned text_frame = 1;
constexpr unsigned binary_frame = 2;
constexpr unsigned close_frame = 8;
constexpr unsigned ping_frame = 9;
constexpr unsigned pong_frame = 10;

/// Upgrades, sends this, and says what the client answered until it went.
class sender {
public:
    explicit sender(std::string bytes, std::string headers = {})
        : server_([this, bytes = std::move(bytes), headers = std::move(headers)](raw_peer& peer) {
              peer.upgrade(headers);
              peer.send(bytes);
              answer_ = peer.hold();
          }) {}

    std::uint16_t port() const { return server_.port(); }
    /// After the client has gone.
    std::string answer() {
        CHECK(server_.problems().empty());
        return answer_;
    }

private:
    std::string answer_;
    raw_server server_;
};

/// The code in a client's close frame, or 0.
unsigned close_code_in(const std::string& said) {
    if (said.size() < 8 || static_cast<unsigned char>(said[0]) != 0x88) return 0;
    const auto byte = [&said](std::size_t at, std::size_t key) {
        return static_cast<unsigned>(static_cast<unsigned char>(said[at] ^ said[key]));
    };
    return byte(6, 2) << 8 | byte(7, 3);
}

struct ending {
    error_info error;
    unsigned code_sent; ///< of the close frame that the server got, or 0
    std::vector<std::string> texts;
    unsigned closes_told; ///< to the listener
};

/// What a session ends with in which the server sends this.
ending end_of(const std::string& bytes, const std::string& headers = {},
              std::size_t limit = 4u << 20) {
    sender server(bytes, headers);
    wire here;
    here.config.limits.message_bytes = limit;
    REQUIRE(here.connect(server.port()));
    error_info error = here.read_to_end();
    here.link.reset();
    return {std::move(error), close_code_in(server.answer()), here.seen.texts, here.seen.closes};
}

std::string pattern(unsigned which, std::size_t size) {
    constexpr std::string_view json = "{\"type\":\"chat_event\",\"data\":{\"delta\":\"hello world ";
    std::string text(size, 'a');
    for (std::size_t at = 0; at < size && which == 1; ++at)
        text[at] = json[at % json.size()];
    for (std::size_t at = 0; at < size && which == 2; ++at)
        text[at] = static_cast<char>('a' + (at * at * 7 + at / 3) % 26);
    return text;
}

} // namespace

TEST_CASE("frames: frames that arrive together are delivered by one read", "[loopback][frames]") {
    std::string bytes;
    for (int count = 0; count < 50; ++count)
        bytes += server_frame(text_frame, "message " + std::to_string(count));
    sender server(bytes);
    wire here;
    REQUIRE(here.connect(server.port()));
    unsigned reads = 0;
    for (; here.seen.texts.size() < 50; ++reads)
        REQUIRE(here.run(here.link->read()));
    CHECK(reads < 10); // one, unless TCP cut the segment
    CHECK(here.seen.texts.back() == "message 49");
}

TEST_CASE("frames: a listener without space gets one message for each read", "[loopback][frames]") {
    sender server(server_frame(text_frame, "a") + server_frame(text_frame, "b") +
                  server_frame(text_frame, "c"));
    wire here;
    here.seen.room = false;
    REQUIRE(here.connect(server.port()));
    for (std::size_t count = 1; count <= 3; ++count) {
        REQUIRE(here.run(here.link->read()));
        CHECK(here.seen.texts.size() == count);
    }
}

TEST_CASE("frames: text, binary, empty and fragmented messages", "[loopback][frames]") {
    sender server(server_frame(text_frame, "one") + server_frame(binary_frame, "four") +
                  server_frame(text_frame, "") + server_frame(text_frame, "fr", false) +
                  server_frame(0, "", false) + server_frame(ping_frame, "between") +
                  server_frame(0, "ag", false) + server_frame(0, "ment") +
                  server_frame(text_frame, "last"));
    wire here;
    REQUIRE(here.connect(server.port()));
    while (here.seen.texts.size() < 4)
        REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>{"one", "", "fragment", "last"});
    CHECK(here.seen.binaries == std::vector<std::size_t>(1, 4));
}

TEST_CASE("frames: a message that arrives slowly is open until its last byte",
          "[loopback][frames]") {
    raw_server server([](raw_peer& peer) {
        peer.upgrade();
        const std::string bytes = server_frame(text_frame, "drip") + server_frame(text_frame, "x");
        for (const char byte : bytes)
            peer.send(std::string_view(&byte, 1));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    while (here.seen.texts.size() < 2)
        REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>{"drip", "x"});
    CHECK_FALSE(here.seen.opens.back());
}

TEST_CASE("frames: the listener learns that a message is incomplete", "[loopback][frames]") {
    const std::string whole = server_frame(text_frame, std::string(100'000, 'm'));
    raw_server server([&whole](raw_peer& peer) {
        peer.upgrade();
        peer.send(whole.substr(0, 50'000));
        peer.read_frame(); // the client has seen the first half
        peer.send(whole.substr(50'000));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, here.link->read());
    REQUIRE(here.until([&here] { return !here.seen.opens.empty() && here.seen.opens.back(); }));
    CHECK(here.seen.texts.empty());
    REQUIRE(here.write("go on"));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    REQUIRE(reading.get());
    CHECK(here.seen.texts.size() == 1);
    CHECK_FALSE(here.seen.opens.back());
    CHECK(here.seen.bytes >= whole.size());
}

TEST_CASE("frames: a message of the limit's size is accepted, and one byte more gets 1009",
          "[loopback][frames][E61]") {
    constexpr std::size_t limit = 100'000;
    const std::string largest(limit, 'x');
    const auto fits =
        end_of(server_frame(text_frame, largest) + server_frame(close_frame, close_payload(1000)),
               {}, limit);
    CHECK(fits.texts == std::vector<std::string>(1, largest));
    CHECK(fits.error.is(errc::connection_closed));

    const auto over = end_of(server_frame(text_frame, largest + "x"), {}, limit);
    CHECK(over.error.is(errc::message_too_large));
    CHECK(over.error.details.close_code == 1009u);
    CHECK(over.code_sent == 1009);
    CHECK(over.texts.empty());

    const auto in_two =
        end_of(server_frame(text_frame, largest, false) + server_frame(0, "x"), {}, limit);
    CHECK(in_two.error.is(errc::message_too_large));
}

TEST_CASE("frames: pings are answered, and pongs are reported", "[loopback][frames][E60]") {
    raw_peer::frame answer;
    raw_peer::frame ping;
    raw_server server([&answer, &ping](raw_peer& peer) {
        peer.upgrade();
        peer.send(server_frame(ping_frame, "payload"));
        answer = peer.read_frame();
        peer.send(server_frame(text_frame, "answered"));
        ping = peer.read_frame();
        peer.send(server_frame(pong_frame, ping.payload) + server_frame(text_frame, "after"));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.pongs == 0);
    REQUIRE(here.ping());
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.pongs == 1);
    CHECK(here.seen.texts == std::vector<std::string>{"answered", "after"});
    here.link->abort();
    CHECK(server.problems().empty());
    CHECK(answer.opcode == pong_frame);
    CHECK(answer.payload == "payload");
    CHECK(ping.opcode == ping_frame);
}

TEST_CASE("frames: a server's close has its code", "[loopback][frames][E64]") {
    for (const unsigned code : {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u,
                                1012u, 1013u, 3000u, 3999u, 4000u, 4401u, 4999u}) {
        CAPTURE(code);
        const auto closed = end_of(server_frame(close_frame, close_payload(code, "the reason")));
        CHECK(closed.error.is(errc::connection_closed));
        CHECK(closed.error.details.close_code == code);
        CHECK(closed.error.details.server_text == "the reason");
        CHECK(closed.error.details.retryable == (code != 1000));
        CHECK(closed.code_sent == code);
    }
    const auto bare = end_of(server_frame(close_frame, ""));
    CHECK(bare.error.is(errc::connection_closed));
    CHECK(bare.error.details.close_code == 1005u);
    const std::string longest(123, 'r');
    const auto wordy = end_of(server_frame(close_frame, close_payload(1000, longest)));
    CHECK(wordy.error.details.server_text.size() >= 123);
    CHECK(wordy.code_sent == 1000);
}

TEST_CASE("frames: a close that RFC 6455 forbids is a violation", "[loopback][frames][E64]") {
    const std::vector<std::string> payloads{
        "x",
        close_payload(0),
        close_payload(999),
        close_payload(1004),
        close_payload(1005),
        close_payload(1006),
        close_payload(1015),
        close_payload(1016),
        close_payload(2999),
        close_payload(5000),
        close_payload(65535),
        close_payload(1000, "\xff"),
        close_payload(1000, std::string(124, 'r')),
    };
    for (const std::string& payload : payloads) {
        CAPTURE(payload);
        const auto wrong = end_of(server_frame(close_frame, payload));
        CHECK(wrong.error.is(errc::protocol_violation));
        CHECK(wrong.error.details.close_code == 1002u);
        CHECK(wrong.code_sent == 1002);
    }
}

TEST_CASE("frames: a violation of RFC 6455 is answered with 1002 or 1007",
          "[loopback][frames][E56][E57][E63]") {
    const std::string masked("\x81\x81\x01\x02\x03\x04\x60", 7);
    const std::vector<std::string> forbidden{
        masked,
        server_frame(3, "x"),
        server_frame(11, ""),
        server_frame(4, "x"),
        server_frame(7, "x"),
        server_frame(15, ""),
        server_frame(text_frame, "x", true, true), // RSV1 without an extension
        std::string("\xa1\x01x", 3),               // RSV2
        std::string("\x91\x01x", 3),               // RSV3
        server_frame(ping_frame, "x", false),
        server_frame(ping_frame, std::string(126, 'x')),
        server_frame(0, "x"),
        server_frame(text_frame, "x", false) + server_frame(text_frame, "y"),
        // Lengths in more bytes than they need, and beyond all bounds.
        std::string("\x81\x7e\x00\x05hello", 9),
        std::string("\x81\x7f\0\0\0\0\0\0\xff\xff", 10),
    };
    for (const std::string& bytes : forbidden) {
        CAPTURE(bytes);
        const auto wrong = end_of(bytes);
        CHECK(wrong.error.is(errc::protocol_violation));
        CHECK(wrong.error.details.close_code == 1002u);
        CHECK(wrong.code_sent == 1002);
        CHECK(wrong.closes_told == 1); // from now on its time is short
    }
    const auto boundless =
        end_of("\x81\x7f" + std::string(8, '\xff')); // RFC 6455 section 5.2: the high bit
    CHECK((boundless.error.is(errc::protocol_violation) ||
           boundless.error.is(errc::message_too_large)));
    CHECK(boundless.code_sent != 0);
    const std::vector<std::string> not_utf8{
        "\xff",
        "\xc0\xaf",         // overlong
        "\xe0\x80\xaf",     // overlong
        "\xed\xa0\x80",     // a surrogate
        "\xf4\x90\x80\x80", // beyond U+10FFFF
        "cut \xe2\x82",
    };
    for (const std::string& text : not_utf8) {
        CAPTURE(text);
        const auto wrong = end_of(server_frame(text_frame, text));
        CHECK(wrong.error.is(errc::protocol_violation));
        CHECK(wrong.error.details.close_code == 1007u);
        CHECK(wrong.code_sent == 1007);
    }
}

TEST_CASE("frames: endless fragments and control frames end the session",
          "[loopback][frames][E58][E59]") {
    std::string fragments = server_frame(text_frame, "", false);
    for (int count = 0; count < 10'001; ++count)
        fragments += server_frame(0, "", false);
    const auto cut = end_of(fragments);
    CHECK(cut.error.is(errc::protocol_violation));
    CHECK(cut.error.details.close_code == 1008u);
    CHECK(cut.code_sent == 1008);
    CHECK(cut.texts.empty());

    std::string pongs;
    for (int count = 0; count < 50'000; ++count)
        pongs += server_frame(pong_frame, "");
    const auto flooded = end_of(pongs);
    CHECK(flooded.error.is(errc::protocol_violation));
    CHECK(flooded.error.details.close_code == 1008u);
    CHECK(flooded.code_sent == 1008);
}

TEST_CASE("frames: a broken connection is reported as reset", "[loopback][frames]") {
    const bool hard = GENERATE(true, false);
    const std::string said =
        GENERATE(as<std::string>(), "", "\x81", "\x81\x05he", "\x81\x7f", "\x01\x02he");
    CAPTURE(hard, said);
    raw_server server([hard, said](raw_peer& peer) {
        peer.upgrade();
        peer.send(said);
        peer.read_frame();
        if (hard) peer.reset();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    REQUIRE(here.write("now"));
    const auto error = here.read_to_end();
    CHECK(error.is(errc::connection_reset));
    CHECK(error.details.retryable);
    CHECK(error.details.phase == phase::session);
    CHECK_FALSE(error.details.close_code);
    CHECK_FALSE(here.write("too late"));
}

TEST_CASE("frames: our close is answered, and read returns the answer", "[loopback][frames]") {
    raw_peer::frame close;
    raw_server server([&close](raw_peer& peer) {
        peer.upgrade();
        close = peer.read_frame();
        peer.send(server_frame(close_frame, close.payload));
        peer.hold(); // TCP stays open from this side
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, here.link->read());
    REQUIRE(here.close(1000));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    REQUIRE_FALSE(reading.get());
    CHECK(reading.get().error().is(errc::connection_closed));
    CHECK(reading.get().error().details.close_code == 1000u);
    CHECK(here.close(1000)); // once more is harmless
    here.link.reset();
    CHECK(server.problems().empty());
    CHECK(close.payload == close_payload(1000));
}

TEST_CASE("frames: two closes that cross end the session once", "[loopback][frames][E65]") {
    sender server(server_frame(text_frame, "last") +
                  server_frame(close_frame, close_payload(1001)));
    wire here;
    REQUIRE(here.connect(server.port()));
    REQUIRE(here.run(here.link->read())); // the server's close is held behind it
    REQUIRE(here.close(1000));
    const auto error = here.read_to_end();
    CHECK(error.details.close_code == 1001u);
    CHECK(here.seen.closes == 0); // we were the first
    CHECK(here.drains());
    here.link.reset();
    CHECK(close_code_in(server.answer()) == 1000);
}

TEST_CASE("frames: our close does not wait for the answer, which is read behind earlier frames",
          "[loopback][frames]") {
    raw_server server([](raw_peer& peer) {
        peer.upgrade();
        peer.send(server_frame(text_frame, "unread") + server_frame(text_frame, "unread"));
        peer.send(server_frame(close_frame, peer.read_frame().payload));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    CHECK(here.link->close(1001).value());
    CHECK(here.close(1001)); // twice is harmless
    CHECK_FALSE(here.write("too late"));
    CHECK_FALSE(here.ping());
    const auto error = here.read_to_end();
    CHECK(here.seen.texts.size() == 2);
    CHECK(error.details.close_code == 1001u);
}

TEST_CASE("frames: a message from before a close can still be answered", "[loopback][frames]") {
    std::vector<raw_peer::frame> answers;
    raw_server server([&answers](raw_peer& peer) {
        peer.upgrade();
        peer.send(server_frame(text_frame, "last") +
                  server_frame(close_frame, close_payload(1000)));
        answers = {peer.read_frame(), peer.read_frame()};
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    REQUIRE(here.run(here.link->read()));
    REQUIRE(here.write("answer"));
    CHECK(here.read_to_end().details.close_code == 1000u);
    CHECK_FALSE(here.write("too late"));
    here.link.reset();
    REQUIRE(server.problems().empty());
    CHECK(answers[0].payload == "answer");
    CHECK(answers[1].opcode == close_frame);
}

TEST_CASE("frames: an abort ends a read, and no operation follows it", "[loopback][frames]") {
    raw_server server([](raw_peer& peer) {
        peer.upgrade();
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, here.link->read());
    poll(here.io);
    CHECK_FALSE(reading.done());
    here.link->abort();
    REQUIRE(here.until([&] { return reading.done(); }));
    CHECK(reading.get().error().code == asio::error::operation_aborted);
    CHECK_FALSE(here.write("x"));
    CHECK(here.drains());
}

TEST_CASE("frames: a peer that closes and keeps TCP open does not delay the read",
          "[loopback][frames]") {
    sender server(server_frame(close_frame, close_payload(1001)));
    wire here;
    REQUIRE(here.connect(server.port()));
    const auto error = here.read_to_end();
    CHECK(error.details.close_code == 1001u);
    CHECK(here.seen.closes == 1);
}

TEST_CASE("frames: compressed messages of every size arrive whole",
          "[loopback][frames][E62][long]") {
    const unsigned which = GENERATE(0u, 1u, 2u);
    const bool every = long_run(); // else where doc/pitfalls.md P36 was seen, and a sample
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 9'000; ++size)
        if (every || size < 300 || (size >= 3'000 && size < 5'000)) sizes.push_back(size);
    for (std::size_t size = 65'000; size <= 140'000; size += every ? 1 : 1'501)
        sizes.push_back(size);
    raw_server server([&sizes, which](raw_peer& peer) {
        peer.upgrade(deflater::header);
        deflater deflate;
        for (const std::size_t size : sizes)
            peer.send(deflate.message(pattern(which, size)));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    std::size_t checked = 0;
    while (checked < sizes.size()) {
        REQUIRE(here.run(here.link->read()));
        for (const std::string& text : here.seen.texts)
            if (text != pattern(which, sizes[checked++])) FAIL("wrong text, message " << checked);
        here.seen.texts.clear();
    }
    SUCCEED("all arrived");
}

TEST_CASE("frames: compressed data that inflates too far or not at all is an error",
          "[loopback][frames][E61][E62]") {
    deflater deflate;
    const auto bomb =
        end_of(deflate.message(std::string(3'000'000, 'b')), deflater::header, 100'000);
    CHECK(bomb.error.is(errc::message_too_large));
    CHECK(bomb.texts.empty());
    const auto garbage =
        end_of(server_frame(text_frame, "\xff\xff\xff\xff\xff", true, true), deflater::header);
    CHECK(garbage.error.is(errc::protocol_violation));
    CHECK(garbage.error.details.close_code == 1007u);
    const auto control = end_of(server_frame(ping_frame, "x", true, true), deflater::header);
    CHECK(control.error.is(errc::protocol_violation));
}

} // namespace frames_test
