#include "core/retry_after.hpp"

#include "core/iso8601.hpp"
#include "core/saturating.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <cstdint>

namespace parley {

namespace {

constexpr std::chrono::seconds longest_wait{300};

} // namespace

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, wall_time now) {
    // RFC 9110 section 10.2.3: a number of seconds, or a date.
    const auto digits = [](std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    };
    const auto point = std::min(value.find('.'), value.size());
    const auto whole = value.substr(0, point);
    const auto fraction = value.substr(std::min(point + 1, value.size()));
    if (digits(whole) && (point == value.size() || digits(fraction))) {
        auto seconds = longest_wait.count();
        if (const auto given = number_of<std::int64_t>(whole)) seconds = std::min(*given, seconds);
        // Up, since it is a lower bound.
        if (fraction.find_first_not_of('0') != std::string_view::npos) ++seconds;
        return std::min(std::chrono::seconds{seconds}, longest_wait);
    }
    const auto date = parse_http_date(value, now);
    if (!date || *date <= now) return std::nullopt;
    // Up, since it is a lower bound.
    const auto left = std::min<wall_time::duration>(time_between(now, *date), longest_wait);
    return std::chrono::ceil<std::chrono::seconds>(left);
}

} // namespace parley
