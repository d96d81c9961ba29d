#include "core/retry_after.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <optional>

namespace retry_after_test {

using namespace parley;

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h};

} // namespace

TEST_CASE("retry_after: a valid value is honoured and capped, an invalid one is ignored",
          "[unit][retry_after][A13]") {
    CHECK(parse_retry_after("0", now) == 0s);
    CHECK(parse_retry_after("120", now) == 120s);
    CHECK(parse_retry_after("300", now) == 300s);
    CHECK(parse_retry_after("301", now) == 300s);
    CHECK(parse_retry_after("99999999999999999999", now) == 300s);
    CHECK(parse_retry_after("Sun, 22 Nov 2026 19:01:30 GMT", now) == 90s);
    CHECK(parse_retry_after("Sun, 22 Nov 2026 19:01:30 GMT", now + 500ms) == 90s);
    CHECK(parse_retry_after("Sun, 22 Nov 2026 20:00:00 GMT", now) == 300s);
    CHECK(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == 300s);
    CHECK(parse_retry_after("Sun, 22 Nov 2026 18:59:59 GMT", now) == std::nullopt);
    CHECK(parse_retry_after("4.0", now) == 4s);
    CHECK(parse_retry_after("4.000000000000000000000000001", now) == 5s);
    CHECK(parse_retry_after("0.0", now) == 0s);
    CHECK(parse_retry_after("0.5", now) == 1s);
    CHECK(parse_retry_after("299.5", now) == 300s);
    CHECK(parse_retry_after("300.5", now) == 300s);
    CHECK(parse_retry_after("99999999999999999999.5", now) == 300s);
    for (const auto* unreadable : {"", "-5", "1e9", "abc", "1.", ".5", ".", "1.5.0", "1,5", "-1.5",
                                   "1.x", "+5", " 5", "5 ", "5, 6"}) {
        INFO(unreadable);
        CHECK(parse_retry_after(unreadable, now) == std::nullopt);
    }
}

} // namespace retry_after_test
