#include "parley_chat/text.hpp"
#include "support/catch.hpp"

#include <string>

namespace parley_chat_text_test {

using namespace parley_chat;

TEST_CASE("text: printed text never moves the cursor", "[unit][parley_chat]") {
    CHECK(printable("a\tb\nc") == "a\tb\nc");
    CHECK(printable("\x1b[2Jgone\x07\r\x7f") == "[2Jgone");
    CHECK(printable("Zürich \xe2\x86\x92 \xf0\x9f\x8c\xa6") ==
          "Zürich \xe2\x86\x92 \xf0\x9f\x8c\xa6");
    CHECK(printable("x\xc2\x9b"
                    "31my") == "x31my"); // U+009B is a control sequence introducer
    CHECK(printable("\xc2\xa0") == "\xc2\xa0");
    CHECK(printable("\xc2\x90\xc2\x9d\xc2\x85").empty());
    CHECK(printable("a\x9b\xff"
                    "b") == "a\xff"
                            "b"); // a terminal of 8 bits has its control characters there
    CHECK(one_line("a\n\tb") == "a  b");
}

TEST_CASE("text: printed text never reorders a line", "[unit][parley_chat]") {
    for (const std::string mark :
         {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d",
          "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u206a", "\u206f", "\ufeff", "\ufff9",
          "\ufffb"}) {
        INFO(escaped_in_json(mark));
        CHECK(printable("a" + mark + "b") == "ab");
        CHECK(one_line(mark + "\n") == " ");
        CHECK(escaped_in_json("\"" + mark + "\"").size() == 8);
    }
    CHECK(printable("\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u200d") ==
          "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u200d");
}

TEST_CASE("text: JSON keeps its value, with control characters escaped", "[unit][parley_chat]") {
    CHECK(escaped_in_json("{\"a\":\t\"Zürich \xf0\x9f\x8c\xa6\"}") ==
          "{\"a\":\t\"Zürich \xf0\x9f\x8c\xa6\"}");
    CHECK(escaped_in_json("\"\x7f\xc2\x9b\xc2\x90\xe2\x80\xae\"") ==
          R"("\u007f\u009b\u0090\u202e")");
}

TEST_CASE("text: shortened text stays valid UTF-8", "[unit][parley_chat]") {
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("abcd", 3) == "abc...");
    CHECK(shortened("aü", 2) == "a...");
    CHECK(shortened("üü", 2) == "ü...");
}

TEST_CASE("text: a duration is printed with a readable precision", "[unit][parley_chat]") {
    using std::chrono::milliseconds;
    CHECK(readable(milliseconds(340)) == "0.3 s");
    CHECK(readable(milliseconds(12'400)) == "12 s");
    CHECK(readable(milliseconds(130'000)) == "2 min");
    CHECK(readable(std::chrono::hours(1)) == "1 h");
    CHECK(readable(std::chrono::seconds(3'590)) == "1 h");
    CHECK(readable(std::chrono::minutes(90)) == "1.5 h");
    CHECK(readable(std::chrono::hours(2'400)) == "2400 h");
}

TEST_CASE("text: invalid bytes become question marks", "[unit][parley_chat]") {
    CHECK(as_utf8("Zürich") == "Zürich");
    CHECK(as_utf8("\xff\xfe") == "??");
    CHECK(as_utf8("a\xc3") == "a?");
    CHECK(as_utf8("\xc0\xaf") == "??");           // overlong
    CHECK(as_utf8("\xed\xa0\x80") == "???");      // a surrogate
    CHECK(as_utf8("\xf5\x80\x80\x80") == "????"); // beyond U+10FFFF
    CHECK(as_utf8("\xf0\x9f\x8c\xa6") == "\xf0\x9f\x8c\xa6");
}

} // namespace parley_chat_text_test
