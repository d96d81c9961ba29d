#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/url.hpp"
#include "net/stop_signal.hpp"
#include "net/tls_stream.hpp"

#include <boost/system/error_code.hpp>

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace parley {

class tls_session_cache;

/// What the TLS connections of one client share: the trusted certificates, the rules, and the
/// sessions to resume. The first two it shares with the clients of equal settings. Usable from any
/// thread.
///
/// The peer and its name are always verified (doc/pitfalls.md P40): there is no switch for it.
class tls_context {
public:
    /// Throws `client_error` (`invalid_configuration`) for certificates and keys that cannot be
    /// used; the message names the field.
    explicit tls_context(const tls_config& config);
    ~tls_context();
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    /// For the constructor of a `tls_stream`.
    ssl_ctx_st* native() const noexcept;

    /// The handshake, on the stream's strand. The stream lives until it returns. The error is
    /// `certificate_rejected`, `tls_failed` or, when stopped, the one of `aborted_error`.
    awaitable<result<void>> handshake(tls_stream& stream, server_url server,
                                      std::shared_ptr<stop_signal> stop);

private:
    const std::shared_ptr<asio::ssl::context> context_;
    const std::shared_ptr<tls_session_cache> sessions_;
};

/// The error for what a TLS operation failed with. `verify_result` is OpenSSL's X509_V_ code, 0
/// when there is none. `host` is for the message.
error_info tls_error(const boost::system::error_code& failed, long verify_result,
                     const std::string& host);

} // namespace parley
