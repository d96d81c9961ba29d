#include "core/request_headers.hpp"
#include "net/dial.hpp"
#include "net/network_error.hpp"
#include "net/proxy_connect.hpp"
#include "net/tls.hpp"
#include "support/catch.hpp"
#include "transport/websocket_error.hpp"
#include "websocket/upgrade_check.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace connecting_test {

using namespace parley;

namespace {

asio::ip::tcp::endpoint at(const char* address) { return {asio::ip::make_address(address), 1}; }

boost::system::error_code openssl_error(int reason) {
    return boost::system::error_code(static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, reason)),
                                     asio::error::get_ssl_category());
}

std::optional<errc> refusal(const std::string& name, const std::string& value) {
    connection_config config;
    config.headers.push_back({name, value});
    try {
        const request_headers checked(config);
        return std::nullopt;
    } catch (const client_error& error) {
        CHECK(error.message().find("sentinel") == std::string::npos);
        return static_cast<errc>(error.code().value());
    }
}

} // namespace

TEST_CASE("dial: the address families alternate, beginning with that of the first address",
          "[unit][dial]") {
    const tcp_endpoints mixed{at("::1"), at("::2"), at("::3"), at("10.0.0.1"), at("10.0.0.2")};
    CHECK(interleave_families(mixed) ==
          tcp_endpoints{at("::1"), at("10.0.0.1"), at("::2"), at("10.0.0.2"), at("::3")});
    const tcp_endpoints four_first{at("10.0.0.1"), at("::1"), at("::2")};
    CHECK(interleave_families(four_first) == tcp_endpoints{at("10.0.0.1"), at("::1"), at("::2")});
    CHECK(interleave_families({}).empty());
    CHECK(interleave_families({at("::1")}) == tcp_endpoints(1, at("::1")));
}

TEST_CASE("proxy: the tunnel request names the server and has the credentials", "[unit][proxy]") {
    const auto server = server_url::parse("wss://[::1]:8443/base", false);
    const auto anonymous = proxy_url::parse("http://proxy.test:3128");
    CHECK(connect_request_text(anonymous, server, "agent/1") ==
          "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nUser-Agent: agent/1\r\n\r\n");
    const auto known = proxy_url::parse("http://me:secret@proxy.test:3128");
    CHECK(connect_request_text(known, server, "a")
              .find("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n") != std::string::npos);
}

TEST_CASE("proxy: a status is read from a valid first line only", "[unit][proxy]") {
    CHECK(status_of("HTTP/1.1 200 OK\r\n\r\n") == 200);
    CHECK(status_of("HTTP/1.0 407 \r\n\r\n") == 407);
    CHECK(status_of("HTTP/1.1 200\r\n\r\n") == 200);
    for (const char* wrong :
         {"", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 20x OK", "HTTP/1.1 2000 OK", "HTTP/2.0 200 OK",
          "HTTP/1.2 200 OK", "http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 X\r\n"})
        CHECK_FALSE(status_of(wrong));
}

TEST_CASE("tls: an error belongs to the certificate, the protocol or the network", "[unit][tls]") {
    const auto failed = openssl_error(SSL_R_CERTIFICATE_VERIFY_FAILED);
    const auto expired = tls_error(failed, X509_V_ERR_CERT_HAS_EXPIRED, "h.test");
    CHECK(expired.is(errc::certificate_rejected));
    CHECK(expired.details.reason == "certificate has expired");
    CHECK(expired.message.find("h.test") != std::string::npos);
    CHECK_FALSE(expired.details.retryable);
    CHECK(tls_error(failed, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "h").details.reason ==
          "self-signed certificate");
    CHECK(tls_error(failed, X509_V_ERR_CERT_REVOKED, "h").details.reason == "certificate revoked");
    CHECK(tls_error(failed, X509_V_OK, "h").is(errc::certificate_rejected));

    const auto plain = tls_error(openssl_error(SSL_R_WRONG_VERSION_NUMBER), X509_V_OK, "h");
    CHECK(plain.is(errc::tls_failed));
    CHECK(plain.details.reason == "the server does not speak TLS");
    CHECK_FALSE(plain.details.retryable);
    const auto policy =
        tls_error(openssl_error(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE), X509_V_OK, "h");
    CHECK(policy.is(errc::tls_failed));
    CHECK_FALSE(policy.details.retryable);

    CHECK(tls_error(asio::ssl::error::stream_truncated, X509_V_OK, "h").details.retryable);
    CHECK(tls_error(asio::error::connection_reset, X509_V_OK, "h").details.retryable);
    CHECK(tls_error(asio::error::eof, X509_V_OK, "h").is(errc::tls_failed));
    CHECK(tls_error(openssl_error(SSL_R_TLSV1_ALERT_INTERNAL_ERROR), 0, "h").details.retryable);
}

TEST_CASE("tls: unusable settings are rejected by name", "[unit][tls]") {
    const auto refused = [](auto set) -> std::string {
        tls_config config;
        set(config);
        try {
            const tls_context context(config);
            return "accepted";
        } catch (const client_error& error) {
            CHECK(error.code() == make_error_code(errc::invalid_configuration));
            return error.message();
        }
    };
    const auto names = [](const std::string& message, const char* field) {
        return message.find(field) != std::string::npos;
    };
    CHECK(refused([](tls_config&) {}) == "accepted");
    CHECK(names(refused([](tls_config& c) { c.ca_file = "/no/such/file"; }), "ca_file"));
    CHECK(names(refused([](tls_config& c) { c.ca_pem = "garbage"; }), "ca_pem"));
    CHECK(names(refused([](tls_config& c) { c.certificate_file = "/no/such/file"; }), "key_file"));
    CHECK(names(refused([](tls_config& c) { c.key_file = "/no/such/file"; }), "certificate_file"));
    CHECK(names(refused([](tls_config& c) {
                    c.certificate_file = "/no/such/file";
                    c.key_file = "/no/such/file";
                }),
                "certificate_file"));
}

TEST_CASE("tls: clients of equal settings share one OpenSSL context", "[unit][tls]") {
    const auto shared = [](const tls_config& one, const tls_config& other) {
        tls_context first(one);
        tls_context second(other);
        return first.native() == second.native();
    };
    tls_config plain;
    tls_config newer;
    newer.min_version = tls_config::version::tls_1_3;
    CHECK(shared(plain, plain));
    CHECK(shared(newer, newer));
    CHECK_FALSE(shared(plain, newer));
}

TEST_CASE("request_headers: values and names that HTTP forbids are rejected, and not quoted",
          "[unit][request_headers]") {
    CHECK_FALSE(refusal("X-Fine", "a value, with spaces"));
    CHECK_FALSE(refusal("Authorization", "Bearer sentinel"));
    CHECK(refusal("X-A", "sentinel\r\nEvil: 1") == errc::invalid_header);
    CHECK(refusal("X-A", std::string("sentinel\0", 9)) == errc::invalid_header);
    CHECK(refusal("X-A", "sentinel\x7f") == errc::invalid_header);
    CHECK(refusal("X-A", "sentin\xc3\xa9") == errc::invalid_header);
    CHECK(refusal("", "sentinel") == errc::invalid_header);
    CHECK(refusal("X A", "sentinel") == errc::invalid_header);
    CHECK(refusal("X:", "sentinel") == errc::invalid_header);
    for (const char* name :
         {"Host", "UPGRADE", "connection", "Sec-WebSocket-Key", "Content-Length",
          "Transfer-Encoding", "Accept-Encoding", "Proxy-Authorization", "User-Agent", "TE"}) {
        CAPTURE(name);
        CHECK(refusal(name, "sentinel") == errc::invalid_header);
    }
    connection_config config;
    CHECK(request_headers(config).user_agent().starts_with("parley/"));
    config.user_agent = "service/2";
    CHECK(request_headers(config).user_agent() == "service/2");
    config.user_agent = "bad\nagent";
    CHECK_THROWS_AS(request_headers(config), client_error);
}

TEST_CASE("websocket_error: a close reports its code, or 1005", "[unit][websocket_error]") {
    CHECK(closed_by_peer(4401, "expired").details.close_code == 4401u);
    CHECK(closed_by_peer(4401, "expired").details.server_text == "expired");
    CHECK(closed_by_peer(4401, "").details.retryable);
    CHECK_FALSE(closed_by_peer(1000, "").details.retryable);
    CHECK(closed_by_peer(0, "").details.close_code == 1005u);
    CHECK(closed_by_peer(1001, "a\nb").details.server_text.find('\n') == std::string::npos);
}

TEST_CASE("network_error: the sentence has its reason and its full stop", "[unit][network_error]") {
    const auto with = network_error(errc::connect_failed, phase::tcp, true, "It broke", "why");
    CHECK(with.message == "It broke (why).");
    CHECK(with.details.reason == "why");
    CHECK(with.details.retryable);
    CHECK(network_error(errc::connect_failed, phase::tcp, true, "It broke").message == "It broke.");
    CHECK(host_and_port("::1", 80) == "[::1]:80");
    CHECK(host_and_port("h.test", 443) == "h.test:443");
}

} // namespace connecting_test
