#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace parley {

/// TLS sessions to resume, by `host:port`, of one context (PITFALLS P44).
///
/// Filled only by OpenSSL's callback for new sessions, which a TLS 1.3 server sends after the
/// handshake, and only from connections whose certificate was verified. Usable from any thread.
class tls_session_cache {
public:
    static constexpr std::size_t max_entries = 64;

    /// Once. The context must not outlive this.
    void attach(SSL_CTX* context);

    /// Before the handshake: offers the session held for `key`, and has new ones kept under it.
    void prepare(SSL* connection, const std::string& key);

    /// After a TLS failure: its session is not offered again.
    void forget(const std::string& key);

    std::size_t size() const;

private:
    struct free_session {
        void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
    };
    using session_ptr = std::unique_ptr<SSL_SESSION, free_session>;

    static int on_new_session(SSL* connection, SSL_SESSION* session);
    void keep(const std::string& key, SSL_SESSION* session);
    session_ptr take(const std::string& key);

    mutable std::mutex mutex_;
    std::map<std::string, session_ptr> sessions_;
};

} // namespace parley
