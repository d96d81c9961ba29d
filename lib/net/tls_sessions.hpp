#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

// OpenSSL's own names of SSL, SSL_CTX and SSL_SESSION: its headers stay out of this one.
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace parley {

/// TLS sessions to resume, by `host:port`, of one client (doc/pitfalls.md P44): its context may be
/// shared with others, to whom its sessions are not shown.
///
/// Filled only by OpenSSL's callback for new sessions, which a TLS 1.3 server sends after the
/// handshake, and only from connections whose certificate was verified. Usable from any thread.
class tls_session_cache : public std::enable_shared_from_this<tls_session_cache> {
public:
    static constexpr std::size_t max_entries = 64;

    /// Has the connections of a context bring their sessions. Once for each context.
    static void attach(ssl_ctx_st* context);

    /// Before the handshake: offers the session held for `key`, and has new ones kept under it.
    void prepare(ssl_st* connection, const std::string& key);

    /// After a TLS failure: its session is not offered again.
    void forget(const std::string& key);

    std::size_t size() const;

private:
    struct free_session {
        void operator()(ssl_session_st* session) const noexcept;
    };
    using session_ptr = std::unique_ptr<ssl_session_st, free_session>;

    static int on_new_session(ssl_st* connection, ssl_session_st* session);
    void keep(const std::string& key, ssl_session_st* session);
    session_ptr take(const std::string& key);

    mutable std::mutex mutex_;
    std::map<std::string, session_ptr> sessions_;
};

} // namespace parley
