#include "transport/upgrade_check.hpp"

#include <algorithm>

namespace parley {

namespace {

bool same_name(std::string_view left, std::string_view right) noexcept {
    const auto lower = [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    };
    return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

/// The parts between `separator`s, which do not count within quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') quoted = !quoted;
        if (quoted || text[at] != separator) continue;
        parts.push_back(trimmed(text.substr(begin, at - begin)));
        begin = at + 1;
    }
    parts.push_back(trimmed(text.substr(begin)));
    return parts;
}

/// The windows in bits that permessage-deflate was offered with; 0 when it does not say.
struct windows {
    int server = 0;
    int client = 0;
};

/// 9 to 15 (RFC 7692 section 7.1.2, without the 8 that zlib cannot do), quoted or not.
std::optional<int> window_of(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    if (value == "9") return 9;
    if (value.size() != 2 || value[0] != '1' || value[1] < '0' || value[1] > '5')
        return std::nullopt;
    return 10 + (value[1] - '0');
}

struct parameter {
    std::string_view name;
    std::optional<std::string_view> value;
};

parameter parameter_of(std::string_view text) noexcept {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return {text, std::nullopt};
    return {trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1))};
}

windows windows_of(std::string_view offered) {
    windows allowed;
    for (const auto part : split(offered, ';')) {
        const auto [name, value] = parameter_of(part);
        const int most = window_of(value.value_or("15")).value_or(15); // without a value: any
        if (same_name(name, "server_max_window_bits")) allowed.server = most;
        if (same_name(name, "client_max_window_bits")) allowed.client = most;
    }
    return allowed;
}

std::optional<std::string> window_complaint(const parameter& given, int allowed) {
    const auto window = window_of(given.value.value_or(""));
    if (!window) return "a window size of permessage-deflate is out of range";
    if (*window > allowed) return "a window of permessage-deflate is larger than it was offered";
    return std::nullopt;
}

std::optional<std::string> parameter_complaint(const parameter& given, const windows& offered) {
    if (same_name(given.name, "server_no_context_takeover") ||
        same_name(given.name, "client_no_context_takeover")) {
        if (given.value) return "a parameter of permessage-deflate has a value that it cannot have";
        return std::nullopt;
    }
    // A server may make its own window smaller without being asked, ours it may not.
    if (same_name(given.name, "server_max_window_bits"))
        return window_complaint(given, offered.server == 0 ? 15 : offered.server);
    if (same_name(given.name, "client_max_window_bits")) {
        if (offered.client == 0) return "a window of permessage-deflate that was not offered";
        return window_complaint(given, offered.client);
    }
    return "an unknown parameter of permessage-deflate";
}

std::optional<std::string> extension_complaint(std::string_view extension, const windows& offered) {
    const auto parts = split(extension, ';');
    if (!same_name(parts.front(), "permessage-deflate"))
        return "an extension that was not asked for";
    std::vector<std::string_view> seen;
    for (std::size_t at = 1; at < parts.size(); ++at) {
        const auto given = parameter_of(parts[at]);
        if (std::ranges::any_of(seen, [&](auto other) { return same_name(given.name, other); }))
            return "a parameter of permessage-deflate occurs twice";
        seen.push_back(given.name);
        if (auto complaint = parameter_complaint(given, offered)) return complaint;
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> upgrade_complaint(const header_list& headers, std::string_view offered) {
    const auto allowed = windows_of(offered);
    std::size_t extensions = 0;
    std::size_t accepts = 0;
    for (const auto& [name, value] : headers) {
        if (same_name(name, "Sec-WebSocket-Protocol"))
            return "a subprotocol that was not asked for";
        if (same_name(name, "Sec-WebSocket-Accept") && ++accepts > 1)
            return "two Sec-WebSocket-Accept headers";
        if (!same_name(name, "Sec-WebSocket-Extensions")) continue;
        for (const auto extension : split(value, ',')) {
            if (extension.empty()) continue; // RFC 9110 section 5.6.1: an empty element is none
            if (offered.empty()) return "an extension that was not asked for";
            if (++extensions > 1) return "permessage-deflate occurs twice";
            if (auto complaint = extension_complaint(extension, allowed)) return complaint;
        }
    }
    return std::nullopt;
}

std::optional<int> status_of(std::string_view head) noexcept {
    constexpr std::string_view version = "HTTP/1."; // then a digit, a space, three digits
    if (head.size() < 13 || !head.starts_with(version)) return std::nullopt;
    if (head[7] != '0' && head[7] != '1') return std::nullopt;
    if (head[8] != ' ') return std::nullopt;
    int status = 0;
    for (char digit : head.substr(9, 3)) {
        if (digit < '0' || digit > '9') return std::nullopt;
        status = status * 10 + (digit - '0');
    }
    if (head[12] != ' ' && head[12] != '\r') return std::nullopt;
    return status < 100 ? std::nullopt : std::optional(status);
}

std::size_t answer_head::feed(std::string_view bytes) {
    std::size_t taken = 0;
    while (state_ == state::incomplete && taken < bytes.size()) {
        const auto rest = bytes.substr(taken);
        const std::size_t line = std::min(rest.find('\n'), rest.size() - 1) + 1;
        const std::size_t count = std::min(line, max_size - total_);
        if (count == 0) {
            state_ = state::too_long;
            return taken + 1;
        }
        if (text_.empty()) text_.reserve(std::min(rest.size(), max_size));
        text_.append(rest, 0, count);
        total_ += count;
        taken += count;
        look();
    }
    return taken;
}

/// At what has come so far, which ends anywhere.
void answer_head::look() {
    constexpr std::string_view start = "HTTP/1.";
    const auto begun = std::string_view(text_).substr(0, start.size());
    if (!start.starts_with(begun)) {
        state_ = state::not_http;
    } else if (text_.ends_with("\r\n\r\n")) {
        const auto status = status_of(text_);
        status_ = status.value_or(0);
        state_ = status ? state::complete : state::not_http;
        // RFC 9110 section 15.2: other informational answers come before the one that counts.
        if (status_ / 100 == 1 && status_ != 101) {
            text_.clear();
            state_ = state::incomplete;
        }
    }
}

} // namespace parley
