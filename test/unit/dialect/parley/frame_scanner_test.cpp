#include "core/json_check.hpp"
#include "frame_text.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>

namespace frame_scanner_test {

using namespace parley;

namespace {

constexpr std::string_view values[] = {
    // Each of the grammar, and what is nearly of it.
    "{}",
    "[]",
    "[{}]",
    "[[],[]]",
    R"({"a":{}})",
    R"({"a":[],"b":{}})",
    "[1,2]",
    R"({"a":1,"b":2})",
    "[",
    "{",
    "[}",
    "{]",
    "[]]",
    "{}}",
    "[,]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "{,}",
    R"({"a"})",
    R"({"a":})",
    R"({"a":1,})",
    R"({"a" 1})",
    R"({"a":1 "b":2})",
    R"({"a"::1})",
    R"({:1})",
    R"({1:1})",
    R"({null:1})",
    R"({"a":1]})",
    R"([{"a":1]})",
    R"([1}])",
    R"({"a":[1}})",
    R"({"a","b"})",
    R"(["a":1])",
    R"({[]:1})",
    R"([:])",
    // Scalars within.
    "[0]",
    "[-0]",
    "[00]",
    "[01]",
    "[10]",
    "[1.0]",
    "[1.]",
    "[.1]",
    "[1e5]",
    "[1e]",
    "[-]",
    "[+1]",
    "[1e400]",
    "[123456789012345678901234567890]",
    "[1x]",
    "[true]",
    "[tru]",
    "[truex]",
    "[false]",
    "[null]",
    "[nul]",
    "[nullx]",
    "[x]",
    R"([""])",
    R"(["a"x])",
    R"([x"a"])",
    R"(["a""b"])",
    R"([1"a"])",
    "['a']",
    R"([\"a"])",
    R"([\])",
    // Escapes, in names too.
    R"(["\""])",
    R"(["\\"])",
    R"(["\\\""])",
    R"(["\/\b\f\n\r\t\u00fC"])",
    R"(["\x"])",
    R"(["\u12"])",
    R"(["\u12g4"])",
    R"(["\ud800"])",
    R"({"\n":1})",
    R"({"\q":1})",
    R"({"\u00":1})",
    R"(["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\q"])",
    // Bytes of more than seven bits.
    "[\"\xC3\xBC\"]",
    "[\"\xFF\"]",
    "[\xC3\xBC]",
};

/// White space wherever it may be.
std::string spaced(std::string_view json) {
    std::string out = " ";
    bool inside = false;
    for (std::size_t at = 0; at < json.size(); ++at) {
        const char c = json[at];
        if (inside && c == '\\' && at + 1 < json.size()) {
            out += c;
            out += json[++at];
            continue;
        }
        if (c == '"') inside = !inside;
        const bool token =
            !inside && std::string_view("{}[]:,\"").find(c) != std::string_view::npos;
        if (token && c != '"') out += "\n\t";
        out += c;
        if (token) out += " \r\n";
    }
    return out;
}

std::string result_of(std::string_view json) {
    return R"({"type":"chat_event","event":"provider-event","data":{"type":"tool-result",)"
           R"("toolName":"t","toolCallId":"c","result":)" +
           std::string(json) + "}}";
}

} // namespace

TEST_CASE("frame_scanner: JSON for the user is accepted exactly as check_json accepts it",
          "[unit][decoder][F67]") {
    for (const auto value : values)
        for (const auto& json : {std::string(value), spaced(value)}) {
            INFO(json);
            if (check_json(json))
                CHECK(skipped(result_of(json)).starts_with("not_json"));
            else
                CHECK(skipped(result_of(json)).empty());
        }
}

TEST_CASE("frame_scanner: white space is allowed around every token", "[unit][decoder][F67]") {
    const auto found = decode_as<server_tool_finished>(spaced(result_of(R"({"a":[1,"b"]})")));
    CHECK(found.name == "t");
    CHECK(found.call_id == "c");
    REQUIRE(found.result);
    CHECK(found.result->string_at("/a/1") == "b");
    CHECK(decode_as<chat_finished>(spaced(R"({"type":"chat_finished","data":{"messageCount":12}})"))
              .message_count == 12);
    CHECK(skipped("{\"type\":\"session_established\"\v}").starts_with("not_json"));
    CHECK(skipped(std::string("{\"type\"\0:\"session_established\"}", 31)).starts_with("not_json"));
}

TEST_CASE("frame_scanner: an unread value is skipped by its brackets", "[unit][decoder][F67]") {
    const auto with = [](std::string_view json) {
        return R"({"type":"error","x":)" + std::string(json) + R"(,"data":{"y":)" +
               std::string(json) + R"(,"errorCode":"e"}})";
    };
    for (const std::string_view json : {"{}", "[[{}]]", "[1,]", R"({"a" 1})", "[}", "nonsense",
                                        R"("\q")", R"({"type":"x","data":{"errorCode":"n"}})"}) {
        INFO(json);
        const auto failed = decode_as<server_error>(with(json));
        CHECK(failed.code == "e");
    }
    for (const std::string_view json : {"", ",", ":", "]", "}", "[", "{", "1 2", R"("a" "b")"}) {
        INFO(json);
        CHECK(skipped(with(json)).starts_with("not_json"));
    }
}

TEST_CASE("frame_scanner: a name with an invalid escape is not a name", "[unit][decoder][F67]") {
    CHECK(skipped(R"({"type\q":"error"})") == "no_type ");
    CHECK(skipped(R"({"\u0074ype":"session_established"})").empty());
    CHECK(skipped(R"({"\"":1,"\\":2,"":3,"type":"session_established"})").empty());
}

} // namespace frame_scanner_test
