#include "core/response_head.hpp"

#include "core/text.hpp"

#include <algorithm>

namespace parley {

namespace {

using header_line = header_list::value_type;

/// RFC 9110 section 5.5, with bytes above ASCII.
bool is_field_text(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return byte == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

/// The line without its CRLF, which is removed from `rest` too.
std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
    const auto line = rest.substr(0, rest.find("\r\n"));
    if (line.size() == rest.size() || !is_field_text(line)) return std::nullopt;
    rest.remove_prefix(line.size() + 2);
    return line;
}

std::optional<header_line> take_header(std::string_view& rest) noexcept {
    const auto line = take_line(rest);
    const auto colon = line ? line->find(':') : std::string_view::npos;
    if (colon == std::string_view::npos || !valid_header_name(line->substr(0, colon)))
        return std::nullopt;
    return header_line(line->substr(0, colon), trimmed(line->substr(colon + 1)));
}

} // namespace

std::optional<header_list> headers_of(std::string_view head) {
    header_list headers;
    headers.reserve(8);                        // most answers have fewer
    if (!take_line(head)) return std::nullopt; // the status line
    while (!head.starts_with('\r')) {
        const auto next = take_header(head);
        if (!next) return std::nullopt;
        headers.push_back(*next);
    }
    return head == "\r\n" ? std::optional(std::move(headers)) : std::nullopt;
}

std::optional<std::string_view> header_value(const header_list& headers, std::string_view name) {
    for (const auto& [each, value] : headers)
        if (same_name(each, name)) return value;
    return std::nullopt;
}

std::vector<std::string_view> split_list(std::string_view list, char separator) {
    std::vector<std::string_view> elements;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < list.size(); ++at) {
        if (list[at] == '"') quoted = !quoted;
        if (quoted || list[at] != separator) continue;
        elements.push_back(trimmed(list.substr(begin, at - begin)));
        begin = at + 1;
    }
    elements.push_back(trimmed(list.substr(begin)));
    return elements;
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

std::size_t response_head::feed(std::string_view bytes) {
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
        unfold(rest.front());
        text_.append(rest, 0, count);
        total_ += count;
        taken += count;
        look();
    }
    return taken;
}

/// A line that begins with a space goes on with the header before it (RFC 9112 section 5.2).
void response_head::unfold(char next) {
    if ((next != ' ' && next != '\t') || !text_.ends_with("\r\n")) return;
    text_.resize(text_.size() - 2);
    // The status line cannot be folded: the line that continues it is refused as a header.
    text_ += text_.find("\r\n") == std::string::npos ? "\r\n" : " ";
}

/// Checks the text so far, which may end anywhere.
void response_head::look() {
    constexpr std::string_view start = "HTTP/1.";
    constexpr unsigned char tls_alert = 21; // RFC 8446 section 5.1
    constexpr unsigned char tls_handshake = 22;
    const auto begun = std::string_view(text_).substr(0, start.size());
    const auto first = static_cast<unsigned char>(text_.front());
    if (first == tls_alert || first == tls_handshake)
        state_ = state::tls;
    else if (!start.starts_with(begun))
        state_ = state::not_http;
    else if (text_.ends_with('\n') && !text_.ends_with("\r\n"))
        state_ = state::bare_line_feed;
    else if (text_.ends_with("\r\n\r\n"))
        finish();
}

void response_head::finish() {
    const auto status = status_of(text_);
    status_ = status.value_or(0);
    state_ = status ? state::complete : state::not_http;
    if (status_ / 100 != 1 || status_ == 101) return;
    text_.clear();
    total_ = 0;
    state_ = ++interim_ > max_interim ? state::too_many : state::incomplete;
}

std::string_view response_head::fault() const noexcept {
    switch (state_) {
    case state::not_http:
        return "the answer is not HTTP";
    case state::too_long:
        return "the head of the answer is longer than 16 KiB";
    case state::bare_line_feed:
        return "a line of the answer ends in a bare line feed";
    case state::too_many:
        return "too many interim answers";
    case state::tls:
        return "the port speaks TLS: use wss:// or https://";
    case state::incomplete:
    case state::complete:
        break;
    }
    return {};
}

} // namespace parley
