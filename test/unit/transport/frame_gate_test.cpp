#include "support/catch.hpp"
#include "support/raw_server.hpp"
#include "transport/frame_gate.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace frame_gate_test {

using namespace parley;
using parley::test::close_payload;
using parley::test::server_frame;

namespace {

const std::string head_of_101 = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/// A gate, and time that the test moves.
class gate {
public:
    frame_gate it;
    time_point now{};

    void arrive(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto room = it.space();
            const auto count = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), count);
            it.commit(count, now);
            bytes.remove_prefix(count);
        }
    }

    std::string take(std::size_t most = 100'000) {
        std::string out(most, '\0');
        out.resize(it.take(asio::buffer(out), now));
        return out;
    }

    /// "-" for none.
    std::string text(std::size_t longest = 100'000) {
        return std::string(it.take_text(longest, now).value_or("-"));
    }

    void open() {
        arrive(head_of_101);
        take();
    }
};

} // namespace

TEST_CASE("frame_gate: the head comes first and alone", "[unit][frame_gate]") {
    gate one;
    CHECK_FALSE(one.it.ready());
    one.arrive(head_of_101.substr(0, 20));
    CHECK_FALSE(one.it.ready());
    one.arrive(head_of_101.substr(20) + server_frame(1, "x"));
    REQUIRE(one.it.ready());
    CHECK_FALSE(one.it.whole_data_frame());
    const std::string beginning = one.take(10);
    CHECK(beginning + one.take() == head_of_101);
    CHECK(one.it.head().text().empty());
    CHECK(one.it.head().status() == 101);
    REQUIRE(one.it.whole_data_frame());
    CHECK(one.take() == server_frame(1, "x"));
    CHECK_FALSE(one.it.ready());
}

TEST_CASE("frame_gate: a refused upgrade hands out nothing", "[unit][frame_gate]") {
    gate one;
    one.arrive("HTTP/1.1 401 Unauthorized\r\n\r\nbody");
    CHECK_FALSE(one.it.ready());
    CHECK(one.it.failed() == frame_gate::fault::answer_refused);
    CHECK(one.it.head().status() == 401);
}

TEST_CASE("frame_gate: nothing of the next frame is handed out with this one",
          "[unit][frame_gate]") {
    gate one;
    one.open();
    const std::string large(300, 'l');
    one.arrive(server_frame(1, "a") + server_frame(9, "p") + server_frame(2, large) + "\x81");
    CHECK(one.it.whole_data_frame());
    CHECK(one.take() == server_frame(1, "a"));
    CHECK_FALSE(one.it.whole_data_frame()); // a ping has to be answered
    CHECK(one.take() == server_frame(9, "p"));
    CHECK(one.it.whole_data_frame());
    CHECK(one.take(4) == server_frame(2, large).substr(0, 4));
    CHECK(one.it.whole_data_frame());
    CHECK(one.take() == server_frame(2, large).substr(4));
    CHECK_FALSE(one.it.ready()); // half a header
    CHECK_FALSE(one.it.message_open());
}

TEST_CASE("frame_gate: a header in pieces is waited for", "[unit][frame_gate]") {
    for (const std::size_t size : {5u, 200u, 70'000u}) {
        CAPTURE(size);
        const std::string bytes = server_frame(1, std::string(size, 's'));
        gate one;
        one.open();
        const std::size_t header = bytes.size() - size;
        for (std::size_t at = 0; at < header; ++at) {
            CHECK_FALSE(one.it.ready());
            one.arrive(bytes.substr(at, 1));
        }
        CHECK(one.it.ready());
        CHECK(one.it.message_open());
        CHECK(one.take() == bytes.substr(0, header));
        CHECK(one.it.direct_limit() == size);
        one.it.skip(size, one.now);
        CHECK_FALSE(one.it.message_open());
    }
}

TEST_CASE("frame_gate: a message is open from its first fragment to its last",
          "[unit][frame_gate]") {
    gate one;
    one.open();
    one.arrive(server_frame(1, "a", false));
    CHECK_FALSE(one.take().empty());
    CHECK(one.it.message_open());
    one.arrive(server_frame(9, ""));
    CHECK_FALSE(one.take().empty());
    CHECK(one.it.message_open());
    one.arrive(server_frame(0, "", false));
    CHECK_FALSE(one.it.whole_data_frame()); // the WebSocket swallows it and reads on
    CHECK_FALSE(one.take().empty());
    one.arrive(server_frame(0, ""));
    CHECK(one.it.whole_data_frame());
    CHECK_FALSE(one.it.message_open());
}

TEST_CASE("frame_gate: any number of bytes passes through a buffer that is not large",
          "[unit][frame_gate]") {
    gate one;
    one.open();
    std::string sent;
    std::string got;
    for (std::size_t count = 0; count < 300; ++count) {
        const std::string next = server_frame(1 + count % 2, std::string(count * 7 % 200, 'x'));
        sent += next;
        one.arrive(next);
        while (one.it.ready() && count % 3 != 0)
            got += one.take(1 + count * 13 % 180);
    }
    while (one.it.ready())
        got += one.take();
    CHECK(got == sent);
}

TEST_CASE("frame_gate: lengths beyond all bounds do not wrap", "[unit][frame_gate]") {
    gate one;
    one.open();
    one.arrive(std::string("\x82\xff") + std::string(8, '\xff') + "keyy");
    CHECK(one.it.ready());
    CHECK_FALSE(one.it.whole_data_frame());
    CHECK(one.take().size() == 14);
    CHECK(one.it.direct_limit() > 1u << 30);
}

TEST_CASE("frame_gate: a close code that cannot be is refused before it is handed out",
          "[unit][frame_gate][E64]") {
    const auto arriving = [](const std::string& payload) {
        gate one;
        one.open();
        for (const char byte : server_frame(8, payload))
            one.arrive(std::string_view(&byte, 1));
        return one.it.failed();
    };
    CHECK(arriving(close_payload(4999, "why")) == frame_gate::fault::none);
    CHECK(arriving(close_payload(0)) == frame_gate::fault::none); // which the WebSocket refuses
    CHECK(arriving("") == frame_gate::fault::none);
    CHECK(arriving("\xff") == frame_gate::fault::none);
    CHECK(arriving(close_payload(5000)) == frame_gate::fault::bad_close_code);
    CHECK(arriving(close_payload(65'535, "why")) == frame_gate::fault::bad_close_code);

    gate text; // and only in a close
    text.open();
    text.arrive(server_frame(1, close_payload(65'535)));
    CHECK(text.it.ready());
    CHECK_FALSE(text.it.objection());
}

TEST_CASE("frame_gate: fragments and control frames are counted", "[unit][frame_gate][E58][E59]") {
    gate fragments;
    fragments.open();
    for (unsigned count = 0; count < frame_gate::max_small_fragments; ++count) {
        fragments.arrive(server_frame(count == 0 ? 1 : 0, "x", false));
        fragments.take();
    }
    CHECK(fragments.it.failed() == frame_gate::fault::none);
    fragments.arrive(server_frame(0, "x", false));
    CHECK(fragments.it.failed() == frame_gate::fault::too_many_fragments);
    CHECK_FALSE(fragments.it.ready());

    gate larger; // and only those that carry little
    larger.open();
    const std::string enough(frame_gate::small_fragment, 'x');
    for (unsigned count = 0; count <= 2 * frame_gate::max_small_fragments; ++count) {
        larger.arrive(server_frame(count == 0 ? 1 : 0, enough, false));
        larger.take();
    }
    CHECK(larger.it.failed() == frame_gate::fault::none);

    gate controls;
    controls.open();
    for (int second = 0; second < 3; ++second) {
        for (unsigned count = 0; count < frame_gate::max_controls_per_second; ++count) {
            controls.arrive(server_frame(9, ""));
            controls.take();
        }
        CHECK(controls.it.failed() == frame_gate::fault::none);
        controls.now += std::chrono::seconds(1);
    }
    for (unsigned count = 0; count <= frame_gate::max_controls_per_second; ++count) {
        controls.arrive(server_frame(10, ""));
        if (controls.it.ready()) controls.take();
    }
    CHECK(controls.it.failed() == frame_gate::fault::too_many_controls);
    REQUIRE(controls.it.objection());
    CHECK(controls.it.objection()->close_code == 1008);
}

TEST_CASE("frame_gate: a plain text message is handed out as it lies there", "[unit][frame_gate]") {
    gate one;
    CHECK_FALSE(one.it.between_messages());
    one.open();
    CHECK(one.it.between_messages());
    const std::string medium(126, 'm');
    one.arrive(server_frame(1, "a") + server_frame(1, "") + server_frame(1, "\xE2\x82\xAC") +
               server_frame(1, medium) + server_frame(9, "ping") + server_frame(1, "b"));
    CHECK_FALSE(one.it.between_messages());
    CHECK(one.text() == "a");
    CHECK(one.text().empty());
    CHECK(one.text() == "\xE2\x82\xAC");
    CHECK(one.text(125) == "-");
    CHECK(one.text(126) == medium);
    CHECK(one.text() == "-");
    CHECK(one.take() == server_frame(9, "ping"));
    CHECK(one.text() == "b");
    CHECK(one.text() == "-");
    CHECK(one.it.between_messages());
}

TEST_CASE("frame_gate: what is expected changes the space and nothing else", "[unit][frame_gate]") {
    gate one;
    one.open();
    for (int turn = 0; turn < 3; ++turn) {
        one.arrive(server_frame(1, "x") + server_frame(9, ""));
        one.it.expect(turn % 2 == 1); // something is held: not now
        CHECK(one.text() == "x");
        CHECK(one.take() == server_frame(9, ""));
        REQUIRE(one.it.between_messages());
        one.it.expect(turn % 2 == 0);
        CHECK(one.it.space().size() ==
              (turn % 2 == 0 ? frame_gate::capacity : frame_gate::small_capacity));
        CHECK(one.it.between_messages());
        CHECK(one.text() == "-");
    }
}

TEST_CASE("frame_gate: at rest it keeps what it holds, and goes on where it was",
          "[unit][frame_gate]") {
    gate one;
    one.open();
    one.it.rest();
    one.arrive(server_frame(1, "first").substr(0, 3));
    one.it.rest();
    one.arrive(server_frame(1, "first").substr(3));
    CHECK(one.text() == "first");
    one.it.rest();
    one.arrive(server_frame(1, "second"));
    CHECK(one.text() == "second");
}

TEST_CASE("frame_gate: what is not a whole plain text message is left where it is",
          "[unit][frame_gate]") {
    const std::string table[] = {
        server_frame(1, "x", false),
        server_frame(0, "x"),
        server_frame(2, "x"),
        server_frame(3, "x"),
        server_frame(8, ""),
        server_frame(10, ""),
        server_frame(1, "x", true, true),             // RSV1
        std::string("\xa1\x01x"),                     // RSV2
        std::string("\x91\x01x"),                     // RSV3
        std::string("\x81\x81keyyx"),                 // masked
        std::string("\x81\x7e\x00\x01x", 5),          // a length in more bytes than it needs
        std::string("\x81\x7f\0\0\0\0\0\0\0\1x", 11), // likewise
        server_frame(1, "\xff"),                      // not UTF-8
        server_frame(1, "cut \xe2\x82"),              // half a character
    };
    for (const std::string& bytes : table) {
        CAPTURE(bytes);
        gate one;
        one.open();
        one.arrive(bytes);
        CHECK(one.text() == "-");
        CHECK_FALSE(one.it.between_messages());
        CHECK(one.take() == bytes);
    }

    gate torn; // not once a part of it has been taken, nor before it is whole
    torn.open();
    const std::string whole = server_frame(1, "whole");
    torn.arrive(whole.substr(0, 4));
    CHECK(torn.text() == "-");
    torn.arrive(whole.substr(4));
    CHECK(torn.text() == "whole");
    torn.arrive(whole);
    torn.take(1);
    CHECK(torn.text() == "-");
    CHECK(torn.take() == whole.substr(1));

    gate fragmented; // nor in the middle of another message, where it must not be
    fragmented.open();
    fragmented.arrive(server_frame(1, "x", false));
    fragmented.take();
    CHECK_FALSE(fragmented.it.between_messages());
    fragmented.arrive(whole);
    CHECK(fragmented.text() == "-");
}

TEST_CASE("frame_gate: there are bytes to be read behind the last message that fits",
          "[unit][frame_gate]") {
    gate one;
    one.open();
    one.it.expect(true);
    const std::string frame = server_frame(1, std::string(60, 'x'));
    std::string all;
    while (all.size() + 2 * frame.size() <= frame_gate::capacity)
        all += frame;
    const std::size_t rest = frame_gate::capacity - all.size();
    all += server_frame(1, std::string(rest - (rest < 128 ? 2 : 4), 'y'));
    REQUIRE(all.size() == frame_gate::capacity);
    one.arrive(all);
    unsigned read = 0;
    for (auto text = one.it.take_text(1'000, one.now); text;
         text = one.it.take_text(1'000, one.now))
        for (std::size_t at = 0; at < frame_gate::padding; ++at)
            read += static_cast<unsigned char>(text->data()[text->size() + at]) != 0 ? 1 : 0;
    CHECK(read > 0);
    CHECK(one.it.between_messages());
}

} // namespace frame_gate_test
