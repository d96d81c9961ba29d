#include "net/tls_sessions.hpp"

#include <openssl/ssl.h>

#include <utility>

namespace parley {

namespace {

/// What a connection keeps: where its sessions go, and under which key.
struct destination {
    std::weak_ptr<tls_session_cache> cache;
    std::string key;
};

void free_destination(void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<destination*>(kept);
}

int connection_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_destination);
    return index;
}

} // namespace

void tls_session_cache::free_session::operator()(ssl_session_st* session) const noexcept {
    SSL_SESSION_free(session);
}

void tls_session_cache::attach(SSL_CTX* context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &tls_session_cache::on_new_session);
}

void tls_session_cache::prepare(SSL* connection, const std::string& key) {
    auto stored = std::make_unique<destination>(destination{weak_from_this(), key});
    if (SSL_set_ex_data(connection, connection_index(), stored.get()) != 1) return;
    static_cast<void>(stored.release()); // free_destination deletes it with the connection
    if (const session_ptr held = take(key)) SSL_set_session(connection, held.get());
}

void tls_session_cache::forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(key);
}

std::size_t tls_session_cache::size() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
}

int tls_session_cache::on_new_session(SSL* connection, SSL_SESSION* session) {
    const auto* kept =
        static_cast<const destination*>(SSL_get_ex_data(connection, connection_index()));
    if (kept == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return 0;
    if (const auto cache = kept->cache.lock()) cache->keep(kept->key, session);
    return 0; // the reference stays OpenSSL's
}

void tls_session_cache::keep(const std::string& key, SSL_SESSION* session) {
    // A copy: freeing a connection without a close_notify makes its own session unusable.
    session_ptr copy(SSL_SESSION_dup(session));
    if (!copy || SSL_SESSION_is_resumable(copy.get()) != 1) return;
    const std::lock_guard lock(mutex_);
    if (sessions_.size() >= max_entries && !sessions_.contains(key))
        sessions_.erase(sessions_.begin());
    sessions_[key] = std::move(copy);
}

tls_session_cache::session_ptr tls_session_cache::take(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) return nullptr;
    // RFC 8446 appendix C.4: a ticket of TLS 1.3 is used once.
    if (SSL_SESSION_get_protocol_version(found->second.get()) < TLS1_3_VERSION)
        return session_ptr(SSL_SESSION_dup(found->second.get()));
    session_ptr taken = std::move(found->second);
    sessions_.erase(found);
    return taken;
}

} // namespace parley
