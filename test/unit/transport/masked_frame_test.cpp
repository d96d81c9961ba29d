// The frames that a client writes by hand (RFC 6455 section 5.2).

#include "support/catch.hpp"
#include "transport/masked_frame.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

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

TEST_CASE("masked_frame: has its payload under its mask, behind the shortest length",
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

TEST_CASE("masked_frame: each frame has another mask", "[unit][masked_frame]") {
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

TEST_CASE("masked_frame: a reason is cut between two characters", "[unit][masked_frame]") {
    CHECK(close_text("short") == "short");
    CHECK(close_text(std::string(123, 'r')).size() == 123);
    CHECK(close_text(std::string(124, 'r')).size() == 123);
    CHECK(close_text(std::string(122, 'r') + "\xc3\xbc") == std::string(122, 'r'));
}

TEST_CASE("masked_frame: a frame has its code under a mask of its own", "[unit][masked_frame]") {
    const std::string one = masked_close_frame(1008);
    const std::string other = masked_close_frame(1008);
    REQUIRE(one.size() == 8);
    CHECK(one.substr(0, 2) == "\x88\x82");
    CHECK(static_cast<unsigned char>(one[6] ^ one[2]) == 0x03);
    CHECK(static_cast<unsigned char>(one[7] ^ one[3]) == 0xf0);
    CHECK(one != other);
}

} // namespace masked_frame_test
