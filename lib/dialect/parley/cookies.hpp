#pragma once

#include <parley/secret.hpp>
#include <parley/ticket.hpp>

#include "core/clock.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::cookies {

/// The request to which cookies would be sent.
struct cookie_scope {
    std::string host;    ///< lower case
    std::string path;    ///< `/p/ws`
    bool secure = false; ///< over TLS
};

inline constexpr std::size_t most_cookies = 32;
inline constexpr std::size_t longest_cookies = 8 * 1024; ///< bytes of all of them

/// The value of `Cookie` that answers these values of `Set-Cookie` (RFC 6265 section 5), by name
/// and value, for one request to the host that set them; empty for none.
///
/// A later cookie replaces an earlier one of its name. An expired or empty cookie deletes its name.
/// A cookie is left out when it is malformed, of another path or domain, `Secure` without TLS, or
/// above the bounds. A cookie without `Path` goes to every path, as load balancers mean it.
secret cookies_to_send(std::span<const std::string> set_cookies, const cookie_scope& scope,
                       wall_time now);

/// The value of a `Set-Cookie`, for a redactor; empty when it is too short to be a secret.
std::string_view cookie_value(std::string_view set_cookie) noexcept;

/// The secrets of a ticket: its value, and each such value of its cookies.
std::vector<secret> secrets_of(const ticket& held);

} // namespace parley::cookies
