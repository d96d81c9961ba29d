#include <parley/websocket_manager.hpp>

#include "loopback/secure_wire.hpp"
#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

namespace tls_faults_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using testing::make_identity;
using testing::server_identity;

namespace {

std::string pem_of(X509* certificate, EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    if (certificate != nullptr) PEM_write_bio_X509(bio, certificate);
    if (key != nullptr) PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

/// A self-signed certificate.
server_identity self_signed() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* leaf = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(leaf), -3600);
    X509_gmtime_adj(X509_getm_notAfter(leaf), 3600);
    X509_set_pubkey(leaf, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("good.test"), -1, -1, 0);
    X509_set_issuer_name(leaf, X509_get_subject_name(leaf));
    X509_sign(leaf, key, EVP_sha256());
    const server_identity made{{}, pem_of(leaf, nullptr), pem_of(nullptr, key)};
    X509_free(leaf);
    EVP_PKEY_free(key);
    return made;
}

/// A file with this text, in a directory of its own, as long as it lives.
class temporary_file {
public:
    explicit temporary_file(const std::string& text) {
        auto pattern = (std::filesystem::temp_directory_path() / "parley-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("cannot make a temporary directory");
        directory_ = pattern;
        name_ = (directory_ / "text.pem").string();
        std::ofstream(name_) << text;
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() {
        std::error_code left_behind;
        std::filesystem::remove_all(directory_, left_behind);
    }

    const std::string& name() const { return name_; }

private:
    std::filesystem::path directory_;
    std::string name_;
};

raw_server good_server(raw_server::script each, const raw_server::tls_setup& set_up = {}) {
    return raw_server(good_identity().certificate_pem, good_identity().key_pem, {std::move(each)},
                      set_up);
}

/// What a connect ends with whose server says this in place of a ServerHello.
error_info end_of_handshake(const std::string& said) {
    raw_server server([&said](raw_peer& peer) {
        peer.read_some();
        peer.send(said);
        peer.hold();
    });
    secure_wire here(good_identity().ca_pem);
    const auto outcome = here.connect_to("good.test", server.port());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().details.phase == phase::tls);
    return outcome.error();
}

/// The first flight of a TLS 1.2 server: its hello, its certificate, its key, its "done".
std::string first_flight(const std::string& client_hello) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    BIO* pem = BIO_new_mem_buf(good_identity().certificate_pem.data(), -1);
    X509* certificate = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
    BIO* key_pem = BIO_new_mem_buf(good_identity().key_pem.data(), -1);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_pem, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    SSL* server = SSL_new(context);
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(server, in, out);
    BIO_write(in, client_hello.data(), static_cast<int>(client_hello.size()));
    SSL_accept(server);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string flight(data, static_cast<std::size_t>(size));
    SSL_free(server);
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(key_pem);
    BIO_free(pem);
    SSL_CTX_free(context);
    ERR_clear_error();
    return flight;
}

} // namespace

TEST_CASE("tls: a replaced CA file is read again", "[loopback][tls]") {
    const temporary_file authority(good_identity().ca_pem);
    tls_config config;
    config.ca_file = authority.name();
    tls_context before(config);
    tls_context same(config);
    CHECK(before.native() == same.native());

    std::filesystem::last_write_time(authority.name(),
                                     std::filesystem::last_write_time(authority.name()) + 1s);
    tls_context after(config);
    CHECK(before.native() != after.native());
}

TEST_CASE("tls: a certificate of another name or issuer is rejected before any data is sent",
          "[loopback][tls][D47]") {
    struct row {
        const char* what;
        server_identity identity;
        std::string trusted;
        const char* host;
        const char* reason;
    };
    const auto of = [](std::vector<std::string> names) {
        return make_identity(names, std::chrono::hours(-1), std::chrono::hours(1));
    };
    const auto wildcard = of({"*.good.test"});
    const auto address = of({"127.0.0.2"});
    const auto alone = self_signed();
    const std::vector<row> rows{
        {"a wildcard is one label", wildcard, wildcard.ca_pem, "a.b.good.test",
         "hostname mismatch"},
        {"a wildcard is not the domain", wildcard, wildcard.ca_pem, "good.test",
         "hostname mismatch"},
        {"another address", address, address.ca_pem, "127.0.0.1", "hostname mismatch"},
        {"a name is no address", address, address.ca_pem, "good.test", "hostname mismatch"},
        {"self-signed", alone, good_identity().ca_pem, "good.test", "self-signed certificate"},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        bool served = false;
        raw_server server(each.identity.certificate_pem, each.identity.key_pem,
                          {[&served](raw_peer& peer) { served = !peer.read_some().empty(); }});
        secure_wire here(each.trusted);
        const auto outcome = here.connect_to(each.host, server.port());
        REQUIRE_FALSE(outcome);
        here.link.reset();
        CHECK(server.problems().empty());
        CHECK_FALSE(served);
        CHECK(outcome.error().is(errc::certificate_rejected));
        CHECK(outcome.error().details.reason == each.reason);
        CHECK_FALSE(outcome.error().details.retryable);
        CHECK_FALSE(tells_the_ticket(outcome.error()));
    }
    raw_server server(wildcard.certificate_pem, wildcard.key_pem, {serve_one_text});
    secure_wire here(wildcard.ca_pem);
    CHECK(here.connect_to("any.good.test", server.port()));
}

TEST_CASE("tls: a server that offers less than TLS 1.2 or no encryption is rejected",
          "[loopback][tls][D49]") {
    using version_config = tls_config::version;
    const auto refused = [](const raw_server::tls_setup& set_up,
                            version_config least = version_config::tls_1_2) {
        bool served = false;
        raw_server server =
            good_server([&served](raw_peer& peer) { served = !peer.read_some().empty(); }, set_up);
        secure_wire here(good_identity().ca_pem);
        here.config.tls.min_version = least;
        const auto outcome = here.connect_to("good.test", server.port());
        REQUIRE_FALSE(outcome);
        here.link.reset();
        CHECK(server.problems().empty());
        CHECK_FALSE(served);
        CHECK(outcome.error().is(errc::tls_failed));
        CHECK(outcome.error().details.phase == phase::tls);
        CHECK_FALSE(outcome.error().details.retryable);
    };
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION})
        refused([version](SSL_CTX* context) {
            SSL_CTX_set_security_level(context, 0);
            SSL_CTX_set_max_proto_version(context, version);
        });
    refused([](SSL_CTX* context) {
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(context, "eNULL:@SECLEVEL=0");
    });
    refused([](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); },
            version_config::tls_1_3);
}

TEST_CASE("tls: garbage and alerts in place of a hello have different errors",
          "[loopback][tls][D49]") {
    const auto record = [](char type, const std::string& body) {
        return std::string(1, type) + std::string("\x03\x03\x00", 3) +
               static_cast<char>(body.size()) + body;
    };
    const auto alert = [&record](char what) { return record('\x15', std::string("\x02") + what); };
    struct row {
        const char* what;
        std::string said;
        bool retryable;
    };
    const std::vector<row> rows{
        {"handshake_failure", alert(40), false},
        {"protocol_version", alert(70), false},
        {"insufficient_security", alert(71), false},
        {"unrecognized_name", alert(112), false},
        {"internal_error", alert(80), true},
        {"a hello of garbage", record('\x16', std::string(40, '\x5a')), false},
        {"a short hello", record('\x16', std::string("\x02\x00\x00\x02\x03\x03", 6)), false},
        {"no record at all", "220 mail.test ESMTP\r\n", false},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        const auto failed = end_of_handshake(each.said);
        CHECK(failed.is(errc::tls_failed));
        CHECK(failed.details.retryable == each.retryable);
    }
}

TEST_CASE("tls: a server that stalls ends the step in which it stalls",
          "[loopback][tls][D50][B35]") {
    struct row {
        const char* what;
        bool over_tls;
        raw_server::script script;
        errc error;
        phase step;
    };
    const auto silent = [](raw_peer& peer) { peer.hold(); };
    const auto half_an_answer = [](raw_peer& peer) {
        peer.read_head();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso");
        peer.hold();
    };
    const auto up_to_the_certificate = [](raw_peer& peer) {
        const std::string flight = first_flight(peer.read_some());
        peer.send(std::string_view(flight).substr(0, flight.size() - 40));
        peer.hold();
    };
    const std::vector<row> rows{
        {"accepted, then silence", false, silent, errc::upgrade_timeout, phase::upgrade},
        {"half of the 101", false, half_an_answer, errc::upgrade_timeout, phase::upgrade},
        {"after the ClientHello", true, silent, errc::tls_timeout, phase::tls},
        {"after the certificate", true, up_to_the_certificate, errc::tls_timeout, phase::tls},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        raw_server server(each.script);
        wire here;
        here.config.tls.ca_pem = good_identity().ca_pem;
        here.config.tls_timeout = 100ms;
        here.config.upgrade_timeout = 100ms;
        const std::string host = "://127.0.0.1:" + std::to_string(server.port());
        auto socket = std::make_unique<websocket_manager>(
            here.strand, (each.over_tls ? "wss" : "ws") + host, here.config);
        const ticket held(secret("sentinel-ticket"), std::chrono::system_clock::now() + 1h);
        try {
            here.run(socket->connect(held));
            FAIL("connected");
        } catch (const connection_error& error) {
            CHECK(error.code() == make_error_code(each.error));
            CHECK(error.details().phase == each.step);
            CHECK(error.details().retryable);
            CHECK_FALSE(tells_the_ticket(error.info()));
        }
        socket.reset();
        CHECK(here.drains());
    }
}

TEST_CASE("tls: the end of the session sends a close_notify", "[loopback][tls][D51]") {
    const bool ours = GENERATE(true, false);
    CAPTURE(ours);
    int heard = 0;
    raw_server server = good_server([ours, &heard](raw_peer& peer) {
        peer.upgrade();
        if (!ours) peer.send(server_frame(8, close_payload(1001)));
        const auto close = peer.read_frame();
        if (ours) peer.send(server_frame(8, close.payload));
        peer.hold(); // TCP stays open from this side
        heard = SSL_get_shutdown(peer.tls());
    });
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    if (ours) CHECK(here.close(1000));
    const auto error = here.read_to_end();
    if (!ours) CHECK(error.details.close_code == 1001u);
    here.link.reset();
    CHECK(here.drains());
    CHECK(server.problems().empty());
    CHECK((heard & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_CASE("tls: a fault that ends the session is sent before the close_notify",
          "[loopback][tls][D51][E58]") {
    std::string answer;
    int heard = 0;
    raw_server server = good_server([&](raw_peer& peer) {
        peer.upgrade();
        peer.send(server_frame(8, close_payload(5000)));
        answer = peer.hold();
        heard = SSL_get_shutdown(peer.tls());
    });
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    CHECK(here.read_to_end().details.close_code == 1002u);
    here.link.reset();
    CHECK(server.problems().empty());
    CHECK(answer.substr(0, 2) == "\x88\x82");
    CHECK((heard & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_CASE("tls: a truncated end is judged by the frames before it", "[loopback][tls][D51]") {
    struct row {
        const char* what;
        std::string said;
        errc error;
    };
    const std::vector<row> rows{
        {"between messages", server_frame(1, "whole"), errc::connection_reset},
        {"in a message", server_frame(1, "whole") + "\x81\x05he", errc::connection_reset},
        {"after a close", server_frame(1, "whole") + server_frame(8, close_payload(1011)),
         errc::connection_closed},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        raw_server server = good_server([&each](raw_peer& peer) {
            peer.upgrade();
            peer.send(each.said);
            // And TCP is closed without a close_notify.
        });
        secure_wire here(good_identity().ca_pem);
        REQUIRE(here.connect_to("good.test", server.port()));
        const auto error = here.read_to_end();
        CHECK(here.seen.texts == std::vector<std::string>(1, "whole"));
        CHECK(error.is(each.error));
        CHECK(error.details.retryable);
    }
}

TEST_CASE("tls: TLS records between the messages are not visible", "[loopback][tls][D52]") {
    struct row {
        const char* what;
        int version;
        std::function<void(SSL*)> between;
    };
    const std::vector<row> rows{
        {"renegotiation", TLS1_2_VERSION,
         [](SSL* connection) {
             SSL_renegotiate(connection);
             SSL_do_handshake(connection);
         }},
        {"KeyUpdate", TLS1_3_VERSION,
         [](SSL* connection) {
             SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED);
             SSL_do_handshake(connection);
         }},
        {"new tickets", TLS1_3_VERSION,
         [](SSL* connection) {
             for (int count = 0; count < 50; ++count)
                 SSL_new_session_ticket(connection);
             SSL_do_handshake(connection);
         }},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        raw_server server = good_server(
            [&each](raw_peer& peer) {
                peer.upgrade();
                for (int count = 0; count < 5; ++count) {
                    peer.send(server_frame(1, "before"));
                    each.between(peer.tls());
                    const auto said = peer.read_frame();
                    peer.send(server_frame(1, said.payload));
                }
                peer.hold();
            },
            [&each](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, each.version); });
        secure_wire here(good_identity().ca_pem);
        here.config.compression = false;
        REQUIRE(here.connect_to("good.test", server.port()));
        std::vector<std::string> expected;
        // One read may bring an echo and what comes before the next.
        const auto read_all = [&here, &expected] {
            while (here.seen.texts.size() < expected.size())
                REQUIRE(here.run(here.link->read()));
        };
        for (int count = 0; count < 5; ++count) {
            expected.emplace_back("before");
            read_all();
            REQUIRE(here.write("echo"));
            expected.emplace_back("echo");
            read_all();
        }
        CHECK(here.seen.texts == expected);
        here.link.reset();
        CHECK(server.problems().empty());
    }
}

TEST_CASE("tls: records of any size make the same messages", "[loopback][tls][D53]") {
    const std::size_t record = GENERATE(1u, 2u, 7u, 16'384u);
    CAPTURE(record);
    const std::string bytes = server_frame(1, "first") + server_frame(1, "", false) +
                              server_frame(9, "ping") + server_frame(0, std::string(300, 'x')) +
                              server_frame(2, std::string(record < 16'384 ? 50 : 20'000, 'b')) +
                              server_frame(1, "last");
    raw_server server = good_server([record, &bytes](raw_peer& peer) {
        peer.upgrade();
        for (std::size_t at = 0; at < bytes.size(); at += record)
            peer.send(std::string_view(bytes).substr(at, record));
        peer.hold();
    });
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    while (here.seen.texts.size() < 3)
        REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>{"first", std::string(300, 'x'), "last"});
    CHECK(here.seen.binaries.size() == 1);
}

TEST_CASE("tls: a client certificate is sent to the server that asks for one", "[loopback][tls]") {
    const auto mine = make_identity({"client.test"}, std::chrono::hours(-1), std::chrono::hours(1));
    const temporary_file certificate(mine.certificate_pem);
    const temporary_file key(mine.key_pem);
    const bool shown = GENERATE(true, false);
    CAPTURE(shown);
    std::string seen;
    raw_server server = good_server(
        [&seen](raw_peer& peer) {
            X509* theirs = SSL_get1_peer_certificate(peer.tls());
            seen = pem_of(theirs, nullptr);
            X509_free(theirs);
            serve_one_text(peer);
        },
        [](SSL_CTX* context) {
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               [](int, X509_STORE_CTX*) { return 1; });
        });
    secure_wire here(good_identity().ca_pem);
    if (shown) {
        here.config.tls.certificate_file = certificate.name();
        here.config.tls.key_file = key.name();
    }
    const auto outcome = here.connect_to("good.test", server.port());
    here.link.reset();
    CHECK(server.problems().empty());
    if (shown) {
        CHECK(outcome);
        CHECK(seen == mine.certificate_pem);
    } else { // TLS 1.3 asks after the client's handshake is over: the refusal comes with the
             // upgrade
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::tls_failed));
        CHECK_FALSE(outcome.error().details.retryable);
    }
}

TEST_CASE("tls: a session is resumed within one configuration and with one server only",
          "[loopback][tls]") {
    const auto both =
        make_identity({"good.test", "also.test"}, std::chrono::hours(-1), std::chrono::hours(1));
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    CAPTURE(version);
    raw_server server(
        both.certificate_pem, both.key_pem, {serve_one_text},
        [version](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, version); });
    secure_wire here(both.ca_pem);
    const auto text_from = [&](const std::string& host) {
        REQUIRE(here.connect_to(host, server.port()));
        here.seen.texts.clear();
        REQUIRE(here.run(here.link->read()));
        return here.seen.texts.front();
    };
    CHECK(text_from("good.test") == "hello good.test");
    CHECK(text_from("good.test").ends_with(" again")); // a TLS 1.2 server has no name then
    CHECK(text_from("also.test") == "hello also.test");
    here.factory.reset(); // another configuration
    CHECK(text_from("good.test") == "hello good.test");
    CHECK(text_from("good.test").ends_with(" again")); // a TLS 1.2 server has no name then
}

TEST_CASE("tls: a session whose handshake failed is not offered again", "[loopback][tls]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION); // that of 1.3 is used once anyway
    CAPTURE(version);
    static int hellos;
    hellos = 0;
    raw_server server = good_server(serve_one_text, [version](SSL_CTX* context) {
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_client_hello_cb(
            context,
            [](SSL*, int* alert, void*) {
                *alert = SSL_AD_INTERNAL_ERROR;
                return ++hellos == 2 ? SSL_CLIENT_HELLO_ERROR : SSL_CLIENT_HELLO_SUCCESS;
            },
            nullptr);
    });
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    REQUIRE(here.run(here.link->read()));
    REQUIRE_FALSE(here.connect_to("good.test", server.port()));
    REQUIRE(here.connect_to("good.test", server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(2, "hello good.test"));
}

} // namespace tls_faults_test
