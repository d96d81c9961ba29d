#include "core/clock.hpp"
#include "core/saturating.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <ratio>

namespace saturating_test {

namespace {

using namespace parley;
using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

using years_of_32_bits = duration<std::int32_t, std::ratio<31'556'952>>;
using tiny = duration<std::int64_t, std::pico>;
using narrow = duration<std::int32_t, std::milli>;

/// In a duration of that unit: the ends of its range, what is next to them, and 0.
template <class Unit>
void check_ends_of_a_unit() {
    constexpr bool finer = std::ratio_less_v<typename Unit::period, std::nano>;
    CHECK(saturated<nanoseconds>(Unit::max()) == nanoseconds::max());
    CHECK(saturated<nanoseconds>(Unit::zero()) == 0ns);
    const auto last_but_one = saturated<nanoseconds>(Unit::max() - Unit(1));
    const auto first = saturated<nanoseconds>(Unit::min());
    CHECK(last_but_one > 0ns);
    CHECK(first < 0ns);
    if constexpr (!finer && sizeof(typename Unit::rep) == 8) CHECK(first == nanoseconds::min());
    for (const auto now : {time_point(), time_point(1'000h), time_point(-1'000h)}) {
        CHECK(after(now, Unit::max()) == time_point::max());
        CHECK(after(now, Unit::zero()) == now);
        CHECK(after(now, Unit::min()) < now);
        CHECK(after(now, Unit::max() - Unit(1)) > now);
        CHECK_FALSE(is_over(after(now, Unit::max()), time_point::max()));
    }
}

} // namespace

TEST_CASE("saturating: the maximum of any unit means never, and nothing overflows at the ends",
          "[unit][saturating]") {
    check_ends_of_a_unit<nanoseconds>();
    check_ends_of_a_unit<microseconds>();
    check_ends_of_a_unit<milliseconds>();
    check_ends_of_a_unit<seconds>();
    check_ends_of_a_unit<minutes>();
    check_ends_of_a_unit<hours>();
    check_ends_of_a_unit<years_of_32_bits>();
    check_ends_of_a_unit<tiny>();
    check_ends_of_a_unit<narrow>();
}

TEST_CASE("saturating: a value that fits is converted exactly, and truncated to a coarser unit",
          "[unit][saturating]") {
    CHECK(saturated<nanoseconds>(25s) == 25s);
    CHECK(saturated<nanoseconds>(-1h) == -1h);
    CHECK(saturated<milliseconds>(1'999'999ns) == 1ms);
    CHECK(saturated<milliseconds>(-1'999'999ns) == -1ms);
    CHECK(saturated<narrow>(milliseconds(5)) == narrow(5));
    CHECK(saturated<narrow>(seconds(10'000'000)) == narrow::max());
    CHECK(saturated<narrow>(seconds(-10'000'000)) == narrow::min());
    CHECK(saturated<narrow>(nanoseconds::min()) == narrow::min());
    constexpr milliseconds fits(nanoseconds::max().count() / 1'000'000);
    CHECK(saturated<nanoseconds>(fits) == nanoseconds(fits));
    CHECK(saturated<nanoseconds>(fits + 1ms) == nanoseconds::max());
    CHECK(saturated<nanoseconds>(-fits - 1ms) == nanoseconds::min());
}

TEST_CASE("saturating: never stays never, whatever is added", "[unit][saturating]") {
    for (const auto by :
         {nanoseconds::min(), nanoseconds(-1), nanoseconds(0), nanoseconds(1), nanoseconds::max()})
        CHECK(after(time_point::max(), by) == time_point::max());
    CHECK(after(time_point::min(), -1ns) == time_point::min());
    CHECK(after(time_point::min(), 1ns) == time_point::min() + 1ns);
    CHECK(after(time_point::max() - 1ns, 1h) == time_point::max());
    CHECK(after(wall_time::max(), -1h) == wall_time::max());
    CHECK(after(wall_time(), milliseconds::max()) == wall_time::max());
}

TEST_CASE("saturating: the distance of two times never overflows", "[unit][saturating]") {
    const time_point now(1'000h);
    CHECK(time_between(now, now + 5s) == 5s);
    CHECK(time_between(now, now - 5s) == -5s);
    CHECK(time_between(now, time_point::max()) == nanoseconds::max());
    CHECK(time_between(time_point::min(), now) == nanoseconds::max());
    CHECK(time_between(now, time_point::min()) == nanoseconds::min());
    CHECK(time_between(time_point::max(), now) == now - time_point::max());
    CHECK(time_between(time_point::max(), time_point::max()) == nanoseconds::max());
    CHECK(time_between(time_point::max() - 1ns, time_point::min()) == nanoseconds::min());
}

TEST_CASE("saturating: a deadline passes at its instant, and a deadline of never does not",
          "[unit][saturating]") {
    const time_point now(1'000h);
    CHECK_FALSE(is_over(now + 1ns, now));
    CHECK(is_over(now, now));
    CHECK(is_over(time_point::min(), now));
    CHECK_FALSE(is_over(time_point::max(), time_point::max()));
}

} // namespace saturating_test
