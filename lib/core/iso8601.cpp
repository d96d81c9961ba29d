#include "core/iso8601.hpp"

#include "core/saturating.hpp"
#include "core/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace parley {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::array<std::string_view, 7> short_days{"Sun", "Mon", "Tue", "Wed",
                                                     "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes fixed things off the front of a text, and remembers whether one was not there.
class cursor {
public:
    explicit cursor(std::string_view text) noexcept : rest_(text) {}

    bool at_end() const noexcept { return ok_ && rest_.empty(); }
    bool at_digit() const noexcept { return !rest_.empty() && is_digit(rest_.front()); }

    bool accept(char c) noexcept {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(bool accepted) noexcept { ok_ = ok_ && accepted; }

    /// Exactly `count` digits.
    int digits(int count) noexcept {
        int value = 0;
        for (; count > 0; --count) {
            expect(at_digit());
            if (!ok_) return 0;
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    /// One of these words: its index.
    template <std::size_t N>
    int word(const std::array<std::string_view, N>& words) noexcept {
        for (std::size_t i = 0; i < N; ++i)
            if (rest_.starts_with(words[i])) {
                rest_.remove_prefix(words[i].size());
                return static_cast<int>(i);
            }
        expect(false);
        return 0;
    }

private:
    std::string_view rest_;
    bool ok_ = true;
};

/// A point or a comma, and up to twelve digits, of which nine count.
nanoseconds fraction(cursor& in) noexcept {
    in.expect(in.accept('.') || in.accept(','));
    in.expect(in.at_digit());
    nanoseconds value{0};
    nanoseconds unit = milliseconds{100};
    for (int most = 12; most > 0 && in.at_digit(); --most, unit /= 10)
        value += unit * in.digits(1);
    return value;
}

/// `±hh[[:]mm]`
seconds offset(cursor& in) noexcept {
    const bool west = in.accept('-');
    in.expect(west || in.accept('+'));
    const hours hour{in.digits(2)};
    const minutes minute{in.accept(':') || !in.at_end() ? in.digits(2) : 0};
    in.expect(hour.count() < 24 && minute.count() < 60);
    const seconds east = hour + minute;
    return west ? -east : east;
}

struct date_and_time {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    nanoseconds fraction{0};
    seconds offset{0};
};

struct number_field {
    char letter;
    int digits;
    int date_and_time::* where;
};
constexpr std::array number_fields{
    number_field{'Y', 4, &date_and_time::year},   number_field{'y', 2, &date_and_time::year},
    number_field{'m', 2, &date_and_time::month},  number_field{'d', 2, &date_and_time::day},
    number_field{'H', 2, &date_and_time::hour},   number_field{'M', 2, &date_and_time::minute},
    number_field{'S', 2, &date_and_time::second},
};

void read_field(char letter, cursor& in, date_and_time& into) noexcept {
    for (const auto& each : number_fields)
        if (each.letter == letter) into.*each.where = in.digits(each.digits);
    switch (letter) {
    case 'a':
        in.word(short_days);
        break;
    case 'A':
        in.word(long_days);
        break;
    case 'b':
        into.month = in.word(months) + 1;
        break;
    case 'e':
        into.day = in.digits(in.accept(' ') ? 1 : 2);
        break;
    case 't':
        in.expect(in.accept('T') || in.accept('t') || in.accept(' '));
        break;
    case 'f':
        into.fraction = fraction(in);
        break;
    case 'z':
        if (!in.accept('Z') && !in.accept('z')) into.offset = offset(in);
        break;
    case 'o':
        into.offset = offset(in);
        break;
    }
}

/// Reads a whole text by a pattern in the letters of strptime, and in its own: `%t` is a `T` or a
/// space, `%f` a fraction, `%o` an offset, `%z` an offset or `Z`.
std::optional<date_and_time> read(std::string_view text, std::string_view pattern) noexcept {
    cursor in{text};
    date_and_time found;
    for (; !pattern.empty(); pattern.remove_prefix(1)) {
        if (pattern.front() != '%') {
            in.expect(in.accept(pattern.front()));
        } else {
            pattern.remove_prefix(1);
            read_field(pattern.front(), in, found);
        }
    }
    return in.at_end() ? std::optional(found) : std::nullopt;
}

/// An instant beyond the clock's range (2262, with nanoseconds) becomes its last one.
std::optional<system_clock::time_point> instant(const date_and_time& of) noexcept {
    const std::chrono::year_month_day date{std::chrono::year{of.year},
                                           std::chrono::month{static_cast<unsigned>(of.month)},
                                           std::chrono::day{static_cast<unsigned>(of.day)}};
    if (!date.ok() || of.year < 1970 || of.hour > 23 || of.minute > 59 || of.second > 60)
        return std::nullopt;
    const seconds whole = std::chrono::sys_days{date}.time_since_epoch() + hours{of.hour} +
                          minutes{of.minute} + seconds{of.second} - of.offset;
    return after(after(system_clock::time_point(), whole), of.fraction);
}

std::optional<system_clock::time_point> instant(std::string_view text,
                                                std::string_view pattern) noexcept {
    const auto found = read(text, pattern);
    return found ? instant(*found) : std::nullopt;
}

/// Of the years with those two digits the one within 50 of this one (RFC 9110 section 5.6.7).
int full_year(int digits, system_clock::time_point now) noexcept {
    const int this_year{std::chrono::year_month_day{std::chrono::floor<days>(now)}.year()};
    const int year = this_year - this_year % 100 + digits;
    if (year > this_year + 50) return year - 100;
    return year < this_year - 49 ? year + 100 : year;
}

constexpr const char* imf_fixdate = "%a, %d %b %Y %H:%M:%S GMT";

} // namespace

std::optional<system_clock::time_point> parse_iso8601(std::string_view text) noexcept {
    for (const auto* const form :
         {"%Y-%m-%d%t%H:%M:%S%f%z", "%Y-%m-%d%t%H:%M:%S%z", "%Y-%m-%d%t%H:%M%z",
          "%Y%m%d%t%H%M%S%f%z", "%Y%m%d%t%H%M%S%z", "%Y%m%d%t%H%M%z"}) {
        auto found = read(text, form);
        if (!found) continue;
        if (found->second == 60) { // a leap second has no place on this clock: the last before it
            found->second = 59;
            found->fraction = milliseconds{999};
        } else if (found->hour == 24 && found->minute == 0 && found->second == 0 &&
                   found->fraction.count() == 0) { // the end of the day
            found->hour = 0;
            found->offset -= hours{24};
        }
        return instant(*found);
    }
    return std::nullopt;
}

std::string format_iso8601(system_clock::time_point when) {
    const auto whole = std::chrono::floor<milliseconds>(when);
    const auto day = std::chrono::floor<days>(whole);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss<milliseconds> time{whole - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       time.hours().count(), time.minutes().count(), time.seconds().count(),
                       time.subseconds().count());
}

std::optional<system_clock::time_point> parse_rfc1123_date(std::string_view text) noexcept {
    for (const auto* const form :
         {imf_fixdate, "%a, %d %b %Y %H:%M:%S UTC", "%a, %d %b %Y %H:%M:%S %o"})
        if (const auto found = instant(text, form)) return found;
    return std::nullopt;
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
    if (const auto found = instant(text, imf_fixdate)) return found;
    if (const auto found = instant(text, "%a %b %e %H:%M:%S %Y")) return found; // asctime
    auto found = read(text, "%A, %d-%b-%y %H:%M:%S GMT");                       // RFC 850
    if (!found) return std::nullopt;
    found->year = full_year(found->year, now);
    return instant(*found);
}

} // namespace parley
