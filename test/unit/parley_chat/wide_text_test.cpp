#include "parley_chat/wide_text.hpp"
#include "support/catch.hpp"

#include <clocale>
#include <string>

namespace parley_chat_wide_text_test {

using namespace parley_chat;

TEST_CASE("wide_text: UTF-8 is converted to code points and back", "[unit][parley_chat]") {
    const std::string text = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\xa6";
    CHECK(to_wide(text) == L"a\u00fc\u20ac\U0001F326");
    CHECK(to_utf8(to_wide(text)) == text);
    CHECK(to_wide("\xff"
                  "a\xc3") == L"\uFFFD"
                              L"a\uFFFD");
    CHECK(to_wide("\xe2\x82"
                  "b") == L"\uFFFD\uFFFD"
                          L"b");
    CHECK(to_wide("").empty());
}

TEST_CASE("wide_text: the cursor position follows the rows of the terminal",
          "[unit][parley_chat]") {
    const char* chosen = std::setlocale(LC_CTYPE, "C.UTF-8");
    REQUIRE(chosen != nullptr);
    const auto at = [](const std::wstring& text) {
        const cursor_place place = place_after(text, 4);
        return std::to_string(place.row) + "," + std::to_string(place.column) + "," +
               std::to_string(place.row_begin);
    };
    CHECK(at(L"") == "0,0,0");
    CHECK(at(L"abc") == "0,3,0");
    CHECK(at(L"abcd") == "0,4,0"); // the terminal waits with the next row
    CHECK(at(L"abcde") == "1,1,4");
    CHECK(at(L"abcdefghi") == "2,1,8");
    CHECK(at(L"abc\u4e16") == "1,2,3"); // two columns, which do not fit
    CHECK(at(L"e\u0301") == "0,1,0");   // a combining accent
    CHECK(at(L"a\tb") == "1,1,2");
    std::setlocale(LC_CTYPE, "C");
}

TEST_CASE("wide_text: a key is decoded when it is complete", "[unit][parley_chat]") {
    CHECK(first_key("") == 0);
    CHECK(first_key("ab") == 1);
    CHECK(first_key("\r") == 1);
    CHECK(first_key("\xc3") == 0);
    CHECK(first_key("\xc3\xbc!") == 2);
    CHECK(first_key("\xf0\x9f\x8c") == 0);
    CHECK(first_key("\xf0\x9f\x8c\xa6") == 4);
    CHECK(first_key("\xff") == 1);
    CHECK(first_key("\033") == 0);
    CHECK(first_key("\033b") == 2);
    CHECK(first_key("\033[") == 0);
    CHECK(first_key("\033[Ax") == 3);
    CHECK(first_key("\033[1;5") == 0);
    CHECK(first_key("\033[1;5Cx") == 6);
    CHECK(first_key("\033[[A") == 4);
    CHECK(first_key("\033O") == 0);
    CHECK(first_key("\033OA") == 3);
    CHECK(first_key("\x18") == 0);
    CHECK(first_key("\x18\x18") == 2);
    CHECK(first_key("\033[" + std::string(40, '1')) == 42); // no terminal sends that
}

} // namespace parley_chat_wide_text_test
