#include "testing/server_time.hpp"

#include <array>
#include <ctime>

namespace parley::testing {
namespace {

using std::chrono::floor;

std::tm civil(std::chrono::system_clock::time_point when) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(floor<std::chrono::seconds>(when));
    std::tm result{};
    gmtime_r(&seconds, &result);
    return result;
}

/// Decimal digits, with zeros in front.
std::string padded(int value, int width) {
    std::string digits = std::to_string(value);
    if (digits.size() < static_cast<std::size_t>(width)) {
        digits.insert(0, static_cast<std::size_t>(width) - digits.size(), '0');
    }
    return digits;
}

std::string clock_of(const std::tm& time) {
    return padded(time.tm_hour, 2) + ":" + padded(time.tm_min, 2) + ":" + padded(time.tm_sec, 2);
}

} // namespace

std::string http_time(std::chrono::system_clock::time_point when) {
    // Not strftime: the names are English whatever the locale.
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::tm time = civil(when);
    return std::string(days.at(static_cast<std::size_t>(time.tm_wday))) + ", " +
           padded(time.tm_mday, 2) + " " + months.at(static_cast<std::size_t>(time.tm_mon)) + " " +
           padded(time.tm_year + 1900, 4) + " " + clock_of(time) + " GMT";
}

} // namespace parley::testing
