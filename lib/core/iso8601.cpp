#include "core/iso8601.hpp"

#include "core/saturating.hpp"
#include "core/text.hpp"

#include <array>
#include <cstdint>

namespace parley {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

/// Takes fixed things off the front of a text, and remembers whether one was not there.
class cursor {
public:
    explicit cursor(std::string_view text) noexcept : rest_(text) {}

    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return ok_ && rest_.empty(); }

    char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

    bool accept(char c) noexcept {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(std::string_view text) noexcept {
        ok_ = ok_ && rest_.starts_with(text);
        if (ok_) rest_.remove_prefix(text.size());
    }
    /// Exactly `count` digits.
    int digits(int count) noexcept {
        int value = 0;
        for (int i = 0; i < count; ++i)
            value = value * 10 + digit();
        return value;
    }
    /// One of these words: its index.
    template <std::size_t N>
    unsigned word(const std::array<std::string_view, N>& words) noexcept {
        for (unsigned i = 0; i < N; ++i)
            if (rest_.starts_with(words[i])) {
                rest_.remove_prefix(words[i].size());
                return i;
            }
        ok_ = false;
        return 0;
    }
    void fail() noexcept { ok_ = false; }

private:
    int digit() noexcept {
        const char c = peek();
        if (c < '0' || c > '9') {
            ok_ = false;
            return 0;
        }
        rest_.remove_prefix(1);
        return c - '0';
    }

    std::string_view rest_;
    bool ok_ = true;
};

class civil_date {
public:
    civil_date() noexcept {}
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
};

std::optional<seconds> midnight(const civil_date& date) noexcept {
    const std::chrono::year_month_day real{
        std::chrono::year{date.year}, std::chrono::month{date.month}, std::chrono::day{date.day}};
    if (!real.ok()) return std::nullopt;
    return std::chrono::sys_days{real}.time_since_epoch();
}

/// What lies beyond the clock's range (2262, with nanoseconds) is its last instant.
system_clock::time_point instant_of(seconds whole, nanoseconds fraction) noexcept {
    return after(after(system_clock::time_point(), whole), fraction);
}

/// Up to twelve digits, of which nine count.
nanoseconds fraction(cursor& in) noexcept {
    constexpr int digits = 9;
    constexpr int most = 12;
    std::int64_t value = 0;
    int count = 0;
    for (; count < most && is_digit(in.peek()); ++count) {
        const int digit = in.digits(1);
        if (count < digits) value = value * 10 + digit;
    }
    if (count == 0) in.fail();
    for (; count < digits; ++count)
        value *= 10;
    return nanoseconds{value};
}

seconds offset(cursor& in) noexcept {
    if (in.accept('Z') || in.accept('z')) return seconds{0};
    const bool west = in.accept('-');
    if (!west && !in.accept('+')) in.fail();
    const int hours = in.digits(2);
    const int minutes = in.accept(':') || !in.at_end() ? in.digits(2) : 0;
    if (hours > 23 || minutes > 59) in.fail();
    const seconds value = std::chrono::hours{hours} + std::chrono::minutes{minutes};
    return west ? -value : value;
}

constexpr std::array<std::string_view, 7> short_days{"Sun", "Mon", "Tue", "Wed",
                                                     "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

seconds clock_time(cursor& in) noexcept {
    const int hour = in.digits(2);
    in.expect(":");
    const int minute = in.digits(2);
    in.expect(":");
    const int second = in.digits(2);
    if (hour > 23 || minute > 59 || second > 60) in.fail();
    return std::chrono::hours{hour} + std::chrono::minutes{minute} + seconds{second};
}

std::optional<system_clock::time_point> instant(const cursor& in, const civil_date& date,
                                                seconds time) noexcept {
    const auto day = midnight(date);
    if (!in.at_end() || !day || date.year < 1970) return std::nullopt;
    return instant_of(*day + time, nanoseconds{0});
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::optional<system_clock::time_point> imf_fixdate(std::string_view text,
                                                    bool any_zone = false) noexcept {
    cursor in{text};
    civil_date date;
    in.word(short_days);
    in.expect(", ");
    date.day = static_cast<unsigned>(in.digits(2));
    in.expect(" ");
    date.month = in.word(months) + 1;
    in.expect(" ");
    date.year = in.digits(4);
    in.expect(" ");
    auto time = clock_time(in);
    in.expect(" ");
    if (any_zone && (in.peek() == '+' || in.peek() == '-'))
        time -= offset(in);
    else
        in.expect(any_zone && in.peek() == 'U' ? "UTC" : "GMT");
    return instant(in, date, time);
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`. Of the years with those digits the one within 50 of this one
/// (RFC 9110 section 5.6.7).
std::optional<system_clock::time_point> rfc850_date(std::string_view text,
                                                    system_clock::time_point now) noexcept {
    cursor in{text};
    civil_date date;
    in.word(long_days);
    in.expect(", ");
    date.day = static_cast<unsigned>(in.digits(2));
    in.expect("-");
    date.month = in.word(months) + 1;
    in.expect("-");
    const int short_year = in.digits(2);
    in.expect(" ");
    const auto time = clock_time(in);
    in.expect(" GMT");

    const std::chrono::year_month_day today{std::chrono::floor<days>(now)};
    const int this_year = static_cast<int>(today.year());
    date.year = this_year - this_year % 100 + short_year;
    if (date.year > this_year + 50) date.year -= 100;
    if (date.year < this_year - 49) date.year += 100;
    return instant(in, date, time);
}

/// `Sun Nov  6 08:49:37 1994`
std::optional<system_clock::time_point> asctime_date(std::string_view text) noexcept {
    cursor in{text};
    civil_date date;
    in.word(short_days);
    in.expect(" ");
    date.month = in.word(months) + 1;
    in.expect(" ");
    date.day = static_cast<unsigned>(in.accept(' ') ? in.digits(1) : in.digits(2));
    in.expect(" ");
    const auto time = clock_time(in);
    in.expect(" ");
    date.year = in.digits(4);
    return instant(in, date, time);
}

/// The clock's range ends before the year 2300, and begins after 1600.
void put_digits(std::string& into, std::size_t at, std::size_t count, std::int64_t value) {
    for (; count > 0; value /= 10)
        into[at + --count] = static_cast<char>('0' + value % 10);
}

} // namespace

std::optional<system_clock::time_point> parse_iso8601(std::string_view text) noexcept {
    cursor in{text};
    civil_date date;
    date.year = in.digits(4);
    const bool basic = in.peek() != '-';
    in.expect(basic ? "" : "-");
    date.month = static_cast<unsigned>(in.digits(2));
    in.expect(basic ? "" : "-");
    date.day = static_cast<unsigned>(in.digits(2));
    if (!in.accept('T') && !in.accept('t') && !in.accept(' ')) in.fail();
    const int hour = in.digits(2);
    in.expect(basic ? "" : ":");
    const int minute = in.digits(2);
    int second = 0;
    nanoseconds below{0};
    if (basic ? is_digit(in.peek()) : in.accept(':')) {
        second = in.digits(2);
        if (in.accept('.') || in.accept(',')) below = fraction(in);
    }
    const auto east = offset(in);

    const auto day = midnight(date);
    if (!in.at_end() || !day || date.year < 1970) return std::nullopt;
    const bool end_of_day = hour == 24 && minute == 0 && second == 0 && below.count() == 0;
    if ((hour > 23 && !end_of_day) || minute > 59 || second > 60) return std::nullopt;
    if (second == 60) { // a leap second has no place on this clock: the last instant before it
        second = 59;
        below = milliseconds{999};
    }
    const seconds time = std::chrono::hours{hour} + std::chrono::minutes{minute} + seconds{second};
    return instant_of(*day + time - east, below);
}

std::string format_iso8601(system_clock::time_point when) {
    const auto instant = std::chrono::floor<milliseconds>(when);
    const auto day = std::chrono::floor<days>(instant);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss<milliseconds> time{instant - day};
    std::string text = "0000-00-00T00:00:00.000Z";
    put_digits(text, 0, 4, static_cast<int>(date.year()));
    put_digits(text, 5, 2, static_cast<unsigned>(date.month()));
    put_digits(text, 8, 2, static_cast<unsigned>(date.day()));
    put_digits(text, 11, 2, time.hours().count());
    put_digits(text, 14, 2, time.minutes().count());
    put_digits(text, 17, 2, time.seconds().count());
    put_digits(text, 20, 3, time.subseconds().count());
    return text;
}

std::optional<system_clock::time_point> parse_rfc1123_date(std::string_view text) noexcept {
    return imf_fixdate(text, true);
}

std::optional<system_clock::time_point> parse_epoch(double since) noexcept {
    constexpr double in_milliseconds_from = 1e11; // doc/protocol.md 1.4
    constexpr auto last = std::chrono::floor<milliseconds>(system_clock::time_point::max());
    if (!(since >= 0)) return std::nullopt;
    const double ms = since < in_milliseconds_from ? since * 1'000 : since;
    if (ms >= static_cast<double>(last.time_since_epoch().count()))
        return system_clock::time_point::max();
    return system_clock::time_point{milliseconds{static_cast<std::int64_t>(ms)}};
}

std::optional<system_clock::time_point> parse_http_date(std::string_view text,
                                                        system_clock::time_point now) noexcept {
    if (const auto found = imf_fixdate(text)) return found;
    if (const auto found = rfc850_date(text, now)) return found;
    return asctime_date(text);
}

} // namespace parley
