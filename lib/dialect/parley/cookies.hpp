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

/// Where cookies would go.
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
/// A later cookie replaces an earlier one of its name. One that has expired or has no value deletes
/// its name. Left out is a cookie that is malformed, of another path or domain, `Secure` without
/// TLS, or above the bounds. One without `Path` goes to every path: a load balancer that names none
/// means its host.
secret cookies_to_send(std::span<const std::string> set_cookies, const cookie_scope& scope,
                       wall_time now);

/// The value that a `Set-Cookie` sets, for the lists of what no text may show. Empty for one that
/// is too short to be a secret.
std::string_view cookie_value(std::string_view set_cookie) noexcept;

/// What no text may show of a ticket: it, and each such value of its cookies.
std::vector<secret> secrets_of(const ticket& held);

} // namespace parley::cookies
