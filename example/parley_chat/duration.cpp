#include "duration.hpp"

#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

namespace parley_chat {

namespace {

struct unit {
    std::string_view name;
    double milliseconds;
};

constexpr std::array units{unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000},
                           unit{"s", 1'000}, unit{"ms", 1}};
constexpr double longest = 365 * 86'400'000.0;

// The first characters of the text that are among those; takes them off.
std::string_view take(std::string_view& text, std::string_view among) {
    const auto taken = text.substr(0, text.find_first_not_of(among));
    text.remove_prefix(taken.size());
    return taken;
}

// Decimal digits with at most one point among them: neither a sign nor an exponent.
std::optional<double> number(std::string_view digits) {
    if (digits.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
    if (digits.find('.') != digits.rfind('.')) return std::nullopt;
    return std::strtod(std::string(digits).c_str(), nullptr);
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    double total = 0;
    std::size_t largest = 0; // of the units that may still come
    do {
        const auto value = number(take(text, "0123456789."));
        if (!value) return std::nullopt;
        std::string_view name = take(text, "dhms");
        if (name.empty() && largest == 0 && text.empty()) name = "s";
        while (largest < units.size() && units.at(largest).name != name)
            ++largest;
        if (largest == units.size()) return std::nullopt;
        total += *value * units.at(largest++).milliseconds;
    } while (!text.empty());
    if (total > longest) return std::nullopt;
    return std::chrono::milliseconds(std::llround(total));
}

} // namespace parley_chat
