#include "policy/backoff.hpp"
#include "policy/retry_fsm.hpp"
#include "support/catch.hpp"

#include <limits>

namespace backoff_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

constexpr backoff_config usual; // 0.5 s, 30 s

error_details retryable(std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    error_details details;
    details.retryable = true;
    details.retry_after = retry_after;
    return details;
}

} // namespace

TEST_CASE("backoff: the bound doubles with each attempt up to the cap", "[unit][backoff]") {
    CHECK(backoff_bound(usual, 1) == 500ms);
    CHECK(backoff_bound(usual, 2) == 1s);
    CHECK(backoff_bound(usual, 3) == 2s);
    CHECK(backoff_bound(usual, 6) == 16s);
    CHECK(backoff_bound(usual, 7) == 30s);
    CHECK(backoff_bound(usual, 8) == 30s);
    CHECK(backoff_bound(usual, 0) == 500ms);
}

TEST_CASE("backoff: the delay is a uniform part of the bound", "[unit][backoff]") {
    CHECK(backoff_delay(usual, 3, 0.0) == 0ms);
    CHECK(backoff_delay(usual, 3, 0.25) == 500ms);
    CHECK(backoff_delay(usual, 3, 0.5) == 1s);
    CHECK(backoff_delay(usual, 3, 0.9999) < 2s);
    CHECK(backoff_delay(usual, 3, 7.0) == 2s);
    CHECK(backoff_delay(usual, 3, -1.0) == 0ms);
}

TEST_CASE("backoff: Retry-After is a lower bound, and capped", "[unit][backoff][A13]") {
    CHECK(backoff_delay(usual, 1, 0.5, 120s) == 120s);
    CHECK(backoff_delay(usual, 1, 0.5, 0s) == 250ms);
    CHECK(backoff_delay(usual, 1, 0.5, -5s) == 250ms);
    CHECK(backoff_delay(usual, 9, 0.5, 1s) == 15s);
    CHECK(backoff_delay(usual, 1, 0.5, 301s) == 300s);
    CHECK(backoff_delay(usual, 1, 0.5, std::chrono::seconds::max()) == 300s);
}

TEST_CASE("backoff: no setting and no attempt overflows", "[unit][backoff]") {
    constexpr auto most = std::numeric_limits<unsigned>::max();
    const backoff_config endless{1ms, std::chrono::milliseconds::max()};
    CHECK(backoff_bound(endless, most) == std::chrono::milliseconds::max());
    CHECK(backoff_delay(endless, most, 1.0) == std::chrono::milliseconds::max());
    CHECK(backoff_delay(endless, most, 0.5) > 0ms);
    CHECK(backoff_bound(usual, most) == 30s);
    CHECK(backoff_bound(backoff_config{0ms, 30s}, most) == 0ms);
    CHECK(backoff_bound(backoff_config{-1s, 30s}, 5) == 0ms);
    CHECK(backoff_bound(backoff_config{1s, -1s}, 5) == 0ms);
    CHECK(backoff_bound(backoff_config{60s, 30s}, 1) == 30s);
}

TEST_CASE("backoff: is constexpr", "[unit][backoff]") {
    static_assert(backoff_delay(backoff_config{1000ms, 30000ms}, 3, 0.5) == 2s);
    SUCCEED();
}

TEST_CASE("retry_fsm: retries up to the limit, at growing intervals", "[unit][retry_fsm]") {
    const time_point start(1h);
    retry_fsm retry(3, usual);
    CHECK(retry.attempt() == 1);
    CHECK(retry.failed(retryable(), start, 0.5) == start + 250ms);
    CHECK(retry.attempt() == 2);
    CHECK(retry.failed(retryable(), start, 0.5) == start + 500ms);
    CHECK(retry.failed(retryable(), start, 0.5) == start + 1s);
    CHECK(retry.attempt() == 4);
    CHECK(retry.failed(retryable(), start, 0.5) == std::nullopt);
}

TEST_CASE("retry_fsm: does not retry a permanent failure", "[unit][retry_fsm]") {
    retry_fsm retry(3, usual);
    CHECK(retry.failed(error_details(), time_point(1h), 0.5) == std::nullopt);
}

TEST_CASE("retry_fsm: never retries with a limit of 0", "[unit][retry_fsm]") {
    retry_fsm retry(0, usual);
    CHECK(retry.failed(retryable(), time_point(1h), 0.5) == std::nullopt);
}

TEST_CASE("retry_fsm: waits as long as the server asks for", "[unit][retry_fsm]") {
    retry_fsm retry(3, usual);
    CHECK(retry.failed(retryable(7s), time_point(1h), 0.5) == time_point(1h) + 7s);
}

} // namespace backoff_test
