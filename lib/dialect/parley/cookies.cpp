#include "dialect/parley/cookies.hpp"

#include "core/iso8601.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace parley::cookies {

namespace {

using cookie = std::pair<std::string_view, std::string_view>; // name and value

/// The text up to the separator, which goes with it.
std::string_view take(std::string_view& rest, char separator) noexcept {
    const auto end = std::min(rest.find(separator), rest.size());
    const auto part = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, or with hyphens in the date.
bool in_the_past(std::string_view date, wall_time now) {
    std::string spaced(date);
    std::replace(spaced.begin(), spaced.end(), '-', ' ');
    const auto when = parse_rfc1123_date(spaced);
    return when && *when <= now;
}

/// RFC 6265 section 5.2.2: what is no number is ignored.
std::optional<bool> used_up(std::string_view max_age) noexcept {
    if (max_age.empty()) return std::nullopt;
    const bool negative = max_age.front() == '-';
    const auto digits = max_age.substr(negative ? 1 : 0);
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
    return negative || digits.find_first_not_of('0') == std::string_view::npos;
}

/// RFC 6265 section 5.1.3. The host is not an address: nothing is below one.
bool covers_host(std::string_view domain, std::string_view host) {
    while (domain.starts_with('.'))
        domain.remove_prefix(1);
    const auto wanted = lower_case(domain);
    if (host.ends_with('.')) host.remove_suffix(1);
    return host == wanted || (host.ends_with('.' + wanted) && !is_digit(host.back()));
}

/// RFC 6265 section 5.1.4.
bool covers_path(std::string_view prefix, std::string_view path) noexcept {
    if (!prefix.starts_with('/')) return true; // none: the default
    if (!path.starts_with(prefix)) return false;
    return path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/';
}

class attributes {
public:
    attributes(std::string_view rest, const cookie_scope& scope, wall_time now) {
        bool expired = false;
        std::optional<bool> aged; // wins
        while (!rest.empty()) {
            auto value = take(rest, ';');
            const auto name = lower_case(take(value, '='));
            if (name == "secure") sent_ = sent_ && scope.secure;
            if (name == "domain" && !value.empty()) sent_ = sent_ && covers_host(value, scope.host);
            if (name == "path") sent_ = sent_ && covers_path(value, scope.path);
            if (name == "expires") expired = in_the_past(value, now);
            if (name == "max-age") aged = used_up(value);
        }
        gone_ = aged.value_or(expired);
    }

    bool sent() const noexcept { return sent_; }
    bool gone() const noexcept { return gone_; }

private:
    bool sent_ = true;
    bool gone_ = false;
};

bool sound(const cookie& one) noexcept {
    return valid_header_name(one.first) && valid_header_value(one.second);
}

secret joined(const std::vector<cookie>& kept) {
    std::size_t size = 0;
    for (const auto& [name, value] : kept)
        size += name.size() + value.size() + 3;
    std::string text;
    text.reserve(size); // one block, that is wiped
    for (const auto& [name, value] : kept) {
        if (!text.empty()) text += "; ";
        text.append(name).append("=").append(value);
    }
    secret out(text);
    std::fill(text.begin(), text.end(), '\0');
    return out;
}

} // namespace

secret cookies_to_send(std::span<const std::string> set_cookies, const cookie_scope& scope,
                       wall_time now) {
    std::vector<cookie> kept;
    std::size_t size = 0;
    for (const std::string_view each : set_cookies) {
        auto rest = each;
        auto value = take(rest, ';');
        if (value.find('=') == std::string_view::npos) continue;
        const auto name = take(value, '=');
        value = trimmed(value);
        const cookie one(name, value);
        const attributes more(rest, scope, now);
        if (!sound(one) || !more.sent()) continue;
        const auto old = std::ranges::find(kept, name, &cookie::first);
        if (old != kept.end()) {
            size -= old->first.size() + old->second.size() + 3;
            kept.erase(old);
        }
        const auto added = name.size() + value.size() + 3;
        if (more.gone() || value.empty()) continue;
        if (kept.size() == most_cookies || size + added > longest_cookies) continue;
        kept.push_back(one);
        size += added;
    }
    return joined(kept);
}

std::string_view cookie_value(std::string_view set_cookie) noexcept {
    constexpr std::size_t least = 8;
    auto value = take(set_cookie, ';');
    take(value, '=');
    return value.size() < least ? std::string_view() : value;
}

std::vector<secret> secrets_of(const ticket& held) {
    std::vector<secret> all{held.value()};
    for (auto rest = held.cookies().expose(); !rest.empty();)
        if (const auto value = cookie_value(take(rest, ';')); !value.empty())
            all.emplace_back(value);
    return all;
}

} // namespace parley::cookies
