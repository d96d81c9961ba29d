#include "net/tls.hpp"

#include "async/asio_errors.hpp"
#include "net/network_error.hpp"
#include "net/tls_sessions.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>

namespace parley {

namespace {

[[noreturn]] void refuse(std::string_view field, const boost::system::error_code& why) {
    throw_error(network_error(errc::invalid_configuration, phase::none, false,
                              "The TLS setting " + std::string(field) + " cannot be used",
                              why.message()));
}

/// The certificate has to be for this name or address, by one of its alternative names and never by
/// its subject; a wildcard is the whole of the leftmost label (RFC 9525 sections 6.3 and 6.5).
bool expect(SSL* connection, const server_url& server) {
    X509_VERIFY_PARAM* const rules = SSL_get0_param(connection);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const std::string host = server.certificate_name();
    return server.host_is_address()
               ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1
               : X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size()) == 1;
}

std::string certificate_reason(long verify_result) {
    switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "certificate is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "hostname mismatch";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "self-signed certificate";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "certificate of an unknown authority";
    case X509_V_OK:
        return "certificate verify failed";
    default:
        return X509_verify_cert_error_string(verify_result);
    }
}

struct free_store {
    void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
};

/// The system's authorities, read once: a copy for each client takes 60 ms and 1.7 MiB.
X509_STORE* system_store() {
    static const std::unique_ptr<X509_STORE, free_store> store = [] {
        std::unique_ptr<X509_STORE, free_store> read(X509_STORE_new());
        if (read && X509_STORE_set_default_paths(read.get()) != 1) read.reset();
        return read;
    }();
    return store.get();
}

/// OpenSSL's reason for what it calls an SSL error, or 0.
int ssl_reason(const boost::system::error_code& failed) {
    if (failed.category() != asio::error::get_ssl_category()) return 0;
    const auto packed = static_cast<unsigned long>(failed.value());
    return ERR_GET_LIB(packed) == ERR_LIB_SSL ? ERR_GET_REASON(packed) : 0;
}

/// Bytes that are no TLS record at all: an HTTP answer, say.
bool is_not_tls(int reason) {
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
           reason == SSL_R_UNEXPECTED_MESSAGE || reason == SSL_R_BAD_RECORD_TYPE;
}

void trust(asio::ssl::context& made, const tls_config& config) {
    boost::system::error_code failed;
    // A given authority is trusted beside no other.
    if (!config.ca_file.empty() && made.load_verify_file(config.ca_file, failed))
        refuse("ca_file", failed);
    if (!config.ca_pem.empty() &&
        made.add_certificate_authority(asio::buffer(config.ca_pem), failed))
        refuse("ca_pem", failed);
    if (!config.ca_file.empty() || !config.ca_pem.empty()) return;
    X509_STORE* const trusted = system_store();
    if (!trusted) refuse("ca_file (the system's)", asio::error::no_memory);
    SSL_CTX_set1_cert_store(made.native_handle(), trusted);
}

void identify(asio::ssl::context& made, const tls_config& config) {
    boost::system::error_code failed;
    if (config.certificate_file.empty() != config.key_file.empty())
        refuse(config.key_file.empty() ? "key_file" : "certificate_file",
               asio::error::invalid_argument);
    if (config.certificate_file.empty()) return;
    if (made.use_certificate_chain_file(config.certificate_file, failed))
        refuse("certificate_file", failed);
    if (made.use_private_key_file(config.key_file, asio::ssl::context::pem, failed))
        refuse("key_file", failed);
    if (SSL_CTX_check_private_key(made.native_handle()) != 1)
        refuse("key_file", asio::error::invalid_argument);
}

std::shared_ptr<asio::ssl::context> make_context(const tls_config& config) {
    using asio::ssl::context;
    auto made = std::make_shared<context>(context::tls_client);
    made->set_options(context::default_workarounds | context::no_compression);
    const int lowest =
        config.min_version == tls_config::version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(made->native_handle(), lowest);
    made->set_verify_mode(asio::ssl::verify_peer);
    trust(*made, config);
    identify(*made, config);
    ERR_clear_error();
    tls_session_cache::attach(made->native_handle());
    return made;
}

/// A file and when it was written: one that was replaced is another.
void append_file(std::string& key, const std::string& path) {
    key += path;
    key += '\0';
    if (path.empty()) return;
    std::error_code unreadable; // reported by the reader
    const auto written = std::filesystem::last_write_time(path, unreadable);
    key += std::to_string(unreadable ? 0 : written.time_since_epoch().count());
    key += '\0';
}

std::string key_of(const tls_config& config) {
    std::string key(config.min_version == tls_config::version::tls_1_3 ? "3" : "2");
    append_file(key, config.ca_file);
    append_file(key, config.certificate_file);
    append_file(key, config.key_file);
    return key + config.ca_pem;
}

/// One for all clients of equal settings, for as long as there is one: it takes 27 KiB and as many
/// milliseconds as it has authorities to read.
std::shared_ptr<asio::ssl::context> shared_context(const tls_config& config) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<asio::ssl::context>> known;
    const auto key = key_of(config);
    const std::lock_guard lock(mutex);
    auto found = known[key].lock();
    if (found) return found;
    std::erase_if(known, [](const auto& each) { return each.second.expired(); });
    found = make_context(config);
    known[key] = found;
    return found;
}

} // namespace

tls_context::tls_context(const tls_config& config)
    : context_(shared_context(config)), sessions_(std::make_shared<tls_session_cache>()) {}

tls_context::~tls_context() = default;

SSL_CTX* tls_context::native() const noexcept { return context_->native_handle(); }

awaitable<result<void>> tls_context::handshake(tls_stream& stream, server_url server,
                                               std::shared_ptr<stop_signal> stop) {
    const std::string key = host_and_port(server.host(), server.port());
    // RFC 6066 section 3: no literal addresses in SNI.
    if (!server.host_is_address())
        SSL_set_tlsext_host_name(stream.native_handle(), server.certificate_name().c_str());
    if (!expect(stream.native_handle(), server))
        co_return tls_error(asio::error::no_memory, X509_V_OK, server.host());
    sessions_->prepare(stream.native_handle(), key);
    ERR_clear_error();

    const stop_signal::hook hook(stop, [&socket = stream.next_layer()] {
        boost::system::error_code already_closed;
        socket.close(already_closed);
    });
    const auto done = co_await stream.async_handshake(as_tuple_awaitable);
    const boost::system::error_code failed = std::get<0>(done);
    if (stop->requested()) co_return aborted_error(phase::tls);
    if (!failed) co_return result<void>();
    sessions_->forget(key);
    co_return tls_error(failed, SSL_get_verify_result(stream.native_handle()), server.host());
}

error_info tls_error(const boost::system::error_code& failed, long verify_result,
                     const std::string& host) {
    const int reason = ssl_reason(failed);
    // The oldest error in OpenSSL's queue is reported, which may be one that led to this verdict.
    const bool from_openssl = failed.category() == asio::error::get_ssl_category();
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED || (from_openssl && verify_result != X509_V_OK))
        return network_error(errc::certificate_rejected, phase::tls, false,
                             "The certificate of " + host + " is not trusted",
                             certificate_reason(verify_result));
    if (is_not_tls(reason))
        return network_error(errc::tls_failed, phase::tls, false,
                             "The TLS handshake with " + host + " failed",
                             "the server does not speak TLS");
    // doc/protocol.md 1.7: cut short is worth a retry, a disagreement is not.
    const bool cut_short = !from_openssl || reason == SSL_R_TLSV1_ALERT_INTERNAL_ERROR ||
                           reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    return network_error(errc::tls_failed, phase::tls, cut_short,
                         "The TLS handshake with " + host + " failed", failed.message());
}

} // namespace parley
