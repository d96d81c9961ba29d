// The frames that a client writes by hand (RFC 6455 section 5.2).

#include "core/random_bytes.hpp"
#include "support/catch.hpp"
#include "websocket/masked_frame.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace masked_frame_test {

using namespace parley;

namespace {

std::uint64_t number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes)
        value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

std::string unmasked(std::string_view key, std::string_view bytes) {
    std::string plain;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        plain += static_cast<char>(bytes[i] ^ key[i % 4]);
    return plain;
}

std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i)
        text += static_cast<char>('a' + i * 7 % 26);
    return text;
}

} // namespace

TEST_CASE("masked_frame: the payload is masked and the length has its shortest form",
          "[unit][masked_frame]") {
    const std::size_t size =
        GENERATE(0u, 1u, 3u, 4u, 7u, 8u, 9u, 16u, 125u, 126u, 127u, 65'535u, 65'536u, 65'543u);
    CAPTURE(size);
    const std::size_t extended = size < 126 ? 0 : size <= 65'535 ? 2 : 8;
    const std::string payload = pattern(size);
    std::string frame = "before";
    REQUIRE(append_masked_frame(frame, frame_opcode::text, payload));

    CHECK(frame.substr(0, 6) == "before");
    const std::string_view here = std::string_view(frame).substr(6);
    REQUIRE(here.size() == 2 + extended + 4 + size);
    CHECK(static_cast<unsigned char>(here[0]) == 0x81u); // final, text
    const unsigned length = static_cast<unsigned char>(here[1]);
    CHECK(length == (0x80u | (extended == 0 ? size : extended == 2 ? 126u : 127u)));
    if (extended > 0) CHECK(number(here.substr(2, extended)) == size);
    const auto key = here.substr(2 + extended, 4);
    CHECK(unmasked(key, here.substr(2 + extended + 4)) == payload);
}

TEST_CASE("masked_frame: each frame has its own mask", "[unit][masked_frame]") {
    std::set<std::string> keys;
    std::string bits(4, '\0');
    for (int count = 0; count < 1'000; ++count) {
        std::string frame;
        REQUIRE(append_masked_frame(frame, frame_opcode::text, "x"));
        keys.insert(frame.substr(2, 4));
        for (std::size_t i = 0; i < 4; ++i)
            bits[i] = static_cast<char>(bits[i] | frame[2 + i]);
    }
    CHECK(keys.size() > 990); // of 2^32
    CHECK(bits == "\xff\xff\xff\xff");
}

TEST_CASE("masked_frame: the first byte has the opcode and the flags", "[unit][masked_frame]") {
    const auto first_byte = [](frame_opcode opcode, bool compressed) {
        std::string frame;
        REQUIRE(append_masked_frame(frame, opcode, "x", compressed));
        return static_cast<unsigned>(static_cast<unsigned char>(frame[0]));
    };
    CHECK(first_byte(frame_opcode::continuation, false) == 0x80u);
    CHECK(first_byte(frame_opcode::text, false) == 0x81u);
    CHECK(first_byte(frame_opcode::binary, false) == 0x82u);
    CHECK(first_byte(frame_opcode::close, false) == 0x88u);
    CHECK(first_byte(frame_opcode::ping, false) == 0x89u);
    CHECK(first_byte(frame_opcode::pong, false) == 0x8au);
    CHECK(first_byte(frame_opcode::text, true) == 0xc1u); // RSV1 (RFC 7692 section 6)
    CHECK(first_byte(frame_opcode::binary, true) == 0xc2u);
}

TEST_CASE("masked_frame: a close has its code under its own mask", "[unit][masked_frame]") {
    std::string one = "before";
    std::string other = "before";
    REQUIRE(append_masked_close(one, 1008));
    REQUIRE(append_masked_close(other, 1008));
    CHECK(one != other);
    CHECK(one.substr(0, 6) == "before");
    const std::string_view frame = std::string_view(one).substr(6);
    REQUIRE(frame.size() == 8);
    CHECK(frame.substr(0, 2) == "\x88\x82");
    CHECK(unmasked(frame.substr(2, 4), frame.substr(6)) == "\x03\xf0");
}

TEST_CASE("masked_frame: a close without a code is empty", "[unit][masked_frame]") {
    std::string frame;
    REQUIRE(append_masked_close(frame, 0));
    REQUIRE(frame.size() == 6);
    CHECK(frame.substr(0, 2) == "\x88\x80");
}

TEST_CASE("random_bytes: a buffer of any size is filled to its end", "[unit][masked_frame]") {
    for (const std::size_t size : {1u, 3u, 16u, 500u, 512u, 513u, 2'000u}) {
        CAPTURE(size);
        // Sixty times: no byte that was drawn is 0 in all of them.
        std::vector<unsigned char> bits(size + 1, 0);
        std::set<std::vector<unsigned char>> drawn;
        for (int count = 0; count < 60; ++count) {
            std::vector<unsigned char> bytes(size + 1, 0);
            REQUIRE(draw_random(std::span(bytes).first(size)));
            for (std::size_t i = 0; i <= size; ++i)
                bits[i] |= bytes[i];
            drawn.insert(std::move(bytes));
        }
        CHECK(std::ranges::count(bits, 0) == 1);
        CHECK(bits.back() == 0);
        if (size >= 16) CHECK(drawn.size() == 60);
    }
    CHECK(draw_random({}));
}

} // namespace masked_frame_test
