#include "testing/text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace parley::testing {

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto same = [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    };
    return std::ranges::equal(a, b, same);
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        const auto is_hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
        if (digits.size() != 2 || !std::ranges::all_of(digits, is_hex)) {
            return std::nullopt;
        }
        unsigned value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        result += static_cast<char>(static_cast<unsigned char>(value));
        i += 2;
    }
    return result;
}

std::optional<std::string_view> query_parameter(std::string_view target, std::string_view name) {
    const std::size_t question = target.find('?');
    if (question == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = target.substr(question + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
            return pair.substr(equals + 1);
        }
    }
    return std::nullopt;
}

std::string_view path_of(std::string_view target) noexcept {
    return target.substr(0, target.find('?'));
}

} // namespace parley::testing
