#include "transport/upgrade_check.hpp"

#include <algorithm>
#include <array>

namespace parley {

namespace {

using header_line = header_list::value_type;
/// What is wrong, in words; null when nothing is.
using complaint = const char*;

constexpr unsigned char in_token = 1; // RFC 9110 section 5.6.2
constexpr unsigned char in_value = 2; // section 5.5, and HTAB

constexpr auto character_classes = [] {
    std::array<unsigned char, 256> classes{};
    for (unsigned code = ' '; code < classes.size(); ++code)
        if (code != 0x7f) classes[code] = in_value;
    classes['\t'] = in_value;
    for (const char each : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        classes[static_cast<unsigned char>(each)] |= in_token;
    return classes;
}();

/// How many characters of that class it begins with.
std::size_t count_of(std::string_view text, unsigned char wanted) noexcept {
    std::size_t count = 0;
    while (count < text.size() &&
           (character_classes[static_cast<unsigned char>(text[count])] & wanted) != 0)
        ++count;
    return count;
}

bool same_name(std::string_view left, std::string_view right) noexcept {
    const auto lower = [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    };
    return left.size() == right.size() &&
           (left == right || std::ranges::equal(left, right, {}, lower, lower));
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

/// What is left of a line, which goes with its end.
std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
    const auto line = rest.substr(0, count_of(rest, in_value));
    rest.remove_prefix(line.size());
    if (!rest.starts_with("\r\n")) return std::nullopt;
    rest.remove_prefix(2);
    return line;
}

std::optional<header_line> take_header(std::string_view& rest) noexcept {
    const auto name = rest.substr(0, count_of(rest, in_token));
    rest.remove_prefix(name.size());
    if (name.empty() || !rest.starts_with(':')) return std::nullopt;
    rest.remove_prefix(1);
    const auto value = take_line(rest);
    if (!value) return std::nullopt;
    return header_line(name, trimmed(*value));
}

/// Gives each header to `take`, until that is false. True: all were given, and are well formed.
template <class Take>
bool each_header(std::string_view head, Take take) {
    if (!take_line(head)) return false; // the status line
    while (!head.starts_with('\r')) {
        const auto next = take_header(head);
        if (!next || !take(*next)) return false;
    }
    return head == "\r\n";
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

complaint take_window(const parameter& given, int allowed, int& agreed) {
    const auto window = window_of(given.value.value_or(""));
    if (!window) return "a window size of permessage-deflate is out of range";
    if (*window > allowed) return "a window of permessage-deflate is larger than it was offered";
    agreed = *window;
    return nullptr;
}

complaint take_flag(const parameter& given, bool& agreed) {
    if (given.value) return "a parameter of permessage-deflate has a value that it cannot have";
    agreed = true;
    return nullptr;
}

complaint take_parameter(const parameter& given, const windows& offered,
                         deflate_parameters& agreed) {
    if (same_name(given.name, "server_no_context_takeover"))
        return take_flag(given, agreed.server_no_context_takeover);
    if (same_name(given.name, "client_no_context_takeover"))
        return take_flag(given, agreed.client_no_context_takeover);
    // A server may make its own window smaller without being asked, ours it may not.
    if (same_name(given.name, "server_max_window_bits"))
        return take_window(given, offered.server == 0 ? 15 : offered.server, agreed.server_window);
    if (same_name(given.name, "client_max_window_bits")) {
        if (offered.client == 0) return "a window of permessage-deflate that was not offered";
        return take_window(given, offered.client, agreed.client_window);
    }
    return "an unknown parameter of permessage-deflate";
}

complaint take_extension(std::string_view extension, const windows& offered,
                         deflate_parameters& agreed) {
    const auto parts = split(extension, ';');
    if (!same_name(parts.front(), "permessage-deflate"))
        return "an extension that was not asked for";
    // RFC 7692 section 7.1.2.2: we keep to what we offered when the answer says nothing.
    if (offered.client != 0) agreed.client_window = offered.client;
    std::vector<std::string_view> seen;
    for (std::size_t at = 1; at < parts.size(); ++at) {
        const auto given = parameter_of(parts[at]);
        if (std::ranges::any_of(seen, [&](auto other) { return same_name(given.name, other); }))
            return "a parameter of permessage-deflate occurs twice";
        seen.push_back(given.name);
        if (const auto wrong = take_parameter(given, offered, agreed)) return wrong;
    }
    return nullptr;
}

/// Whether a list has this token, in whatever case.
bool lists(std::string_view list, std::string_view token) noexcept {
    for (;;) {
        const auto comma = std::min(list.find(','), list.size());
        if (same_name(trimmed(list.substr(0, comma)), token)) return true;
        if (comma == list.size()) return false;
        list.remove_prefix(comma + 1);
    }
}

/// Looks at one header after the other.
class upgrade_judge {
public:
    upgrade_judge(std::string_view accept, std::string_view offered) noexcept
        : accept_(accept), offered_(offered) {}

    complaint look_at(const header_line& given) {
        const auto& [name, value] = given;
        if (same_name(name, "Upgrade")) {
            upgrade_ = upgrade_ || lists(value, "websocket");
        } else if (same_name(name, "Connection")) {
            connection_ = connection_ || lists(value, "upgrade");
        } else if (same_name(name, "Sec-WebSocket-Accept")) {
            if (std::exchange(accepted_, true)) return "two Sec-WebSocket-Accept headers";
            if (accept_.empty() || value != accept_) return "the wrong Sec-WebSocket-Accept";
        } else if (same_name(name, "Sec-WebSocket-Protocol")) {
            return "a subprotocol that was not asked for";
        } else if (same_name(name, "Sec-WebSocket-Extensions")) {
            return look_at_extensions(value);
        }
        return nullptr;
    }

    /// After the last header.
    complaint missing() const noexcept {
        if (!upgrade_) return "no Upgrade: websocket";
        if (!connection_) return "no Connection: upgrade";
        if (!accepted_) return "no Sec-WebSocket-Accept";
        return nullptr;
    }

    const std::optional<deflate_parameters>& deflate() const noexcept { return deflate_; }

private:
    complaint look_at_extensions(std::string_view value) {
        for (const auto extension : split(value, ',')) {
            if (extension.empty()) continue; // RFC 9110 section 5.6.1: an empty element is none
            if (offered_.empty()) return "an extension that was not asked for";
            if (deflate_) return "permessage-deflate occurs twice";
            const auto allowed = windows_of(offered_);
            if (const auto wrong = take_extension(extension, allowed, deflate_.emplace()))
                return wrong;
        }
        return nullptr;
    }

    const std::string_view accept_;
    const std::string_view offered_;
    bool upgrade_ = false;
    bool connection_ = false;
    bool accepted_ = false;
    std::optional<deflate_parameters> deflate_;
};

} // namespace

std::optional<header_list> headers_of(std::string_view head) {
    header_list headers;
    headers.reserve(8); // most answers have fewer
    const bool sound = each_header(head, [&](const header_line& next) {
        headers.push_back(next);
        return true;
    });
    return sound ? std::optional(std::move(headers)) : std::nullopt;
}

std::optional<std::string_view> header_value(const header_list& headers, std::string_view name) {
    for (const auto& [each, value] : headers)
        if (same_name(each, name)) return value;
    return std::nullopt;
}

upgrade_verdict judge_upgrade(std::string_view head, std::string_view accept,
                              std::string_view offered) {
    if (!head.starts_with("HTTP/1.1 ")) return {"an answer that is not HTTP/1.1", std::nullopt};
    upgrade_judge judge(accept, offered);
    complaint wrong = nullptr;
    const bool sound =
        each_header(head, [&](const header_line& next) { return !(wrong = judge.look_at(next)); });
    if (!wrong) wrong = sound ? judge.missing() : "a header line that HTTP forbids";
    if (wrong) return {wrong, std::nullopt};
    return {std::nullopt, judge.deflate()};
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
