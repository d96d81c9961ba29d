#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace parley::testing {

/// How a `chat_server` speaks TLS.
enum class server_tls {
    off,       ///< `ws` and `http`
    generated, ///< `wss` and `https` with a certificate made in memory; its CA is `ca_pem()`
    files,     ///< `wss` and `https` with a certificate chain and a key in PEM files
};

using parley::operator<<;
/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(server_tls) noexcept;

/// The settings of a `chat_server`. Used in its constructor only, which rejects values out of
/// its bounds by name (`errc::invalid_configuration`).
struct chat_server_options {
    std::uint16_t port{0};         ///< 0 picks a free one
    bool ipv6{false};              ///< listens on `::1` instead of `127.0.0.1`
    std::string path_prefix;       ///< as `/chat`; every path begins with it
    bool permessage_deflate{true}; ///< agrees to the extension when the client offers it
    std::size_t max_message_size{std::size_t{8} * 1024 *
                                 1024}; ///< larger closes with 1009; 1 GiB at most

    std::chrono::milliseconds ticket_lifetime{std::chrono::hours{1}}; ///< 1 ms and more
    std::set<std::string, std::less<>> accepted_tokens;               ///< empty: any token, or none
    bool send_date{true};                 ///< whether HTTP answers carry a `Date`
    std::chrono::seconds clock_offset{0}; ///< added to every time it sends; of either sign

    /// Tickets hold characters that a URL must percent-encode, non-ASCII ones included. The default
    /// is tickets of unreserved characters alone, which a client may append to a URL as they are.
    bool awkward_tickets{false};
    bool reject_tickets_by_frame{false}; ///< a bad ticket gets 101 and `authentication_error`

    server_tls tls{server_tls::off}; ///< whether it speaks TLS, and with which certificate
    std::string certificate_file;    ///< with `server_tls::files`
    std::string key_file;            ///< with `server_tls::files`
    std::vector<std::string> certificate_names{"localhost", "127.0.0.1",
                                               "::1"}; ///< generated: SANs
    std::chrono::seconds certificate_from{-3600};      ///< generated: valid from now plus this
    std::chrono::seconds certificate_until{86400 * 7}; ///< generated: valid until now plus this

    std::size_t max_recorded{10'000}; ///< frames, requests and violations kept, each; 0: none
};

} // namespace parley::testing
