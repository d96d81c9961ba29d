#include "core/iso8601.hpp"
#include "support/catch.hpp"

#include <limits>
#include <string_view>
#include <vector>

namespace iso8601_test {

namespace {

using namespace parley;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::sys_days;
using std::chrono::system_clock;

system_clock::time_point at(int year, unsigned month, unsigned day, nanoseconds time = 0ns) {
    const sys_days date{std::chrono::year{year} / std::chrono::month{month} /
                        std::chrono::day{day}};
    return system_clock::time_point{date} +
           std::chrono::duration_cast<system_clock::duration>(time);
}

struct sample {
    std::string_view text;
    system_clock::time_point when;
};

const auto now = at(2026, 11, 22);

} // namespace

TEST_CASE("iso8601: a date-time with a zone is parsed exactly", "[unit][iso8601][A7]") {
    const std::vector<sample> samples{
        {"2026-11-22T19:00:00.000Z", at(2026, 11, 22, 19h)},
        {"2026-11-22T19:00:00Z", at(2026, 11, 22, 19h)},
        {"2026-11-22T19:00Z", at(2026, 11, 22, 19h)},
        {"2026-11-22t19:00:00z", at(2026, 11, 22, 19h)},
        {"2026-11-22T19:00:00+02:00", at(2026, 11, 22, 17h)},
        {"2026-11-22T19:00:00-0330", at(2026, 11, 22, 22h + 30min)},
        {"2026-11-22T19:00:00-00:00", at(2026, 11, 22, 19h)},
        {"2026-11-22T19:00+23:59", at(2026, 11, 21, 19h + 1min)},
        {"2026-11-22T19:00:00.1Z", at(2026, 11, 22, 19h + 100ms)},
        {"2026-11-22T19:00:00.123Z", at(2026, 11, 22, 19h + 123ms)},
        {"2026-11-22T19:00:00.123456789Z", at(2026, 11, 22, 19h + 123'456'789ns)},
        {"2026-11-22T19:00:00,5Z", at(2026, 11, 22, 19h + 500ms)},
        {"2026-11-22T19:00:00.1234567890Z", at(2026, 11, 22, 19h + 123'456'789ns)},
        {"2026-11-22T19:00:00.000000001999Z", at(2026, 11, 22, 19h + 1ns)},
        {"2026-11-22T19:00:00.123456789012+00", at(2026, 11, 22, 19h + 123'456'789ns)},
        {"2026-11-22T19:00:00+00", at(2026, 11, 22, 19h)},
        {"2026-11-22T19:00-03", at(2026, 11, 22, 22h)},
        {"2026-11-22 19:00:00Z", at(2026, 11, 22, 19h)},
        {"2026-11-22 19:00:00.123456+02:00", at(2026, 11, 22, 17h + 123'456us)},
        {"20261122T190000Z", at(2026, 11, 22, 19h)},
        {"20261122T1900Z", at(2026, 11, 22, 19h)},
        {"20261122 190000,25+0200", at(2026, 11, 22, 17h + 250ms)},
        {"20261122t190000.5-03", at(2026, 11, 22, 22h + 500ms)},
        {"2026-12-31T23:59:60Z", at(2026, 12, 31, 23h + 59min + 59s + 999ms)},
        {"2026-12-31T23:59:60.5Z", at(2026, 12, 31, 23h + 59min + 59s + 999ms)},
        {"2026-12-31T24:00:00Z", at(2027, 1, 1)},
        {"2026-12-31T24:00Z", at(2027, 1, 1)},
        {"2028-02-29T00:00:00Z", at(2028, 2, 29)},
        {"2000-02-29T00:00:00Z", at(2000, 2, 29)},
        {"1970-01-01T00:00:00Z", at(1970, 1, 1)},
        {"1970-01-01T00:00:00+01:00", at(1969, 12, 31, 23h)},
        {"9999-12-31T23:59:59Z", system_clock::time_point::max()},
        {"9999-12-31T24:00:00-23:59", system_clock::time_point::max()},
        {"2262-04-12T00:00:00Z", system_clock::time_point::max()},
        {"2426-11-22T20:00:00.123456789+02:00", system_clock::time_point::max()},
        {"2262-04-11T23:47:16.854775807Z", system_clock::time_point::max()},
        {"2262-04-11T23:47:16.854775808Z", system_clock::time_point::max()},
        {"2262-04-11T23:47:16.854775806Z", system_clock::time_point::max() - 1ns},
        {"2262-04-12T01:47:16.854+02:00", at(2262, 4, 11, 23h + 47min + 16s + 854ms)},
        {"2262-04-11T23:47:16Z", at(2262, 4, 11, 23h + 47min + 16s)},
        {"2262-04-11T23:47:15.999999999Z", at(2262, 4, 11, 23h + 47min + 16s) - 1ns},
        {"1970-01-01T00:00:00.000000001Z", at(1970, 1, 1, 1ns)},
        {"1970-01-01T00:00:00.5+23:59", at(1969, 12, 31, 1min + 500ms)},
    };
    for (const auto& each : samples) {
        INFO(each.text);
        const auto read = parse_iso8601(each.text);
        REQUIRE(read.has_value());
        CHECK(*read == each.when);
    }
}

TEST_CASE("iso8601: anything else is rejected", "[unit][iso8601][A6]") {
    for (const std::string_view text : {"",
                                        "tomorrow",
                                        "2026-11-22",
                                        "2026-11-22T19:00:00",
                                        "2026-11-22T19:00:00.000",
                                        "2026-02-30T00:00:00Z",
                                        "2026-02-29T00:00:00Z",
                                        "2100-02-29T00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-00-01T00:00:00Z",
                                        "2026-01-00T00:00:00Z",
                                        "2026-01-32T00:00:00Z",
                                        "99999-01-01T00:00:00Z",
                                        "+2026-01-01T00:00:00Z",
                                        "-2026-01-01T00:00:00Z",
                                        "1969-12-31T23:59:59Z",
                                        "0000-01-01T00:00:00Z",
                                        "2026-11-22T25:00:00Z",
                                        "2026-11-22T24:00:01Z",
                                        "2026-11-22T24:01:00Z",
                                        "2026-11-22T24:00:00.1Z",
                                        "2026-11-22T19:60:00Z",
                                        "2026-11-22T19:00:61Z",
                                        "2026-11-22T19Z",
                                        "2026-11-22T1900Z",
                                        "2026-11-22T19:00:00.Z",
                                        "2026-11-22T19:00.5Z",
                                        "2026-11-22T19:00:00+24:00",
                                        "2026-11-22T19:00:00+02:60",
                                        "2026-11-22T19:00:00+2:00",
                                        "2026-11-22T19:00:00 Z",
                                        "2026-11-22T19:00:00Z ",
                                        " 2026-11-22T19:00:00Z",
                                        "2026-11-22T19:00:00ZZ",
                                        "2026-11-22T19:00:00UTC",
                                        "1795028400",
                                        "2026-11-22T19:00:00.1234567890123Z",
                                        "2026-11-22T19:00:00,Z",
                                        "2026-11-22  19:00:00Z",
                                        "2026-11-22_19:00:00Z",
                                        "2026-11-22T19:00:00+0",
                                        "2026-11-22T19:00:00+020",
                                        "2026-11-22T19:00:00+02:",
                                        "2026-11-22T19:00:00+02:0",
                                        "20261122T190000",
                                        "20261122T19:00:00Z",
                                        "2026-11-22T190000Z",
                                        "202611-22T190000Z",
                                        "2026-1122T190000Z",
                                        "20261122T1900:00Z",
                                        "20261122T19Z",
                                        "20261122",
                                        "20261122190000Z",
                                        "20260230T190000Z",
                                        "2026-W47-7T19:00:00Z",
                                        "2026-326T19:00:00Z",
                                        "2026-1-2T03:04:05Z",
                                        "\xEF\xBC\x92"
                                        "026-11-22T19:00:00Z"}) {
        INFO(text);
        CHECK_FALSE(parse_iso8601(text).has_value());
    }
}

TEST_CASE("iso8601: a date-time is written as JavaScript writes it", "[unit][iso8601]") {
    CHECK(format_iso8601(at(2026, 11, 22, 19h)) == "2026-11-22T19:00:00.000Z");
    CHECK(format_iso8601(at(2026, 1, 2, 3h + 4min + 5s + 6ms + 999us)) ==
          "2026-01-02T03:04:05.006Z");
    CHECK(format_iso8601(at(1970, 1, 1) - 1ms) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("iso8601: a written date-time parses to the same instant", "[unit][iso8601]") {
    for (auto when = at(1970, 1, 1); when < at(2262, 1, 1); when += 24h * 97 + 3'661'007ms)
        REQUIRE(parse_iso8601(format_iso8601(when)) == when);
}

TEST_CASE("http_date: all three forms are parsed", "[unit][http_date]") {
    const auto when = at(1994, 11, 6, 8h + 49min + 37s);

    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == when);
    CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == when);
    CHECK(parse_http_date("Sun Nov  6 08:49:37 1994", now) == when);
    CHECK(parse_http_date("Wed Nov 16 08:49:37 1994", now) == when + 24h * 10);
    CHECK(parse_http_date("Thu, 31 Dec 2026 23:59:60 GMT", now) == at(2027, 1, 1));
}

TEST_CASE("http_date: a two-digit year is the one within fifty years of now", "[unit][http_date]") {
    CHECK(parse_http_date("Friday, 06-Nov-76 00:00:00 GMT", now) == at(2076, 11, 6));
    CHECK(parse_http_date("Friday, 06-Nov-77 00:00:00 GMT", now) == at(1977, 11, 6));
    CHECK(parse_http_date("Friday, 06-Nov-26 00:00:00 GMT", now) == at(2026, 11, 6));
    CHECK(parse_http_date("Friday, 06-Nov-01 00:00:00 GMT", at(2099, 1, 1)) == at(2101, 11, 6));
}

TEST_CASE("http_date: anything else is rejected", "[unit][http_date][A8]") {
    for (const std::string_view text :
         {"", "0", "abc", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
          "Sun, 06 Nov 1994 08:49:61 GMT", "sun, 06 nov 1994 08:49:37 gmt",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "Xxx, 06 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT", "2026-11-22T19:00:00Z",
          "Sun Nov 6 08:49:37 1994"}) {
        INFO(text);
        CHECK_FALSE(parse_http_date(text, now).has_value());
    }
}

TEST_CASE("iso8601: an RFC 1123 date needs a zone", "[unit][iso8601][O144]") {
    const auto when = at(2026, 11, 22, 19h);
    CHECK(parse_rfc1123_date("Sun, 22 Nov 2026 19:00:00 GMT") == when);
    CHECK(parse_rfc1123_date("Sun, 22 Nov 2026 19:00:00 UTC") == when);
    CHECK(parse_rfc1123_date("Sun, 22 Nov 2026 21:00:00 +0200") == when);
    CHECK(parse_rfc1123_date("Sun, 22 Nov 2026 15:30:00 -0330") == when);
    for (const auto* text : {"", "Sun, 22 Nov 2026 19:00:00", "Sun, 22 Nov 2026 19:00:00 ",
                             "Sun, 22 Nov 2026 19:00:00 CET", "Sun, 22 Nov 2026 19:00:00 U",
                             "Sun, 30 Feb 2026 19:00:00 GMT", "Sun, 22 Nov 2026 25:00:00 GMT",
                             "Sun Nov 22 19:00:00 2026", "Sunday, 22-Nov-26 19:00:00 GMT",
                             "Sun, 22 Nov 2026 19:00:00 GMT ", "Sun, 22 Nov 1969 19:00:00 GMT"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rfc1123_date(text));
    }
    CHECK_FALSE(parse_http_date("Sun, 22 Nov 2026 19:00:00 UTC", now)); // HTTP knows GMT only
    CHECK_FALSE(parse_http_date("Sun, 22 Nov 2026 19:00:00 +0000", now));
}

TEST_CASE("iso8601: a number is seconds, and from 10^11 on milliseconds", "[unit][iso8601][O144]") {
    const auto when = at(2026, 11, 22, 19h);
    CHECK(parse_epoch(1'795'374'000.0) == when);
    CHECK(parse_epoch(1'795'374'000.5) == when + 500ms);
    CHECK(parse_epoch(1'795'374'000'000.0) == when);
    CHECK(parse_epoch(1'795'374'000'001.0) == when + 1ms);
    CHECK(parse_epoch(0.0) == at(1970, 1, 1));
    CHECK(parse_epoch(99'999'999'999.0) == system_clock::time_point::max());
    CHECK(parse_epoch(100'000'000'000.0) == at(1973, 3, 3, 9h + 46min + 40s));
    CHECK(parse_epoch(1e300) == system_clock::time_point::max());
    CHECK_FALSE(parse_epoch(-1.0));
    CHECK_FALSE(parse_epoch(std::numeric_limits<double>::quiet_NaN()));
}

} // namespace iso8601_test
