#include "support/catch.hpp"
#include "support/deflater.hpp"
#include "support/raw_server.hpp"
#include "websocket/frame_reader.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/utf8.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace frame_reader_test {

using namespace parley;
using parley::test::close_payload;
using parley::test::server_frame;
using kind = frame_reader::kind;
using strings = std::vector<std::string>;

namespace {

const std::string head_of_101 = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

std::string spelled(kind what, std::string_view payload) {
    constexpr std::string_view names[] = {"", "text:", "binary:", "ping:", "pong:", "close:"};
    return std::string(names[static_cast<std::size_t>(what)]) + std::string(payload);
}

/// A reader, and time that the test moves.
class fixture {
public:
    explicit fixture(std::size_t longest = 100'000) : it(longest) {}

    frame_reader it;
    time_point now{};

    void arrive(std::string_view bytes) {
        while (!bytes.empty() && !it.objection()) {
            auto room = it.space();
            if (room.size() == 0) note(); // then there is something to be taken
            if (room.size() == 0) room = it.space();
            if (it.objection()) return;
            REQUIRE(room.size() > 0);
            const auto count = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), count);
            it.commit(count, now);
            bytes.remove_prefix(count);
            if (!bytes.empty()) note();
        }
    }

    /// What is there, and what was noted.
    strings all() {
        note();
        return std::exchange(noted_, {});
    }

    unsigned code() const { return it.objection() ? it.objection()->close_code : 0; }

    void open(permessage_deflate* inflater = nullptr) {
        arrive(head_of_101);
        REQUIRE(it.head().current() == response_head::state::complete);
        it.begin(inflater, now);
    }

private:
    void note() {
        for (;;) {
            const auto [what, payload] = it.next(now);
            if (what == kind::nothing) return;
            noted_.push_back(spelled(what, payload));
        }
    }

    strings noted_;
};

/// What a session comes to in which these bytes arrive in pieces of that size.
struct hearing {
    strings heard;
    unsigned code;
};

hearing hear(const std::string& bytes, std::size_t piece = 100'000, std::size_t longest = 100'000,
             bool compressed = false, bool much = false) {
    permessage_deflate inflater{deflate_parameters()};
    fixture one(longest);
    one.open(compressed ? &inflater : nullptr);
    one.it.expect(much);
    strings heard;
    for (std::size_t at = 0; at < bytes.size() && one.code() == 0; at += piece) {
        one.arrive(std::string_view(bytes).substr(at, piece));
        for (auto& each : one.all())
            heard.push_back(std::move(each));
    }
    return {heard, one.code()};
}

unsigned code_of(const std::string& bytes) { return hear(bytes).code; }

} // namespace

TEST_CASE("frame_reader: the head ends before the first frame", "[unit][frame_reader]") {
    fixture one;
    one.arrive(head_of_101.substr(0, 20));
    CHECK(one.it.head().current() == response_head::state::incomplete);
    one.arrive(head_of_101.substr(20) + server_frame(1, "x"));
    CHECK(one.it.head().text() == head_of_101);
    one.it.begin(nullptr, one.now);
    CHECK(one.all() == strings{"text:x"});

    fixture alone;
    alone.open();
    CHECK(alone.all().empty());
}

TEST_CASE("frame_reader: a session in pieces of any size is read the same",
          "[unit][frame_reader]") {
    const std::string medium(700, 'm');
    const std::string large(70'000, 'l'); // more than the buffer, with a length of eight bytes
    const std::string session =
        server_frame(1, "first") + server_frame(1, "\xE2\x82\xAC") + server_frame(9, "ping") +
        server_frame(1, "") + server_frame(1, medium) + server_frame(1, "fr\xE2", false) +
        server_frame(9, "") + server_frame(0, "", false) + server_frame(0, "\x82\xAC") +
        server_frame(2, std::string("\xff\0", 2)) + server_frame(1, "", false) +
        server_frame(0, "") + server_frame(10, "late") + server_frame(1, large) +
        server_frame(2, large, false) + server_frame(0, "end") +
        server_frame(8, close_payload(1000, "bye"));
    const strings expected{"text:first",
                           "text:\xE2\x82\xAC",
                           "ping:ping",
                           "text:",
                           "text:" + medium,
                           "ping:",
                           "text:fr\xE2\x82\xAC",
                           "binary:" + std::string("\xff\0", 2),
                           "text:",
                           "pong:late",
                           "text:" + large,
                           "binary:" + large + "end",
                           "close:" + close_payload(1000, "bye")};
    for (const bool much : {false, true})
        for (const std::size_t piece :
             {1u, 2u, 3u, 7u, 64u, 511u, 512u, 513u, 4'097u, 32'768u, 1'000'000u}) {
            CAPTURE(piece, much);
            const auto [heard, code] = hear(session, piece, 100'000, false, much);
            CHECK(heard == expected);
            CHECK(code == 0);
        }
}

TEST_CASE("frame_reader: reads compressed messages of one frame and of several",
          "[unit][frame_reader][E62]") {
    test::deflater compress;
    std::string session;
    strings expected;
    for (int count = 0; count < 6; ++count) {
        const std::string text =
            "said before, and in the window: " + std::string(900, 'x') + std::to_string(count);
        const std::string whole = compress.message(text);
        const std::string payload = whole.substr(2); // shorter than 126
        REQUIRE(payload.size() < 126);
        const auto half = payload.size() / 2;
        session += count % 2 == 0
                       ? whole
                       : server_frame(1, payload.substr(0, half), false, true) +
                             server_frame(9, "p") + server_frame(0, payload.substr(half));
        session += server_frame(1, "plain");
        if (count % 2 != 0) expected.push_back("ping:p");
        expected.push_back("text:" + text);
        expected.push_back("text:plain");
    }
    for (const std::size_t piece : {1u, 2u, 5u, 50u, 1'000'000u}) {
        CAPTURE(piece);
        const auto [heard, code] = hear(session, piece, 100'000, true);
        CHECK(heard == expected);
        CHECK(code == 0);
    }
}

TEST_CASE("frame_reader: a violation of RFC 6455 is a protocol error",
          "[unit][frame_reader][E56][E57]") {
    const std::string forbidden[] = {
        server_frame(3, ""),
        server_frame(7, "x"),
        server_frame(11, ""),
        server_frame(15, ""),
        server_frame(0, "x"),                               // continues nothing
        server_frame(1, "x", false) + server_frame(2, "y"), // within a message
        server_frame(1, "x", true, true),                   // RSV1 without an extension
        std::string("\xa1\x01x"),                           // RSV2
        std::string("\x91\x01x"),                           // RSV3
        std::string("\x81\x81keyyx"),                       // masked
        std::string("\x81\x7e\x00\x7dx", 5),                // 125 in two bytes
        std::string("\x82\x7f\0\0\0\0\0\0\xff\xff", 10),    // 65,535 in eight
        std::string("\x82\x7f\x80\0\0\0\0\0\0\0", 10),      // the high bit
        server_frame(9, "x", false),                        // in fragments
        server_frame(10, std::string(126, 'x')),            // too large for its kind
        server_frame(8, "x"),                               // half a code
        server_frame(8, close_payload(1000, "\xff")),
        server_frame(8, close_payload(1000, "cut \xe2\x82")),
    };
    for (const std::string& bytes : forbidden) {
        CAPTURE(bytes);
        CHECK(hear(server_frame(1, "before") + bytes).heard.front() == "text:before");
        for (const std::size_t piece : {1u, 100'000u})
            CHECK(hear(bytes + server_frame(1, "late"), piece).code == 1002);
    }
    for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 2999u, 5000u, 65'535u})
        CHECK(code_of(server_frame(8, close_payload(code))) == 1002);
    for (const unsigned code : {1000u, 1003u, 1007u, 1014u, 3000u, 4999u})
        CHECK(code_of(server_frame(8, close_payload(code, "why"))) == 0);
    CHECK(code_of(server_frame(8, "")) == 0);

    const auto compressed = [](const std::string& bytes) {
        return hear(bytes, 100, 100, true).code;
    };
    CHECK(compressed(server_frame(9, "x", true, true)) == 1002); // RFC 7692 section 6
    CHECK(compressed(server_frame(1, "", false, true) + server_frame(0, "", true, true)) == 1002);
    CHECK(compressed(server_frame(1, "\xff\xff\xff", true, true)) == 1007);
}

TEST_CASE("frame_reader: invalid UTF-8 is rejected where it occurs, in whole and fragmented text",
          "[unit][frame_reader]") {
    const strings wrong{"\xff",         "\xc0\xaf",         "\xe0\x80\xaf", "\xed\xa0\x80",
                        "\xf0\x80\x80", "\xf4\x90\x80\x80", "cut \xe2\x82", "\xf5"};
    for (const std::string& text : wrong) {
        CAPTURE(text);
        CHECK(code_of(server_frame(1, text)) == 1007);
        std::string bytes = server_frame(1, text.substr(0, 1), false);
        for (const char each : text.substr(1))
            bytes += server_frame(0, std::string(1, each), false);
        bytes += server_frame(0, "");
        CHECK(code_of(bytes) == 1007);
        CHECK(code_of(server_frame(2, text)) == 0);
    }
    // At the first byte that cannot be right, and not at the end of the message.
    CHECK(code_of(server_frame(1, "fine \xf4", false)) == 0);
    CHECK(code_of(server_frame(1, "fine \xf4", false) + server_frame(0, "\x90", false)) == 1007);
    CHECK(code_of(server_frame(1, "fine \xe0", false) + server_frame(0, "\x9f", false)) == 1007);
    CHECK(code_of(server_frame(1, "fine \xed", false) + server_frame(0, "\xa0", false)) == 1007);
    CHECK(code_of(server_frame(1, "fine \xf0", false) + server_frame(0, "\x8f", false)) == 1007);
    CHECK(code_of(server_frame(1, "\xc1", false)) == 1007);
}

TEST_CASE("frame_reader: a message of the limit's size is accepted, and one byte more is rejected",
          "[unit][frame_reader][E61]") {
    for (const std::size_t longest : {10u, 600u, 40'000u}) {
        CAPTURE(longest);
        const std::string largest(longest, 'x');
        const auto heard = [&](const std::string& bytes) { return hear(bytes, 1'000, longest); };
        CHECK(heard(server_frame(1, largest)).heard == strings{"text:" + largest});
        CHECK(heard(server_frame(1, largest + "x")).code == frame_reader::too_large);
        CHECK(heard(server_frame(2, largest, false) + server_frame(0, "")).code == 0);
        CHECK(heard(server_frame(2, largest, false) + server_frame(0, "x")).code ==
              frame_reader::too_large);
        CHECK(hear(test::deflater().message(largest), 7, longest, true).heard ==
              strings{"text:" + largest});
        CHECK(hear(test::deflater().message(largest + "x"), 7, longest, true).code ==
              frame_reader::too_large);
    }
    // Known by its header: nothing of it has to come.
    const std::string claimed("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
    CHECK(code_of(claimed) == frame_reader::too_large);
}

TEST_CASE("frame_reader: the numbers of fragments and control frames are limited",
          "[unit][frame_reader][E58][E59]") {
    fixture fragments;
    fragments.open();
    for (unsigned count = 0; count < frame_reader::max_small_fragments; ++count) {
        fragments.arrive(server_frame(count == 0 ? 1 : 0, "", false));
        CHECK(fragments.all().empty());
    }
    CHECK(fragments.code() == 0);
    fragments.arrive(server_frame(0, "", false));
    CHECK(fragments.code() == 1008);

    fixture larger(100u << 20);
    larger.open();
    const std::string enough(frame_reader::small_fragment, 'x');
    for (unsigned count = 0; count <= 2 * frame_reader::max_small_fragments; ++count) {
        larger.arrive(server_frame(count == 0 ? 1 : 0, enough, false));
        larger.all();
    }
    CHECK(larger.code() == 0);

    fixture controls;
    controls.open();
    for (int second = 0; second < 3; ++second) {
        for (unsigned count = 0; count < frame_reader::max_controls_per_second; ++count)
            controls.arrive(server_frame(10, ""));
        CHECK(controls.all().size() == frame_reader::max_controls_per_second);
        CHECK(controls.code() == 0);
        controls.now += std::chrono::seconds(1);
    }
    for (unsigned count = 0; count <= frame_reader::max_controls_per_second; ++count)
        controls.arrive(server_frame(9, ""));
    controls.all();
    CHECK(controls.code() == 1008);
}

TEST_CASE("frame_reader: a message is open from its first byte to its last",
          "[unit][frame_reader]") {
    fixture one;
    one.open();
    const auto open_after = [&one](std::string_view bytes) {
        one.arrive(bytes);
        one.all();
        return one.it.message_open();
    };
    CHECK_FALSE(one.it.message_open());
    CHECK(open_after(server_frame(1, "half").substr(0, 4)));
    CHECK_FALSE(open_after(server_frame(1, "half").substr(4)));
    CHECK(open_after(server_frame(1, "a", false)));
    CHECK(open_after(server_frame(9, "")));
    CHECK_FALSE(open_after(server_frame(0, "b")));
    CHECK_FALSE(open_after(server_frame(9, "x").substr(0, 2))); // a control frame is none
    CHECK_FALSE(open_after("x"));
    CHECK(open_after(server_frame(1, std::string(50'000, 'x')).substr(0, 40'000)));
}

TEST_CASE("frame_reader: a size hint changes the space and nothing else", "[unit][frame_reader]") {
    fixture one;
    one.open();
    for (int turn = 0; turn < 3; ++turn) {
        one.arrive(server_frame(1, "x") + server_frame(9, ""));
        one.it.expect(turn % 2 == 1); // something is held: not now
        CHECK(one.all() == strings{"text:x", "ping:"});
        one.it.expect(turn % 2 == 0);
        CHECK(one.it.space().size() ==
              (turn % 2 == 0 ? frame_reader::capacity : frame_reader::small_capacity));
        CHECK(one.all().empty());
    }
}

TEST_CASE("frame_reader: is idle between messages only", "[unit][frame_reader]") {
    fixture one;
    one.open();
    CHECK(one.it.rest());
    one.arrive(server_frame(1, "first").substr(0, 3));
    CHECK_FALSE(one.it.rest());
    one.arrive(server_frame(1, "first").substr(3));
    CHECK_FALSE(one.it.rest());
    CHECK(one.all() == strings{"text:first"});
    CHECK(one.it.rest());
    one.arrive(server_frame(1, "fr", false));
    CHECK(one.all().empty());
    CHECK_FALSE(one.it.rest());
    one.arrive(server_frame(0, "agment"));
    CHECK(one.all() == strings{"text:fragment"});
    CHECK(one.it.rest());
}

TEST_CASE("frame_reader: the rest of a large frame is read into its final place",
          "[unit][frame_reader]") {
    const std::size_t size = GENERATE(50'000u, 100'000u);
    CAPTURE(size);
    fixture one;
    one.open();
    const std::string frame = server_frame(2, std::string(size, 'x'));
    const auto header = frame.size() - size;
    one.arrive(frame.substr(0, 400));
    CHECK(one.all().empty());
    const auto room = one.it.space();
    REQUIRE(room.size() == frame.size() - 400);
    std::memset(room.data(), 'x', room.size());
    one.it.commit(room.size(), one.now);
    const auto whole = one.it.next(one.now);
    CHECK(whole.payload.size() == size);
    CHECK(whole.payload.data() + (400 - header) == room.data()); // not copied once more
}

TEST_CASE("frame_reader: readable padding follows every message", "[unit][frame_reader]") {
    fixture one;
    one.open();
    one.it.expect(true);
    const std::string frame = server_frame(1, std::string(60, 'x'));
    std::string all;
    while (all.size() + 2 * frame.size() <= frame_reader::capacity)
        all += frame;
    const std::size_t rest = frame_reader::capacity - all.size();
    all += server_frame(1, std::string(rest - (rest < 128 ? 2 : 4), 'y'));
    REQUIRE(all.size() == frame_reader::capacity);
    const auto read_behind = [&one](const std::string& bytes) {
        one.arrive(bytes);
        unsigned messages = 0;
        unsigned read = 0;
        for (auto next = one.it.next(one.now); next.what != kind::nothing;
             next = one.it.next(one.now), ++messages)
            for (std::size_t at = 0; at < message_padding; ++at)
                read += next.payload.data()[next.payload.size() + at] == 'x' ? 1 : 0;
        return std::pair(messages, read);
    };
    const auto [messages, read] = read_behind(all);
    CHECK(messages > 100);
    CHECK(read > messages);
    CHECK(read_behind(server_frame(1, "", false) + server_frame(0, "")).first == 1);
    CHECK(
        read_behind(server_frame(1, std::string(1'024, 'x'), false) + server_frame(0, "")).first ==
        1);
}

TEST_CASE("frame_reader: the padding after the last message is zero", "[unit][frame_reader]") {
    fixture one;
    one.open();
    const auto behind = [&one](const std::string& bytes) {
        one.arrive(bytes);
        const auto next = one.it.next(one.now);
        REQUIRE(next.what == kind::text);
        return std::string(next.payload.data() + next.payload.size(), message_padding);
    };
    const std::string zeros(message_padding, '\0');
    const auto whole = [](std::size_t size) { return server_frame(1, std::string(size, 'x')); };
    const auto halves = [](std::size_t size) {
        return server_frame(1, std::string(size, 'x'), false) + server_frame(0, "x");
    };
    CHECK(behind(whole(200)) == zeros);
    CHECK(behind(whole(20)) == zeros); // where the longer one was
    CHECK(behind(halves(200)) == zeros);
    CHECK(behind(halves(20)) == zeros);
}

TEST_CASE("utf8: truncated text is valid up to the cut character", "[unit][utf8]") {
    const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    const std::size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (std::size_t size = 0; size <= text.size(); ++size) {
        CAPTURE(size);
        const auto part = std::string_view(text).substr(0, size);
        CHECK(whole_characters(part) == whole[size]);
        CHECK(is_utf8(part.substr(0, whole[size])));
        CHECK(may_begin_a_character(part.substr(whole[size])));
    }
    CHECK_FALSE(is_utf8("\x80\x80\x80\x80"));
    CHECK(whole_characters("\x80\x80\x80\x80") == 4);
}

} // namespace frame_reader_test
