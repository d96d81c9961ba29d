#include "dialect/parley/delta_formats.hpp"
#include "frame_text.hpp"
#include "support/catch.hpp"
#include "support/frame_spelling.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace delta_formats_test {

using namespace parley;
using namespace parley::wire;

namespace {

const frame_row& content_delta() {
    return *std::ranges::find(frame_table(), "content-delta", &frame_row::name);
}

/// How a server may spell a piece of text; `%` stands for what is between the quotes.
const std::vector<std::string> spellings{
    R"({"type":"chat_event","event":"provider-event","data":{"type":"text-delta","textDelta":"%"}})",
    R"({"type":"chat_event","event":"content-delta","data":{"delta":"%"}})",
    R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-delta","id":"r1","text":"%"}})",
    R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-delta","text":"%"}})",
    R"({"data":{"text":"%","id":null,"type":"reasoning-delta"},"event":"provider-event","type":"chat_event"})",
    R"({"data":{"text":"%","type":"reasoning-delta","id":"a\n\"b\", which is a long id"},"event":"provider-event","type":"chat_event"})",
    R"( { "type" : "chat_event", "event":"content-delta", "data" : {"delta" : "%" ,"more":{"x":["\"",1]}}} )",
    R"({"type":"chat_event","event":"content-delta","data":{"delta":"%","delta":"the second"}})",
};

const std::vector<std::string> texts{
    "",
    "a",
    " hello",
    "seven b",
    "eight by",
    "nine byte",
    std::string(300, 'x'),
    "Gr\xC3\xBC\xC3\x9F Gott \xE2\x80\x94 \xF0\x9F\x98\x80",
    "\x7F",
    R"(a \"quoted\" word\n)",
    R"(Z\u00fcrich \ud83d\ude00 \ud83d)",
    R"(back\\)",
    // and what ends the string, or is none
    R"(","delta":"other)",
    R"("},"data":{"delta":")",
    R"(\)",
    R"(\\\)",
    R"(\x)",
    R"(\u12)",
    "\x01",
    "tab\t",
    std::string("nul\0", 4),
    "\xC3",
    "\xED\xA0\x80",
    "ends in half \xE2\x82",
};

std::string spelled(const std::string& spelling, const std::string& text) {
    const auto at = spelling.find('%');
    return spelling.substr(0, at) + text + spelling.substr(at + 1);
}

} // namespace

TEST_CASE("delta_formats: a frame formatted like an earlier one decodes as it does alone",
          "[unit][decoder]") {
    for (const auto& spelling : spellings)
        for (const auto& before : texts)
            for (const auto& text : texts) {
                decoder used;
                decode(used, spelled(spelling, before));
                const auto frame = spelled(spelling, text);
                INFO(frame << " after " << before);
                CHECK(test::spelling(decode(used, frame)) == test::spelling(decode(frame)));
            }
}

TEST_CASE("delta_formats: a frame decodes as it does alone, whatever formats came before",
          "[unit][decoder]") {
    decoder used;
    for (const auto& text : texts)
        for (std::size_t step = 1; step < spellings.size(); ++step)
            for (std::size_t i = 0; i < spellings.size(); ++i) {
                const auto frame = spelled(spellings[i * step % spellings.size()], text);
                CHECK(test::spelling(decode(used, frame)) == test::spelling(decode(frame)));
            }
}

TEST_CASE("delta_formats: only learnt formats are recognised", "[unit][decoder]") {
    const std::string frame = spelled(spellings[1], "Hello");
    delta_formats known;
    frame_fields fields;
    const auto match = [&](std::string text) {
        fields.clear();
        const auto size = text.size();
        text.append(8, '"'); // read, and means nothing
        return known.match(std::string_view(text).substr(0, size), fields);
    };
    CHECK_FALSE(match(frame));

    fields.clear();
    fields.put(level::data, "delta", std::string_view(frame).substr(frame.find("\"Hello"), 7));
    known.learn(content_delta(), frame, fields);

    CHECK(match(frame) == &content_delta());
    CHECK(match(spelled(spellings[1], "")) == &content_delta());
    CHECK(match(spelled(spellings[1], R"(a \"word\")")) == &content_delta());
    CHECK_FALSE(match(spelled(spellings[0], "Hello")));
    CHECK_FALSE(match(frame + ' '));
    CHECK_FALSE(match(' ' + frame));
    CHECK_FALSE(match(frame.substr(0, frame.size() - 1)));
    CHECK_FALSE(match(spelled(spellings[1], R"(a "word")")));
    CHECK_FALSE(match(spelled(spellings[1], "\xFF")));
    CHECK_FALSE(match(spelled(spellings[1], "\n")));
    CHECK_FALSE(match(R"({"type":"chat_event","event":"content-delta","data":{"delta":"}})"));
}

TEST_CASE("delta_formats: up to 256 bytes around the text are learnt", "[unit][decoder]") {
    for (const bool longer : {false, true}) {
        std::string frame = R"({"delta":"Hello","more":")";
        frame.append(256 + 5 + (longer ? 1 : 0) - frame.size() - 2, 'x').append("\"}");
        frame_fields fields;
        fields.put(level::data, "delta", std::string_view(frame).substr(9, 7));
        delta_formats known;
        known.learn(content_delta(), frame, fields);
        fields.clear();
        CHECK((known.match(frame, fields) == nullptr) == longer);
    }
}

} // namespace delta_formats_test
