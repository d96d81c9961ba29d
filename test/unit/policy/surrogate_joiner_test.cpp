#include "policy/surrogate_joiner.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace surrogate_joiner_test {

using parley::surrogate_joiner;

namespace {

// As the decoder leaves them.
const std::string high = "\xED\xA0\xBD"; // U+D83D
const std::string low = "\xED\xBA\x80";  // U+DE80
const std::string rocket = "\xF0\x9F\x9A\x80";
const std::string unknown = "\xEF\xBF\xBD";

/// What comes of the pieces, and of the end.
std::vector<std::string> joined(std::vector<std::string> pieces) {
    surrogate_joiner joiner;
    for (auto& one : pieces)
        joiner.join(one);
    pieces.emplace_back(joiner.end());
    CHECK_FALSE(joiner.holds());
    return pieces;
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("surrogate_joiner: a high surrogate joins the low one of the next piece",
          "[unit][surrogate_joiner][O142]") {
    CHECK(joined({"up " + high, low + " away"}) == lines{"up ", rocket + " away", ""});
    CHECK(joined({high, low}) == lines{"", rocket, ""});
    CHECK(joined({high, "", low}) == lines{"", "", rocket, ""});
    CHECK(joined({high, low + high, low}) == lines{"", rocket, rocket, ""});
}

TEST_CASE("surrogate_joiner: a surrogate without a partner becomes U+FFFD",
          "[unit][surrogate_joiner][O142]") {
    CHECK(joined({high, "x"}) == lines{"", unknown + "x", ""});
    CHECK(joined({high, high, low}) == lines{"", unknown, rocket, ""});
    CHECK(joined({"a" + high}) == lines{"a", unknown});
    CHECK(joined({low + "a"}) == lines{unknown + "a", ""});
    CHECK(joined({low, low}) == lines{unknown, unknown, ""});
    CHECK(joined({"a", low}) == lines{"a", unknown, ""});
}

TEST_CASE("surrogate_joiner: every surrogate pair becomes its character",
          "[unit][surrogate_joiner][O142]") {
    const auto three = [](unsigned unit) {
        std::string out = "\xED";
        out += static_cast<char>(0x80 | (unit >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (unit & 0x3F));
        return out;
    };
    for (const unsigned first : {0xD800u, 0xD801u, 0xD83Du, 0xDBFFu})
        for (unsigned second = 0xDC00; second <= 0xDFFF; ++second) {
            const auto point = 0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00);
            std::string wanted;
            for (const int shift : {18, 12, 6, 0})
                wanted += static_cast<char>((shift == 18 ? 0xF0 : 0x80) | (point >> shift & 0x3F));
            REQUIRE(joined({three(first), three(second)}) == lines{"", wanted, ""});
        }
}

TEST_CASE("surrogate_joiner: other text is unchanged", "[unit][surrogate_joiner]") {
    const lines texts{"", "a", "\xED\x9F\xBF", "\xED\x80\x80 a \xED\x9F\xBF", rocket, unknown};
    auto wanted = texts;
    wanted.emplace_back();
    CHECK(joined(texts) == wanted);
}

} // namespace surrogate_joiner_test
