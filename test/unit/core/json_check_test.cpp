#include "core/json_check.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace json_check_test {

namespace {

using parley::check_json;
using parley::json_fault;

std::string nested(std::size_t depth, std::string_view open = "[", std::string_view close = "]") {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i)
        text += open;
    text += '1';
    for (std::size_t i = 0; i < depth; ++i)
        text += close;
    return text;
}

struct broken {
    std::string_view text;
    std::size_t offset;
    json_fault::kind what = json_fault::kind::grammar;
};

} // namespace

TEST_CASE("json_check: everything that RFC 8259 allows is accepted", "[unit][json_check]") {
    const std::vector<std::string_view> good{"null",
                                             "true",
                                             "false",
                                             "0",
                                             "-0",
                                             "-1",
                                             "10",
                                             "0.5",
                                             "1e5",
                                             "1E+5",
                                             "1e-5",
                                             "-0.0e0",
                                             "18446744073709551616",
                                             "-9223372036854775809",
                                             "1e400",
                                             "123456789012345678901234567890",
                                             R"("")",
                                             R"("a\"\\\/\b\f\n\r\tz")",
                                             R"("\u0000\uD83D\uDE00\ud800")",
                                             "\"Zürich\"",
                                             "\"\x7F\"",
                                             "[]",
                                             "{}",
                                             "[ ]",
                                             "{ }",
                                             "[1,2,3]",
                                             "[[],{}]",
                                             R"({"a":1,"b":[true,null]})",
                                             R"({"a":1,"a":2})",
                                             R"({"":""})",
                                             " \t\r\n{ \"a\" : [ 1 , 2 ] } \n"};
    for (const auto text : good) {
        INFO(text);
        CHECK_FALSE(check_json(text).has_value());
    }
}

TEST_CASE("json_check: the first fault and its offset are reported", "[unit][json_check]") {
    using enum json_fault::kind;
    const std::vector<broken> bad{
        {"", 0},
        {"   ", 3},
        {"\xEF\xBB\xBF{}", 0}, // a byte order mark
        {"tru", 3},
        {"True", 0},
        {"nul", 3},
        {"nulls", 4},
        {"NaN", 0},
        {"Infinity", 0},
        {"+1", 0},
        {"01", 1},
        {"-", 1},
        {"-a", 1},
        {"1.", 2},
        {".5", 0},
        {"1.e5", 2},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"1_000", 1},
        {"\"", 1},
        {"\"abc", 4},
        {"\"a\nb\"", 2},
        {std::string_view("\"a\0b\"", 5), 2},
        {"\"\\x\"", 2},
        {"\"\\u12g4\"", 5},
        {"\"\\u12\"", 5},
        {"\"\\", 2},
        {"'a'", 0},
        {"\"a\xFF\"", 2, utf8},
        {"\"\xC0\xAF\"", 1, utf8},
        {"\"\xED\xA0\x80\"", 1, utf8},
        {"[", 1},
        {"[1", 2},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"[1}", 2},
        {"]", 0},
        {"{", 1},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1", 6},
        {"{\"a\":1,}", 7},
        {"{\"a\":1 \"b\":2}", 7},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{\"a\":1]", 6},
        {"{\"a\" 1}", 5},
        {"{}{}", 2},
        {"1 2", 2},
        {"[1]x", 3},
        {"{} // comment", 3},
        {std::string_view("1\0", 2), 1},
        {"{\"a\": tru}", 9},
        {"\xFF", 0},
    };
    for (const auto& each : bad) {
        INFO(each.text);
        const auto fault = check_json(each.text);
        REQUIRE(fault.has_value());
        CHECK(fault->offset == each.offset);
        CHECK(fault->what == each.what);
    }
}

TEST_CASE("json_check: 64 levels are accepted, 65 are rejected", "[unit][json_check]") {
    CHECK_FALSE(check_json(nested(64)).has_value());
    CHECK_FALSE(check_json(nested(64, R"({"a":)", "}")).has_value());
    for (const auto depth : {65u, 1'025u, 100'000u}) {
        const auto fault = check_json(nested(depth));
        REQUIRE(fault.has_value());
        CHECK(fault->what == json_fault::kind::too_deep);
        CHECK(fault->offset == 64);
    }
    const auto mixed = check_json("[" + nested(64, R"({"a":)", "}") + "]");
    REQUIRE(mixed.has_value());
    CHECK(mixed->what == json_fault::kind::too_deep);
}

TEST_CASE("json_check: depth counts open brackets, not closed ones", "[unit][json_check]") {
    std::string text = "[";
    for (int i = 0; i < 1'000; ++i)
        text += "[{}],";
    CHECK_FALSE(check_json(text + "[]]").has_value());
}

TEST_CASE("json_check: a bracket closes its own kind, at every level", "[unit][json_check]") {
    std::string open;
    std::string close;
    for (int i = 0; i < 32; ++i) {
        open += R"([{"a":)";
        close += "}]";
    }
    CHECK_FALSE(check_json(open + "1" + close).has_value());
    for (std::size_t at = 0; at < close.size(); ++at) {
        auto wrong = close;
        wrong[at] = wrong[at] == '}' ? ']' : '}';
        const auto fault = check_json(open + "1" + wrong);
        REQUIRE(fault.has_value());
        CHECK(fault->offset == open.size() + 1 + at);
    }
}

TEST_CASE("json_check: truncated text is rejected wherever it is cut", "[unit][json_check]") {
    const std::string whole = R"({"a":[1,-2.5e3,"x\u00e9\n",true,null],"b":{"c":"ü"}})";
    REQUIRE_FALSE(check_json(whole).has_value());
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(check_json(std::string_view(whole).substr(0, size)).has_value());
}

} // namespace json_check_test
