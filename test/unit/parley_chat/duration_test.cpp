#include "parley_chat/duration.hpp"
#include "support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

namespace parley_chat_duration_test {

using namespace std::chrono_literals;
using parley_chat::parse_duration;

TEST_CASE("duration: accepts common notations", "[unit][parley_chat]") {
    const std::vector<std::pair<std::string, std::chrono::milliseconds>> rows{
        {"90s", 90s},
        {"1m30s", 90s},
        {"500ms", 500ms},
        {"2h", 2h},
        {"1d", 24h},
        {"1h1m1s1ms", 3661001ms},
        {"1.5h", 90min},
        {"0.5s", 500ms},
        {".5s", 500ms},
        {"90", 90s},
        {"0.3", 300ms},
        {"0", 0ms},
        {"0ms", 0ms},
        {"365d", 365 * 24h},
        {"0090s", 90s},
        {"1.0005s", 1001ms},
        {"2h500ms", 7200500ms},
    };
    for (const auto& [text, wanted] : rows) {
        CAPTURE(text);
        CHECK(parse_duration(text) == wanted);
    }
}

TEST_CASE("duration: rejects anything else", "[unit][parley_chat]") {
    for (const char* text : {"",
                             " ",
                             "s",
                             "ms",
                             "-1",
                             "-1s",
                             "+1s",
                             "1 s",
                             "1s ",
                             "1S",
                             "1min",
                             "1sec",
                             "1h90",
                             "90 1m",
                             "1s1m",
                             "1s1s",
                             "1ms1s",
                             "1..5s",
                             "1.2.3s",
                             ".",
                             ".s",
                             "1e3",
                             "1e3s",
                             "nan",
                             "inf",
                             "0x1s",
                             "1s,",
                             "366d",
                             "999999999999999999999999999999h",
                             "1msm",
                             "1sms",
                             "\xc2\xb5s"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

} // namespace parley_chat_duration_test
