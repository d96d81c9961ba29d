#pragma once

#include <parley/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// A server's URL, parsed strictly (RFC 3986). Its path is the base of all paths on that server.
class server_url {
public:
    /// Throws `client_error`: `invalid_url` for user info, a fragment, an unknown scheme or
    /// anything strict parsing refuses; `plaintext_refused` for ws and http beyond loopback unless
    /// allowed. The text is not in the message when it has user info.
    static server_url parse(std::string_view text, bool allow_plaintext);

    bool secure() const noexcept { return secure_; }
    /// Lower case, no brackets; with a final dot where it was given one (`example.com.`).
    const std::string& host() const noexcept { return host_; }
    /// The host that the certificate is for and SNI names: without a final dot (RFC 6066 section
    /// 3).
    std::string certificate_name() const;
    std::uint16_t port() const noexcept { return port_; }
    /// True for a host that is an address and takes no SNI and no lookup.
    bool host_is_address() const noexcept { return host_is_address_; }
    bool host_is_ipv6() const noexcept { return host_is_ipv6_; }
    bool loopback() const noexcept;

    /// For `Host`: brackets as needed, the port unless it is the scheme's default.
    std::string host_header() const;
    /// `{base}` and `path`, such as `/api/v1/tickets`.
    std::string http_target(std::string_view path) const;
    /// `https://host/p/api/v1/tickets`, for people.
    std::string http_text(std::string_view path) const;
    const std::string& base() const noexcept { return base_; }   ///< empty, or `/p`
    const std::string& query() const noexcept { return query_; } ///< without `?`
    server_url with_base(std::string path) const;

private:
    bool secure_ = true;
    bool host_is_address_ = false;
    bool host_is_ipv6_ = false;
    std::uint16_t port_ = 443;
    std::string host_;
    std::string base_;
    std::string query_;
};

/// `http://[user:password@]host[:port]`, for CONNECT.
class proxy_url {
public:
    /// Throws `client_error` (`invalid_url`); the message has no credentials.
    static proxy_url parse(std::string_view text);

    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }
    /// The value of `Proxy-Authorization`, or empty. A secret.
    const std::string& authorization() const noexcept { return authorization_; }
    /// The same in other words: `user:password`, and the password.
    const std::vector<secret>& secrets() const noexcept { return secrets_; }

private:
    std::string host_;
    std::uint16_t port_ = 8080;
    std::string authorization_;
    std::vector<secret> secrets_;
};

/// The secrets of `connection_config::proxy`, for a redactor: without TLS a proxy may repeat them.
std::vector<secret> proxy_secrets(std::string_view proxy);

/// Throws `client_error` (`invalid_url`) for a URL; the message shows no query and no user info.
[[noreturn]] void refuse_url(std::string_view text, std::string_view why);

/// Whether a path, or a part of one, has a segment `.` or `..`, also where its dots or slashes are
/// percent-encoded, or the slashes are backslashes: a server or proxy may resolve such a path to
/// another one (RFC 3986 section 5.2.4).
bool has_dot_segment(std::string_view path);

/// Every byte but the unreserved ones of RFC 3986 section 2.3 as `%XX`.
std::string percent_encode(std::string_view bytes);

} // namespace parley
