#include "http/http_client.hpp"
#include "http/http_exchange.hpp"
#include "support/gated_lookups.hpp"
#include "support/raw_server.hpp"
#include "support/ticket_exchange.hpp"
#include "support/wire_fixture.hpp"
#include "testing/certificate.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <memory>

namespace http_test {

using namespace parley;
using namespace parley::test;

namespace {

const std::string path = "/api/v1/tickets";

/// A wire that asks over HTTP.
class asking : public wire {
public:
    awaitable<result<http_response>> sending(const std::string& url,
                                             std::chrono::milliseconds within = patience) {
        if (!client) client = make_http_client(make_network());
        const auto request =
            std::make_shared<http_request>(http_method::post, server_url::parse(url, true), path,
                                           R"({"a":"sentinel-body"})", after(clock->now(), within));
        request->headers.emplace_back("x-oddle-mp-auth-token", "sentinel-token");
        return client->send(strand, request);
    }

    result<http_response> ask(const std::string& url) { return run(sending(url)); }
    result<http_response> ask(std::uint16_t port) {
        return ask("http://127.0.0.1:" + std::to_string(port));
    }

    std::shared_ptr<http_client> client;
};

/// Hears every type of cancellation; by default a coroutine hears terminal only.
awaitable<result<http_response>> attentive(awaitable<result<http_response>> operation) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_return co_await std::move(operation);
}

/// What comes of an answer after which the server hangs up, or stays when `stays`.
result<http_response> answer(const std::string& bytes, bool stays = false) {
    raw_server server([&bytes, stays](raw_peer& peer) {
        read_request(peer);
        peer.send(bytes);
        if (stays) {
            peer.hold();
        } else {
            peer.half_close();
            peer.hold();
        }
    });
    asking here;
    return here.ask(server.port());
}

void check_malformed(const std::string& bytes) {
    CAPTURE(bytes.substr(0, 100));
    const auto outcome = answer(bytes);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::protocol_violation));
    CHECK(outcome.error().details.phase == phase::none);
    CHECK_FALSE(outcome.error().details.retryable);
    CHECK_FALSE(tells_the_ticket(outcome.error()));
}

void check_broken(const std::string& bytes) {
    CAPTURE(bytes);
    const auto outcome = answer(bytes);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::connection_reset));
    CHECK(outcome.error().details.retryable);
}

} // namespace

TEST_CASE("http: the request matches the protocol", "[loopback][http]") {
    std::string said;
    raw_server server([&said](raw_peer& peer) {
        said = read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sun, 22 Nov 2026 19:00:00 GMT\r\n"
                  "Retry-After: 3\r\n\r\n{}");
        peer.hold();
    });
    asking here;
    here.config.user_agent = "service/1";
    here.config.headers.push_back({"X-Extra", "value"});
    const auto outcome = here.ask("http://127.0.0.1:" + std::to_string(server.port()) + "/base");
    REQUIRE(outcome);
    CHECK(outcome->status == 200);
    CHECK(outcome->body == "{}");
    CHECK(outcome->date == "Sun, 22 Nov 2026 19:00:00 GMT");
    CHECK(outcome->retry_after == "3");
    CHECK(server.problems().empty());
    CHECK(said.starts_with("POST /base/api/v1/tickets HTTP/1.1\r\n"));
    CHECK(said.ends_with("\r\n\r\n{\"a\":\"sentinel-body\"}"));
    CHECK(header_value(said, "Host") == "127.0.0.1:" + std::to_string(server.port()));
    CHECK(header_value(said, "User-Agent") == "service/1");
    CHECK(header_value(said, "Content-Type") == "application/json");
    CHECK(header_value(said, "Connection") == "close");
    CHECK(header_value(said, "x-oddle-mp-auth-token") == "sentinel-token");
    CHECK(header_value(said, "X-Extra") == "value");
    CHECK(header_value(said, "Accept-Encoding").empty());
}

TEST_CASE("http: every status is an answer, and redirects are not followed",
          "[loopback][http][A14]") {
    raw_server other([](raw_peer& peer) { peer.hold(); });
    const auto moved = answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:" +
                              std::to_string(other.port()) + "/\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(moved);
    CHECK(moved->status == 307);
    CHECK(other.connections() == 0);
    CHECK(answer("HTTP/1.1 204 No Content\r\n\r\n")->status == 204);
    CHECK(answer("HTTP/1.0 500 Oops\r\n\r\nsorry")->body == "sorry");
    CHECK(answer("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", true)->body == "busy");
}

TEST_CASE("http: chunks are joined, and informational responses skipped", "[loopback][http]") {
    const auto outcome = answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "2\r\n{\"\r\n4\r\na\":1\r\n1\r\n}\r\n0\r\n\r\n",
                                true);
    REQUIRE(outcome);
    CHECK(outcome->status == 200);
    CHECK(outcome->body == "{\"a\":1}");
}

TEST_CASE("http: an answer that is not valid is malformed", "[loopback][http][A19][A20]") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    check_malformed("hello\n");
    check_malformed("\x15\x03\x01\x00\x02\x02\x28");
    check_malformed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    check_malformed(ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    check_malformed(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    check_malformed(ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}");
    check_malformed(ok + "Content-Length: x\r\n\r\n{}");
    check_malformed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
    std::string informational;
    for (int count = 0; count < 20; ++count)
        informational += "HTTP/1.1 102 Processing\r\n\r\n";
    check_malformed(informational);
}

TEST_CASE("http: an answer beyond the limits is malformed", "[loopback][http][A16][A17][A18]") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    check_malformed(ok + "Content-Length: 65537\r\n\r\n" + std::string(65537, 'x'));
    check_malformed(ok + "\r\n" + std::string(100'000, 'x'));
    check_malformed(ok + "Transfer-Encoding: chunked\r\n\r\n" + "186A0\r\n" +
                    std::string(100'000, 'x') + "\r\n0\r\n\r\n");
    check_malformed(ok + "X: " + std::string(17'000, 'x') + "\r\n\r\n");
    check_malformed(ok + "Transfer-Encoding: chunked\r\n\r\n2;" + std::string(200'000, 'x'));
    check_malformed(ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(200'000, 'x'));
    CHECK(answer(ok + "Content-Length: 65536\r\n\r\n" + std::string(65536, 'x')));
}

TEST_CASE("http: a truncated answer is retryable", "[loopback][http][A2]") {
    check_broken("");
    check_broken("HTTP/1.1 20");
    check_broken("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
    check_broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{");

    raw_server server([](raw_peer& peer) {
        read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
        peer.reset();
    });
    asking here;
    const auto outcome = here.ask(server.port());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::connection_reset));
}

TEST_CASE("http: a refused connection is retryable, and its error names the address",
          "[loopback][http][A1]") {
    asking here;
    const auto outcome = here.ask("http://127.0.0.1:1");
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::connect_failed));
    CHECK(outcome.error().details.phase == phase::tcp);
    CHECK(outcome.error().details.retryable);
    CHECK(outcome.error().details.url == "http://127.0.0.1:1/api/v1/tickets");
    CHECK(outcome.error().message.find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("http: silence and a slow answer end at the deadline", "[loopback][http][A3][A4]") {
    const std::string said = GENERATE(as<std::string>(), "", "HTTP/1.1 200 OK\r\nContent-Le",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
    CAPTURE(said);
    std::atomic<bool> asked = false;
    raw_server server([&said, &asked](raw_peer& peer) {
        read_request(peer);
        peer.send(said);
        asked = true;
        peer.hold();
    });
    asking here;
    const auto time = std::make_shared<manual_clock>();
    here.clock = time;
    const auto url = "http://127.0.0.1:" + std::to_string(server.port());
    auto sent = start(here.strand, here.sending(url, std::chrono::seconds(10)));
    REQUIRE(here.until([&asked] { return asked.load(); }));
    for (int second = 0; second < 10; ++second) {
        REQUIRE_FALSE(sent.done());
        time->advance(std::chrono::seconds(1));
        poll(here.io);
    }
    REQUIRE(here.until([&sent] { return sent.done(); }));
    const auto outcome = sent.get();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::timed_out));
    CHECK(outcome.error().details.retryable);
    CHECK(outcome.error().details.phase == phase::none);
    CHECK(here.drains());
    CHECK(server.problems().empty());
}

TEST_CASE("http: a slow lookup, tunnel or handshake ends at the deadline", "[loopback][http][A3]") {
    const phase step = GENERATE(phase::resolve, phase::proxy, phase::tls);
    CAPTURE(to_string(step));
    raw_server server([](raw_peer& peer) { peer.hold(); });
    gated_lookups names;
    asking here;
    here.config.resolve_timeout = std::chrono::minutes(1);
    here.names = std::make_shared<resolver>(names.function());
    const auto time = std::make_shared<manual_clock>();
    here.clock = time;
    const std::string place = "127.0.0.1:" + std::to_string(server.port());
    if (step == phase::proxy) here.config.proxy = "http://" + place;
    auto sent = start(here.strand,
                      here.sending(step == phase::tls ? "https://" + place : "http://server.test",
                                   std::chrono::seconds(10)));
    if (step != phase::resolve)
        REQUIRE(here.until([&server] { return server.connections() == 1; }));
    poll(here.io);
    time->advance(std::chrono::milliseconds(9'999));
    poll(here.io);
    CHECK_FALSE(sent.done());
    time->advance(std::chrono::milliseconds(1));
    REQUIRE(here.until([&sent] { return sent.done(); }));
    const auto outcome = sent.get();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::timed_out));
    CHECK(outcome.error().details.phase == step);
    CHECK(here.drains());
    CHECK(server.problems().empty());
}

TEST_CASE("http: a cancelled request throws and closes its connection", "[loopback][http][A30]") {
    raw_server server([](raw_peer& peer) { peer.hold(); }); // until the client has closed
    asking here;
    auto sent =
        start(here.strand, here.sending("http://127.0.0.1:" + std::to_string(server.port())));
    REQUIRE(here.until([&server] { return server.connections() == 1; }));
    sent.cancel();
    REQUIRE(here.until([&sent] { return sent.done(); }));
    CHECK(sent.aborted());
    CHECK(here.drains());
    CHECK(server.problems().empty());
}

TEST_CASE("http: a request cancelled at any step has ended when it completes",
          "[loopback][http][A30]") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    const bool tls = GENERATE(false, true);
    const auto identity =
        testing::make_identity({"127.0.0.1"}, std::chrono::hours(-1), std::chrono::hours(1));
    const raw_server::script answers = [](raw_peer& peer) {
        read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        peer.hold();
    };
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        CAPTURE(n, tls, static_cast<int>(type));
        REQUIRE(n < 200);
        auto server = tls ? std::make_unique<raw_server>(identity.certificate_pem, identity.key_pem,
                                                         std::vector{answers})
                          : std::make_unique<raw_server>(answers);
        asking here;
        here.config.tls.ca_pem = identity.ca_pem;
        auto net = here.make_network();
        const std::weak_ptr<network> kept = net;
        here.client = make_http_client(std::move(net));
        const auto url =
            (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server->port());
        auto sent = start(here.strand, attentive(here.sending(url)));
        for (int i = 0; i < n && !sent.done(); ++i)
            here.io.run_one_for(wire::patience);
        finished = sent.done();
        sent.cancel(type);
        REQUIRE(here.until([&sent] { return sent.done(); }));
        CHECK((sent.aborted() || (!sent.failed() && sent.get())));
        here.client.reset();
        CHECK(kept.expired());
        CHECK(here.drains());
    }
}

TEST_CASE("http: destroying the context destroys a request", "[loopback][http]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    {
        asking here;
        const auto sent =
            start(here.strand, here.sending("http://127.0.0.1:" + std::to_string(server.port())));
        REQUIRE(here.until([&server] { return server.connections() == 1; }));
    }
    CHECK(server.problems().empty());
}

TEST_CASE("http: over TLS the server is verified first", "[loopback][http]") {
    const auto identity =
        testing::make_identity({"127.0.0.1"}, std::chrono::hours(-1), std::chrono::hours(1));
    bool heard = false;
    raw_server server(identity.certificate_pem, identity.key_pem, {[&heard](raw_peer& peer) {
                          heard = true;
                          read_request(peer);
                          peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
                          peer.hold();
                      }});
    const auto url = "https://127.0.0.1:" + std::to_string(server.port());
    asking trusting;
    trusting.config.tls.ca_pem = identity.ca_pem;
    const auto answered = trusting.ask(url);
    REQUIRE(answered);
    CHECK(answered->body == "{}");
    CHECK(heard);

    heard = false;
    asking careful;
    const auto refused = careful.ask(url);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(errc::certificate_rejected));
    CHECK_FALSE(refused.error().details.retryable);
    CHECK(server.problems().empty());
    CHECK_FALSE(heard);
}

TEST_CASE("http: over TLS an end without close_notify is a truncated answer", "[loopback][http]") {
    const auto identity =
        testing::make_identity({"127.0.0.1"}, std::chrono::hours(-1), std::chrono::hours(1));
    const std::string said =
        GENERATE(as<std::string>(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
                 "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}");
    raw_server server(identity.certificate_pem, identity.key_pem, {[&said](raw_peer& peer) {
                          read_request(peer);
                          peer.send(said);
                      }});
    asking here;
    here.config.tls.ca_pem = identity.ca_pem;
    const auto outcome = here.ask("https://127.0.0.1:" + std::to_string(server.port()));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::connection_reset));
    CHECK(outcome.error().details.retryable);
}

TEST_CASE("http: a proxy gets a tunnel request with its credentials", "[loopback][http]") {
    std::string tunnel;
    std::string said;
    raw_server proxy([&tunnel, &said](raw_peer& peer) {
        tunnel = peer.read_head();
        peer.send("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n");
        said = read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        peer.hold();
    });
    asking here;
    here.config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
    REQUIRE(here.ask("http://server.test:81/base")); // a name that only the proxy knows
    CHECK(proxy.problems().empty());
    CHECK(tunnel.starts_with("CONNECT server.test:81 HTTP/1.1\r\nHost: server.test:81\r\n"));
    CHECK(header_value(tunnel, "Proxy-Authorization") == "Basic bWU6c2VudGluZWw=");
    CHECK(said.starts_with("POST /base/api/v1/tickets HTTP/1.1\r\n"));
    CHECK(header_value(said, "Proxy-Authorization").empty());
}

TEST_CASE("http: the error of a proxy names it", "[loopback][http]") {
    const auto refused = [](const std::string& answer) {
        raw_server proxy([&answer](raw_peer& peer) {
            peer.read_head();
            peer.send(answer);
            peer.half_close();
            peer.hold();
        });
        asking here;
        here.config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
        const auto outcome = here.ask("https://server.test");
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::proxy_failed));
        CHECK(outcome.error().details.phase == phase::proxy);
        CHECK_FALSE(tells_the_ticket(outcome.error()));
        return outcome.error();
    };
    const auto credentials =
        refused("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    CHECK(credentials.details.http_status == 407);
    CHECK_FALSE(credentials.details.retryable);
    CHECK(refused("HTTP/1.1 502 Bad Gateway\r\n\r\n").details.retryable);
    CHECK_FALSE(refused("garbage\r\n\r\n").details.retryable);
    CHECK_FALSE(refused("HTTP/1.1 200 OK\r\n\r\nsurplus").details.retryable);
    CHECK(refused("HTTP/1.1 200").details.retryable);
}

} // namespace http_test
