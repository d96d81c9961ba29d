#include "loopback/secure_wire.hpp"

namespace tls_test {

using namespace parley;
using namespace parley::test;
using testing::make_identity;
using testing::server_identity;

namespace {

error_info refusal(const server_identity& identity, const std::string& ca_pem,
                   const std::string& host) {
    bool served = false;
    raw_server server(identity.certificate_pem, identity.key_pem,
                      {[&served](raw_peer& peer) { served = !peer.read_some().empty(); }});
    secure_wire here(ca_pem);
    const auto outcome = here.connect_to(host, server.port());
    REQUIRE_FALSE(outcome);
    here.link.reset();
    CHECK(server.problems().empty());
    CHECK_FALSE(served); // nothing was sent to the other server
    return outcome.error();
}

} // namespace

TEST_CASE("tls: a certificate of the given CA is trusted, and the name is sent",
          "[loopback][tls][D48]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem, {serve_one_text});
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(1, "hello good.test"));
    CHECK(here.seen.phases ==
          std::vector({phase::resolve, phase::tcp, phase::tls, phase::upgrade}));
}

TEST_CASE("tls: an address is verified as one, and not sent as a name", "[loopback][tls][D48]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem, {serve_one_text});
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("127.0.0.1", server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(1, "hello "));
}

TEST_CASE("tls: an untrusted certificate is rejected with the reason", "[loopback][tls][D47]") {
    const auto& good = good_identity();
    const auto stranger = refusal(good, {}, "good.test"); // only the system's authorities
    CHECK(stranger.is(errc::certificate_rejected));
    CHECK(stranger.details.phase == phase::tls);
    CHECK_FALSE(stranger.details.retryable);
    CHECK(stranger.details.reason == "certificate of an unknown authority");
    const auto forger = make_identity({"good.test"}, std::chrono::hours(-1), std::chrono::hours(1));
    CHECK(refusal(good, forger.ca_pem, "good.test").is(errc::certificate_rejected));

    CHECK(refusal(good, good.ca_pem, "other.test").details.reason == "hostname mismatch");
    const auto no_address =
        make_identity({"good.test"}, std::chrono::hours(-1), std::chrono::hours(1));
    CHECK(refusal(no_address, no_address.ca_pem, "127.0.0.1").details.reason ==
          "hostname mismatch");
    const auto expired =
        make_identity({"good.test"}, std::chrono::hours(-2), std::chrono::hours(-1));
    CHECK(refusal(expired, expired.ca_pem, "good.test").details.reason ==
          "certificate has expired");
    const auto early = make_identity({"good.test"}, std::chrono::hours(1), std::chrono::hours(2));
    CHECK(refusal(early, early.ca_pem, "good.test").details.reason ==
          "certificate is not yet valid");
    const auto nameless = make_identity({}, std::chrono::hours(-1), std::chrono::hours(1));
    CHECK(refusal(nameless, nameless.ca_pem, "good.test").details.reason == "hostname mismatch");
}

TEST_CASE("tls: a server without TLS is reported as one", "[loopback][tls][D54]") {
    raw_server server([](raw_peer& peer) {
        peer.read_some();
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.hold();
    });
    secure_wire here(good_identity().ca_pem);
    const auto outcome = here.connect_to("good.test", server.port());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::tls_failed));
    CHECK(outcome.error().details.reason == "the server does not speak TLS");
    CHECK_FALSE(outcome.error().details.retryable);
    CHECK(server.connections() == 1); // and not tried without TLS
}

TEST_CASE("tls: an interrupted handshake is retryable", "[loopback][tls][D49]") {
    const bool hard = GENERATE(true, false);
    raw_server server([hard](raw_peer& peer) {
        peer.read_some();
        if (hard) peer.reset();
    });
    secure_wire here(good_identity().ca_pem);
    const auto outcome = here.connect_to("good.test", server.port());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::tls_failed));
    CHECK(outcome.error().details.retryable);
}

TEST_CASE("tls: an abort ends a stalled handshake", "[loopback][tls][D50]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    secure_wire here(good_identity().ca_pem);
    auto attempt =
        start(here.strand, here.connecting("wss://good.test:" + std::to_string(server.port())));
    REQUIRE(here.until(
        [&here] { return !here.seen.phases.empty() && here.seen.phases.back() == phase::tls; }));
    here.link->abort();
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    CHECK(attempt.get().error().code == asio::error::operation_aborted);
    CHECK(here.drains());
}

TEST_CASE("tls: a second connection to the same server resumes the session", "[loopback][tls]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem, {serve_one_text});
    secure_wire here(good_identity().ca_pem);
    for (int count = 0; count < 3; ++count) {
        REQUIRE(here.connect_to("good.test", server.port()));
        REQUIRE(here.run(here.link->read()));
    }
    CHECK(here.seen.texts == std::vector<std::string>{"hello good.test", "hello good.test again",
                                                      "hello good.test again"});
    // Not under another name: that one was never verified.
    REQUIRE_FALSE(here.connect_to("other.test", server.port()));
}

TEST_CASE("tls: clients of equal settings do not resume each other's sessions", "[loopback][tls]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem, {serve_one_text});
    secure_wire one(good_identity().ca_pem);
    secure_wire other(good_identity().ca_pem);
    for (int count = 0; count < 2; ++count) {
        REQUIRE(one.connect_to("good.test", server.port()));
        REQUIRE(one.run(one.link->read()));
    }
    REQUIRE(other.connect_to("good.test", server.port()));
    REQUIRE(other.run(other.link->read()));
    CHECK(one.seen.texts.back() == "hello good.test again");
    CHECK(other.seen.texts.back() == "hello good.test");
}

TEST_CASE("tls: an end without close_notify is a broken connection", "[loopback][tls][D51]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem,
                      {[](raw_peer& peer) { peer.upgrade(); }});
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test", server.port()));
    const auto error = here.read_to_end();
    CHECK(error.is(errc::connection_reset));
    CHECK(error.details.retryable);
}

TEST_CASE("tls: large messages pass in both directions at once", "[loopback][tls]") {
    const std::string large(1'000'000, 'l');
    raw_server server(good_identity().certificate_pem, good_identity().key_pem,
                      {[&large](raw_peer& peer) {
                          peer.upgrade();
                          for (int count = 0; count < 3; ++count)
                              peer.send(server_frame(1, large));
                          for (int count = 0; count < 3; ++count)
                              if (peer.read_frame().payload.size() != large.size()) return;
                          peer.send(server_frame(1, "done"));
                          peer.hold();
                      }});
    secure_wire here(good_identity().ca_pem);
    here.config.compression = false;
    REQUIRE(here.connect_to("good.test", server.port()));
    const auto sent = here.link->write(large);
    REQUIRE(sent);
    auto flushing = start(here.strand, here.link->flush());
    while (here.seen.texts.size() < 3)
        REQUIRE(here.run(here.link->read()));
    REQUIRE(here.until([&flushing] { return flushing.done(); }));
    REQUIRE(flushing.get());
    for (int count = 0; count < 2; ++count)
        REQUIRE(here.write(large));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts.back() == "done");
}

} // namespace tls_test
