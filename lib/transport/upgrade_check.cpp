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

/// 9 to 15 (RFC 7692 section 7.1.2, without the 8 that zlib cannot do), quoted or not.
bool valid_window(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    if (value.size() == 1) return value[0] == '9';
    return value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5';
}

std::optional<std::string> parameter_complaint(std::string_view parameter,
                                               std::vector<std::string_view>& seen) {
    const auto equals = parameter.find('=');
    const bool has_value = equals != std::string_view::npos;
    const auto name = trimmed(parameter.substr(0, equals));
    const auto value = has_value ? trimmed(parameter.substr(equals + 1)) : std::string_view();

    if (std::ranges::any_of(seen, [name](auto other) { return same_name(name, other); }))
        return "a parameter of permessage-deflate occurs twice";
    seen.push_back(name);
    if (same_name(name, "server_no_context_takeover") ||
        same_name(name, "client_no_context_takeover")) {
        if (has_value) return "a parameter of permessage-deflate has a value that it cannot have";
        return std::nullopt;
    }
    if (same_name(name, "server_max_window_bits") || same_name(name, "client_max_window_bits")) {
        if (!valid_window(value)) return "a window size of permessage-deflate is out of range";
        return std::nullopt;
    }
    return "an unknown parameter of permessage-deflate";
}

std::optional<std::string> extension_complaint(std::string_view extension) {
    const auto parts = split(extension, ';');
    if (!same_name(parts.front(), "permessage-deflate"))
        return "an extension that was not asked for";
    std::vector<std::string_view> seen;
    for (std::size_t at = 1; at < parts.size(); ++at)
        if (auto complaint = parameter_complaint(parts[at], seen)) return complaint;
    return std::nullopt;
}

} // namespace

std::optional<std::string> upgrade_complaint(const header_list& headers, bool compression_offered) {
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
            if (!compression_offered) return "an extension that was not asked for";
            if (++extensions > 1) return "permessage-deflate occurs twice";
            if (auto complaint = extension_complaint(extension)) return complaint;
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
    constexpr std::string_view start = "HTTP/1.";
    std::size_t taken = 0;
    while (state_ == state::incomplete && taken < bytes.size()) {
        const char next = bytes[taken++];
        if (text_.size() < start.size() && next != start[text_.size()]) {
            state_ = state::not_http;
        } else if (++total_ > max_size) {
            state_ = state::too_long;
        } else {
            text_ += next;
            if (next != '\n' || !text_.ends_with("\r\n\r\n")) continue;
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
    return taken;
}

} // namespace parley
