#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "support/catch.hpp"

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace json_text_test {

namespace {

using namespace parley;

errc code_of(const client_error& error) { return static_cast<errc>(error.code().value()); }

template <class Action>
errc thrown_by(Action action) {
    try {
        action();
    } catch (const client_error& e) {
        return code_of(e);
    }
    return errc{};
}

const json_text document = json_text::parse(R"( {
    "city" : "Z\u00fcrich", "n": -42, "big": 9223372036854775807, "over": 9223372036854775808,
    "half": 0.5, "huge": 1e400, "yes": true, "no": false, "nothing": null,
    "list": [10, [20, "x"], {"k": "v"}],
    "a/b": 1, "m~n": 2, "": 3, "~1": 4, "a\"b": 5, "\u006bey": 6, "key": 7,
    "lone": "a\ud800b\udc00c", "pair": "\ud83d\ude00", "nul": "a\u0000b",
    "twice": 1, "twice": 2, " ": 8, "0": 9
} )");

} // namespace

TEST_CASE("json_text: text passes through byte for byte", "[unit][json_text]") {
    for (const std::string text :
         {"1.0", "1e400", "9007199254740993", R"( {"b":1,"a":2, "b":3} )", R"("\u0041")"})
        CHECK(json_text::parse(text).view() == text);
    CHECK(json_text().view() == "null");
    CHECK(json_text::parse("1.0") == json_text::parse("1.0"));
    CHECK_FALSE(json_text::parse("1.0") == json_text::parse("1"));
}

TEST_CASE("json_text: invalid JSON is rejected with the offset of the fault", "[unit][json_text]") {
    try {
        json_text::parse(R"({"a": tru})");
        FAIL("it was taken");
    } catch (const client_error& e) {
        CHECK(code_of(e) == errc::invalid_json);
        CHECK(e.message() == "The text is not valid JSON at offset 9.");
    }
    CHECK(thrown_by([] { json_text::parse(std::string(65, '[')); }) == errc::invalid_json);
    CHECK(thrown_by([] { json_text::parse("\"\xFF\""); }) == errc::invalid_json);
    CHECK(thrown_by([] { json_text::parse(""); }) == errc::invalid_json);
}

TEST_CASE("json_text: the kind is known with any white space around the value",
          "[unit][json_text]") {
    CHECK(json_text().is_null());
    CHECK(json_text::parse(" {} ").is_object());
    CHECK(json_text::parse("\n[]").is_array());
    CHECK(json_text::parse("\t\"\"").is_string());
    CHECK_FALSE(json_text::parse("0").is_null());
    CHECK_FALSE(json_text::parse("[{}]").is_object());
    CHECK_FALSE(json_text::parse("true").is_string());
}

TEST_CASE("json_text: a moved-from text is null and can be reused", "[unit][json_text]") {
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<json_text>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<json_text>);
    for (const std::string& text : {std::string("{}"), '"' + std::string(1'000, 'x') + '"'}) {
        auto from = json_text::parse(text);
        json_text into = std::move(from);
        CHECK(into.view() == text);
        CHECK(from.view() == "null"); // NOLINT(bugprone-use-after-move)
        CHECK(from.is_null());

        from = json_text::parse("[1]");
        into = std::move(from);
        CHECK(into.view() == "[1]");
        CHECK(from.view() == "null"); // NOLINT(bugprone-use-after-move)

        auto& same = into;
        into = std::move(same);
        CHECK(into.view() == "[1]");
    }
}

TEST_CASE("json_text: strings are unescaped", "[unit][json_text]") {
    CHECK(document.string_at("/city") == "Zürich");
    CHECK(document.string_at("/pair") == "\xF0\x9F\x98\x80");
    CHECK(document.string_at("/nul") == std::string("a\0b", 3));
    CHECK(document.string_at("/lone") == "a\xEF\xBF\xBD"
                                         "b\xEF\xBF\xBD"
                                         "c");
    CHECK(document.string_at("/n") == std::nullopt);
    CHECK(json_text::parse(R"("\"\\\/\b\f\n\r\t\u20AC")").string_at("") == "\"\\/\b\f\n\r\t€");
}

TEST_CASE("json_text: numbers that fit the type are read, others are not", "[unit][json_text]") {
    CHECK(document.int_at("/n") == -42);
    CHECK(document.int_at("/big") == std::numeric_limits<std::int64_t>::max());
    CHECK(document.int_at("/over") == std::nullopt);
    CHECK(document.int_at("/half") == std::nullopt);
    CHECK(document.int_at("/city") == std::nullopt);
    CHECK(json_text::parse("-0").int_at("") == 0);
    CHECK(json_text::parse("1e3").int_at("") == std::nullopt);
    CHECK(document.double_at("/half") == 0.5);
    CHECK(document.double_at("/n") == -42.0);
    CHECK(document.double_at("/huge") == std::nullopt);
    CHECK(document.double_at("/yes") == std::nullopt);
}

TEST_CASE("json_text: booleans are read, and any value is available as spelled",
          "[unit][json_text]") {
    CHECK(document.bool_at("/yes") == true);
    CHECK(document.bool_at("/no") == false);
    CHECK(document.bool_at("/nothing") == std::nullopt);
    CHECK(document.text_at("/huge")->view() == "1e400");
    CHECK(document.text_at("/nothing")->is_null());
    CHECK(document.text_at("/list/1")->view() == R"([20, "x"])");
    CHECK(json_text::parse(" 1 ").text_at("")->view() == "1");
    CHECK(document.text_at("/absent") == std::nullopt);
}

TEST_CASE("json_text: pointers follow RFC 6901", "[unit][json_text]") {
    CHECK(document.int_at("/list/0") == 10);
    CHECK(document.int_at("/list/1/0") == 20);
    CHECK(document.string_at("/list/2/k") == "v");
    CHECK(document.int_at("/a~1b") == 1);
    CHECK(document.int_at("/m~0n") == 2);
    CHECK(document.int_at("/") == 3);
    CHECK(document.int_at("/~01") == 4);
    CHECK(document.int_at("/a\"b") == 5);
    CHECK(document.int_at("/key") == 6); // the first of the two, though it is spelled \u006bey
    CHECK(document.int_at("/twice") == 1);
    CHECK(document.int_at("/ ") == 8);
    CHECK(document.int_at("/0") == 9);
}

TEST_CASE("json_text: a pointer without a target finds nothing", "[unit][json_text]") {
    for (const std::string_view pointer :
         {"city", "/list/3", "/list/00", "/list/01", "/list/-", "/list/-1", "/list/+1", "/list/",
          "/list/0/", "/list/99999999999999999999", "/m~2n", "/m~", "/city/0", "/n/x", "//", "/a/b",
          "/list/0 ", "#/city"}) {
        INFO(pointer);
        CHECK(document.text_at(pointer) == std::nullopt);
    }
}

TEST_CASE("json_text: brackets and quotes in strings are ignored", "[unit][json_text]") {
    const auto tricky =
        json_text::parse(R"({"a":"}],\"{","b":["]\\","x\\\"]"],"c\"":{"}":1},"d":2})");

    CHECK(tricky.int_at("/d") == 2);
    CHECK(tricky.int_at("/c\"/}") == 1);
    CHECK(tricky.string_at("/b/0") == "]\\");
    CHECK(tricky.string_at("/b/1") == "x\\\"]");
}

TEST_CASE("json_text: from_string accepts any UTF-8 text", "[unit][json_text]") {
    const std::string text("q\" b\\ \n\x01\x7F ü \xF0\x9F\x98\x80 \0.", 20);

    const auto made = json_text::from_string(text);

    CHECK(made.string_at("") == text);
    CHECK(json_text::parse(std::string(made.view())) == made);
    CHECK(json_text::from_string("a\nb\x1F\"").view() == R"("a\nb\u001f\"")");
    CHECK(thrown_by([] { json_text::from_string("\xC3"); }) == errc::invalid_utf8);
}

TEST_CASE("json_object: members keep the order of the calls", "[unit][json_object]") {
    const std::optional<std::string> there = "x";
    const std::optional<int> absent;
    const json_text built = json_object{}
                                .set("text", "a\"b")
                                .set("string", std::string("ü"))
                                .set("json", json_text::parse("[1.0]"))
                                .set("object", json_object{}.set("k", 1))
                                .set("array", json_array{}.add(1).add("two"))
                                .set("null", nullptr)
                                .set("yes", true)
                                .set("no", false)
                                .set("int", -7)
                                .set("big", std::numeric_limits<std::uint64_t>::max())
                                .set("half", 0.5)
                                .set_if("there", there)
                                .set_if("absent", absent)
                                .set("k\"\n", 1);

    CHECK(built.view() ==
          R"({"text":"a\"b","string":"ü","json":[1.0],"object":{"k":1},"array":[1,"two"],)"
          R"("null":null,"yes":true,"no":false,"int":-7,"big":18446744073709551615,"half":0.5,)"
          R"("there":"x","k\"\n":1})");
    CHECK(json_text(json_object{}).view() == "{}");
}

TEST_CASE("json_array: elements keep the order of the calls", "[unit][json_array]") {
    const json_text built = json_array{}
                                .add("a")
                                .add(std::string("b"))
                                .add(json_text::parse("{}"))
                                .add(nullptr)
                                .add(true)
                                .add(1)
                                .add(1e300);

    CHECK(built.view() == R"(["a","b",{},null,true,1,1e+300])");
    CHECK(json_text(json_array{}).view() == "[]");
}

TEST_CASE(
    "json_object: a value that JSON cannot represent is rejected, and the object is unchanged",
    "[unit][json_object]") {
    json_object object;
    object.set("a", 1);

    CHECK(thrown_by([&] { object.set("b", "\xFF"); }) == errc::invalid_utf8);
    CHECK(thrown_by([&] { object.set("\xFF", 1); }) == errc::invalid_utf8);
    CHECK(thrown_by([&] { object.set("b", std::numeric_limits<double>::infinity()); }) ==
          errc::invalid_json);
    CHECK(thrown_by([&] { object.set("b", std::numeric_limits<double>::quiet_NaN()); }) ==
          errc::invalid_json);
    CHECK(thrown_by([] { json_array{}.add("\xFF"); }) == errc::invalid_utf8);
    CHECK(json_text(object).view() == R"({"a":1})");
}

TEST_CASE("json_array: nesting beyond 64 levels is rejected", "[unit][json_array]") {
    json_text inner;
    for (int i = 0; i < 64; ++i)
        inner = json_array{}.add(inner);

    CHECK(thrown_by([&] { inner = json_array{}.add(inner); }) == errc::invalid_json);
}

} // namespace json_text_test
