#include "core/url.hpp"

#include <parley/error.hpp>

#include "core/text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <optional>
#include <utility>

namespace parley {

namespace {

constexpr std::size_t longest_url = 8'192;

/// RFC 3986 section 2.3.
bool is_unreserved(char c) noexcept {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Refuses a URL. The part behind `?` or `#` may be a secret, and so may the whole of a URL with an
/// `@`.
class refusal {
public:
    explicit refusal(std::string_view text) : text_(text) {}

    [[noreturn]] void because(std::string_view why, errc code = errc::invalid_url) const {
        throw_error(error_info(code, fmt::format("Cannot use {}: {}.", shown(), why)));
    }

private:
    std::string shown() const {
        if (text_.find('@') != std::string_view::npos) return "the URL";
        return fmt::format("\"{}\"",
                           shorten_and_escape(text_.substr(0, text_.find_first_of("?#"))));
    }

    std::string_view text_;
};

/// RFC 3986 section 3.3 and 3.4: the characters of a path or a query.
bool valid_path_or_query(std::string_view text) noexcept {
    constexpr std::string_view others = "!$&'()*+,;=:@/?";
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '%') {
            if (!hex_number(text, at + 1, 2)) return false;
            at += 2;
        } else if (!is_unreserved(c) && others.find(c) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

class endpoint {
public:
    endpoint() noexcept {}
    std::string host; ///< lower case, no brackets
    bool is_ipv4 = false;
    bool is_ipv6 = false;
    std::optional<std::uint16_t> port;
};

std::uint16_t parse_port(std::string_view text, const refusal& refuse) {
    const auto port = number_of<std::uint16_t>(text);
    if (!port || text.front() == '0') refuse.because("the port must be a number from 1 to 65535");
    return *port;
}

/// Four decimal numbers and nothing else: `127.1`, `0x7f.0.0.1` and `010.0.0.1` are read
/// differently by different programs, and are refused here.
bool is_ipv4(const std::string& host) noexcept {
    in_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool ends_in_a_number(std::string_view host) noexcept {
    const auto dot = host.rfind('.');
    const auto label = dot == std::string_view::npos ? host : host.substr(dot + 1);
    if (label.starts_with("0x") && std::all_of(label.begin() + 2, label.end(), is_hex)) return true;
    return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
}

std::string_view without_final_dot(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

/// Letters, digits, `-` and `_` in labels of 1 to 63 (RFC 1123 section 2.1; `_` is not in it, but
/// is in the names of many a container). International names come as A-labels.
bool valid_name(std::string_view host) noexcept {
    if (host.empty() || host.size() > 253) return false;
    while (true) {
        const auto label = host.substr(0, host.find('.'));
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
            return false;
        if (!std::all_of(label.begin(), label.end(), [](char c) {
                return is_letter(c) || is_digit(c) || c == '-' || c == '_';
            }))
            return false;
        if (label.size() == host.size()) return true;
        host.remove_prefix(label.size() + 1);
    }
}

endpoint parse_authority(std::string_view text, const refusal& refuse) {
    endpoint found;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
            refuse.because("the IPv6 address has no closing bracket");
        found.host = lower_case(text.substr(1, end - 1));
        in6_addr address{};
        if (inet_pton(AF_INET6, found.host.c_str(), &address) != 1 ||
            found.host.find('\0') != std::string::npos)
            refuse.because("the text in the brackets is not an IPv6 address");
        found.is_ipv6 = true;
        text.remove_prefix(end + 1);
    } else {
        const auto end = std::min(text.find(':'), text.size());
        found.host = lower_case(text.substr(0, end));
        const auto name = without_final_dot(found.host);
        if (!valid_name(name)) refuse.because("the host name is missing or not a host name");
        found.is_ipv4 = is_ipv4(found.host);
        if (!found.is_ipv4 && ends_in_a_number(name))
            refuse.because("the host is a number but not an IPv4 address of four decimal parts");
        text.remove_prefix(end);
    }
    if (text.empty()) return found;
    if (text.front() != ':') refuse.because("the text after the host is not a port");
    found.port = parse_port(text.substr(1), refuse);
    return found;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        const auto byte = hex_number(text, at + 1, 2);
        if (!byte) return std::nullopt;
        out += static_cast<char>(*byte);
        at += 2;
    }
    return out;
}

bool has_control(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void replace_all(std::string& in, std::string_view old, std::string_view by) {
    for (auto at = in.find(old); at != std::string::npos; at = in.find(old, at + by.size()))
        in.replace(at, old.size(), by);
}

} // namespace

void refuse_url(std::string_view text, std::string_view why) { refusal(text).because(why); }

bool has_dot_segment(std::string_view path) {
    if (path.find_first_of(".%") == std::string_view::npos) return false;
    std::string plain = '/' + lower_case(path) + '/';
    replace_all(plain, "%2e", ".");
    for (const std::string_view slash : {"%2f", "%5c", "\\"})
        replace_all(plain, slash, "/");
    return plain.find("/./") != std::string::npos || plain.find("/../") != std::string::npos;
}

std::string percent_encode(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes)
        if (is_unreserved(c))
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

server_url server_url::parse(std::string_view text, bool allow_plaintext) {
    const refusal refuse(text);
    if (text.size() > longest_url) refuse.because("it is longer than 8 KiB");
    const auto colon = text.find("://");
    if (colon == std::string_view::npos)
        refuse.because("it must begin with wss://, ws://, https:// or http://");
    const auto scheme = lower_case(text.substr(0, colon));
    server_url url;
    url.secure_ = scheme == "wss" || scheme == "https";
    if (!url.secure_ && scheme != "ws" && scheme != "http")
        refuse.because("its scheme must be wss, ws, https or http");

    auto rest = text.substr(colon + 3);
    if (rest.find('#') != std::string_view::npos) refuse.because("it must have no fragment");
    const auto authority = rest.substr(0, std::min(rest.find('/'), rest.find('?')));
    rest.remove_prefix(authority.size());
    if (authority.find('@') != std::string_view::npos)
        refuse.because("it must have no user and no password; tokens go into their own settings");
    const auto server = parse_authority(authority, refuse);
    url.host_ = server.host;
    url.host_is_ipv6_ = server.is_ipv6;
    url.host_is_address_ = server.is_ipv4 || server.is_ipv6;
    url.port_ = server.port.value_or(url.secure_ ? 443 : 80);

    if (!valid_path_or_query(rest))
        refuse.because("its path or query holds a character that must be percent-encoded");
    const auto question = std::min(rest.find('?'), rest.size());
    auto path = rest.substr(0, question);
    url.query_ = rest.substr(std::min(question + 1, rest.size()));
    if (has_dot_segment(path)) refuse.because("its path must have no . or .. in it");
    url.base_ = path.substr(0, path.find_last_not_of('/') + 1);

    if (!url.secure_ && !allow_plaintext && !url.loopback())
        refuse.because("it would send the ticket unencrypted; use wss, or set allow_plaintext",
                       errc::plaintext_refused);
    return url;
}

bool server_url::loopback() const noexcept {
    if (host_is_ipv6_) {
        in6_addr address{};
        return inet_pton(AF_INET6, host_.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
    }
    return certificate_name() == "localhost" || (host_is_address_ && host_.starts_with("127."));
}

std::string server_url::certificate_name() const { return std::string(without_final_dot(host_)); }

std::string server_url::host_header() const {
    auto out = host_is_ipv6_ ? '[' + host_ + ']' : host_;
    if (port_ != (secure_ ? 443 : 80)) out += ':' + std::to_string(port_);
    return out;
}

std::string server_url::http_target(std::string_view path) const {
    return base_ + std::string(path);
}

server_url server_url::with_base(std::string path) const {
    auto changed = *this;
    changed.base_ = std::move(path);
    return changed;
}

std::string server_url::http_text(std::string_view path) const {
    return fmt::format("{}://{}{}{}", secure_ ? "https" : "http", host_header(), base_, path);
}

proxy_url proxy_url::parse(std::string_view text) {
    const refusal refuse(text);
    constexpr std::string_view scheme = "http://";
    if (lower_case(text.substr(0, scheme.size())) != scheme)
        refuse.because("a proxy's URL is http://[user:password@]host[:port]");
    auto rest = text.substr(scheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find_first_of("/?#") != std::string_view::npos)
        refuse.because("a proxy's URL has no path, no query and no fragment");

    proxy_url url;
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        const auto credentials = rest.substr(0, at);
        const auto colon = std::min(credentials.find(':'), credentials.size());
        const auto user = percent_decode(credentials.substr(0, colon));
        const auto password =
            percent_decode(credentials.substr(std::min(colon + 1, credentials.size())));
        // RFC 7617 section 2: a user name has no colon, and neither part has control characters.
        if (!user || !password || user->empty() || user->find(':') != std::string::npos ||
            has_control(*user) || has_control(*password))
            refuse.because("the proxy's user and password must be percent-encoded");
        const auto both = *user + ':' + *password;
        url.authorization_ = "Basic " + base64(both);
        url.secrets_ = {secret(both), secret(*password)};
        rest.remove_prefix(at + 1);
    }
    const auto server = parse_authority(rest, refuse);
    url.host_ = server.host;
    url.port_ = server.port.value_or(url.port_);
    return url;
}

std::vector<secret> proxy_secrets(std::string_view proxy) {
    return proxy.empty() ? std::vector<secret>() : proxy_url::parse(proxy).secrets();
}

} // namespace parley
