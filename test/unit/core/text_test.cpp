#include "core/json_string.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "support/catch.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace text_test {

namespace {

using namespace parley;

struct sample {
    std::string_view text;
    bool valid;
};

// RFC 3629 section 4, and the classic malformed forms.
const std::vector<sample> utf8_samples{
    {"", true},
    {"plain", true},
    {"Zürich", true},
    {"\xE2\x82\xAC", true},
    {"\xF0\x9F\x98\x80", true},
    {"\xEF\xBF\xBF", true},      // U+FFFF
    {"\xF4\x8F\xBF\xBF", true},  // U+10FFFF
    {"\x80", false},             // a continuation alone
    {"\xC0\xAF", false},         // overlong /
    {"\xC1\xBF", false},         // overlong
    {"\xE0\x9F\xBF", false},     // overlong
    {"\xF0\x8F\xBF\xBF", false}, // overlong
    {"\xED\xA0\x80", false},     // a surrogate
    {"\xED\xBF\xBF", false},     // a surrogate
    {"\xF4\x90\x80\x80", false}, // above U+10FFFF
    {"\xF5\x80\x80\x80", false}, // above U+10FFFF
    {"\xFE", false},
    {"\xC3", false},         // cut short
    {"\xE2\x82", false},     // cut short
    {"\xF0\x9F\x98", false}, // cut short
    {"\xC3(", false},        // no continuation
    {"a\xE2(\x82", false},
};

} // namespace

TEST_CASE("text: exactly the UTF-8 of RFC 3629 is valid", "[unit][text]") {
    for (const auto& each : utf8_samples) {
        INFO(each.text);
        CHECK(valid_utf8(each.text) == each.valid);
        CHECK(valid_utf8(to_valid_utf8(each.text)));
        CHECK((to_valid_utf8(each.text) == each.text) == each.valid);
    }
}

TEST_CASE("text: each invalid byte is replaced by one U+FFFD", "[unit][text]") {
    CHECK(to_valid_utf8("a\xFF\xC3z") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST_CASE("text: a server's text is made fit for one line", "[unit][text]") {
    CHECK(shorten_and_escape("just words, Zürich") == "just words, Zürich");
    CHECK(shorten_and_escape("a\r\nb\tc") == "a\\r\\nb\\tc");
    CHECK(shorten_and_escape(std::string_view("a\0b", 3)) == "a\\x00b");
    CHECK(shorten_and_escape("\x1B[31m\x7F") == "\\x1b[31m\\x7f");
    CHECK(shorten_and_escape("\xFFz") == "\\xffz");
    CHECK(shorten_and_escape("\xC2\x9B") == "\\x9b");       // the 8-bit CSI
    CHECK(shorten_and_escape("\xE2\x80\xAE") == "\\u202e"); // right-to-left override
    CHECK(shorten_and_escape("\xE2\x80\xA8") == "\\u2028"); // line separator
    CHECK(shorten_and_escape("\xD8\x9C") == "\\u061c");     // Arabic letter mark
}

TEST_CASE("text: long text is cut between two characters", "[unit][text]") {
    CHECK(shorten_and_escape("12345", 5) == "12345");
    CHECK(shorten_and_escape("123456", 5) == "12345…");
    CHECK(shorten_and_escape("1234ü", 5) == "1234…");
    CHECK(shorten_and_escape("1234\n", 5) == "1234…");
    CHECK(shorten_and_escape(std::string(5'000, 'x')).size() == 200 + std::string("…").size());
}

TEST_CASE("text: a header value is visible ASCII", "[unit][text]") {
    CHECK(valid_header_value(""));
    CHECK(valid_header_value("Bearer a~b c"));
    for (const std::string_view bad :
         {std::string_view("a\rb"), std::string_view("a\nb"), std::string_view("a\0b", 3),
          std::string_view("a\x7F"), std::string_view("ü"), std::string_view("a\tb")})
        CHECK_FALSE(valid_header_value(bad));
}

TEST_CASE("text: a header name is a token", "[unit][text]") {
    CHECK(valid_header_name("x-oddle-mp-auth-token"));
    CHECK(valid_header_name("!#$%&'*+-.^_`|~09azAZ"));
    for (const auto* bad : {"", "a b", "a:b", "a\r\n", "ü", "a(", "a/"})
        CHECK_FALSE(valid_header_name(bad));
}

TEST_CASE("log: a line below the threshold is not written", "[unit][log]") {
    std::vector<std::string> lines;
    const logger log(
        [&lines](log_level level, std::string_view line) {
            lines.push_back(std::string(to_string(level)) + ' ' + std::string(line));
        },
        log_level::warning);

    CHECK_FALSE(log.enabled(log_level::info));
    log.write(log_level::info, "not this");
    log.write(log_level::warning, "this\nand this");
    log.write(log_level::error, std::string(5'000, 'x'));

    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "warning this\\nand this");
    CHECK(lines[1].size() < 2'100);
}

TEST_CASE("log: an exception of any type is logged after its context", "[unit][log]") {
    std::vector<std::string> lines;
    const logger log(
        [&lines](log_level level, std::string_view line) {
            lines.push_back(std::string(to_string(level)) + ' ' + std::string(line));
        },
        log_level::error);

    report(log, std::make_exception_ptr(std::runtime_error("too\nlate")));
    report(log, std::make_exception_ptr(std::runtime_error("too late")), "ticket: ");
    report(log, std::make_exception_ptr(42), "ticket: ");
    report(logger(), std::make_exception_ptr(42)); // without a sink

    CHECK(lines ==
          std::vector<std::string>{"error too\\nlate", "error ticket: too late",
                                   "error ticket: an exception that is not a std::exception"});
}

TEST_CASE("log: without a sink nothing is enabled", "[unit][log]") {
    const logger nobody;

    CHECK_FALSE(nobody.enabled(log_level::error));
    nobody.write(log_level::error, "to nobody");
}

TEST_CASE("json_string: a byte is escaped, passed or rejected at every position",
          "[unit][json_string]") {
    for (unsigned code = 0; code < 0x100; ++code) {
        const auto byte = static_cast<char>(code);
        std::string alone;
        const bool possible = append_json_string(alone, std::string_view(&byte, 1));
        CHECK(possible == (code < 0x80));
        for (std::size_t before = 0; before < 20; ++before) {
            for (const std::size_t after : {0U, 1U, 7U, 8U, 9U}) {
                const std::string head(before, 'a'), tail(after, '~');
                std::string out = "x";
                REQUIRE(append_json_string(out, head + byte + tail) == possible);
                if (possible)
                    REQUIRE(out == "x\"" + head + alone.substr(1, alone.size() - 2) + tail + '"');
                else
                    REQUIRE(out == "x");
            }
        }
    }
    std::string out;
    REQUIRE(append_json_string(out, "seven…: é and \U0001F600 and eight more"));
    CHECK(out == "\"seven…: é and \U0001F600 and eight more\"");
}

} // namespace text_test
