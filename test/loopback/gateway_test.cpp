// What stands between a client and its server says things that neither would.

#include <parley/chat_client.hpp>

#include "loopback/secure_wire.hpp"
#include "support/deflater.hpp"
#include "support/live.hpp"
#include "support/ticket_exchange.hpp"
#include "testing/frames.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gateway_test {

using namespace parley;
using namespace parley::test;

namespace {

std::string proxy_at(const raw_server& server) {
    return "http://127.0.0.1:" + std::to_string(server.port());
}

/// What a connect through a proxy comes to that says this, and then is the server.
result<void> through_proxy(std::string said) {
    raw_server proxy([said = std::move(said)](raw_peer& peer) {
        peer.read_head();
        peer.send(said);
        peer.upgrade();
        peer.hold();
    });
    wire here;
    here.config.proxy = proxy_at(proxy);
    return here.connect("ws://server.test");
}

/// What an upgrade comes to that is answered with a right 101, changed by `spell`.
template <class Spell>
result<void> answered(Spell spell) {
    raw_server server([spell](raw_peer& peer) {
        peer.send(spell(accept_answer(peer.read_head())));
        peer.hold();
    });
    wire here;
    return here.connect(server.port());
}

std::string with_line(std::string answer, const std::string& line) {
    return answer.insert(answer.find("\r\n") + 2, line);
}

} // namespace

TEST_CASE("gateway: interim responses of a proxy are skipped", "[loopback][gateway][O144]") {
    CHECK(through_proxy("HTTP/1.1 200 OK\r\n\r\n"));
    CHECK(through_proxy("HTTP/1.1 200\r\n\r\n"));
    CHECK(
        through_proxy("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));
    CHECK(through_proxy("HTTP/1.1 200 OK\r\nX: " + std::string(16'000, 'x') + "\r\n\r\n"));
    const auto bare = through_proxy("HTTP/1.1 200 OK\n");
    REQUIRE_FALSE(bare);
    CHECK(bare.error().is(errc::proxy_failed));
    CHECK(bare.error().details.reason == "a line of the answer ends in a bare line feed");
}

TEST_CASE("gateway: a proxy that asks for credentials leads to the setting for them",
          "[loopback][gateway]") {
    const std::string wants = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    raw_server proxy([&wants](raw_peer& peer) {
        peer.read_head();
        peer.send(wants);
        peer.hold();
    });
    wire here;
    here.config.proxy = proxy_at(proxy);
    const auto without = here.connect("ws://server.test");
    REQUIRE_FALSE(without);
    CHECK(without.error().details.http_status == 407);
    CHECK(without.error().details.reason ==
          "the proxy requires credentials: set connection_config::proxy to "
          "http://user:password@host:port");

    wire there;
    there.config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
    const auto with = there.connect("ws://server.test");
    REQUIRE_FALSE(with);
    CHECK(with.error().details.reason ==
          "the proxy does not accept the credentials of connection_config::proxy");
}

TEST_CASE("gateway: a dead or unknown proxy is named as the proxy", "[loopback][gateway]") {
    wire here;
    here.config.proxy = "http://127.0.0.1:1";
    const auto dead = here.connect("ws://server.test");
    REQUIRE_FALSE(dead);
    CHECK(dead.error().is(errc::connect_failed));
    CHECK(dead.error().message.starts_with("Could not connect to the proxy 127.0.0.1:1 ("));

    wire there;
    there.config.proxy = "http://proxy.test:8080";
    there.names = std::make_shared<resolver>(
        [](const std::string&, std::uint16_t) { return lookup_answer(EAI_NONAME); });
    const auto unknown = there.connect("ws://server.test");
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().is(errc::resolve_failed));
    CHECK(unknown.error().message.starts_with("The proxy proxy.test:8080 cannot be found: "));
}

TEST_CASE("gateway: a 101 is read in every valid spelling", "[loopback][gateway][O144]") {
    CHECK(answered([](std::string right) { return right; }));
    CHECK(answered([](std::string right) { return with_line(right, "X: a\r\n b\r\n"); }));
    CHECK(answered([](std::string right) {
        return with_line(right, "X: " + std::string(16'000, 'x') + "\r\n");
    }));
    CHECK(answered([](const std::string& right) {
        return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101" +
               right.substr(right.find("\r\n"));
    }));
}

TEST_CASE("gateway: a ticket's answer is read in every valid spelling",
          "[loopback][gateway][O144]") {
    const auto body = ticket_json(in_quotes("T"), in_quotes("2999-01-01T00:00:00Z"));
    const std::vector<std::string> answers{
        http_text("200 OK", body),
        http_text("200", body),
        http_text("200 OK", body, "X: a\r\n b\r\n"),
        http_text("200 OK", body, "Content-Encoding: utf-8\r\n"),
        http_text("200 OK", body, "Set-Cookie: c=" + std::string(16'000, 'c') + "\r\n"),
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + http_text("200 OK", body),
    };
    for (const auto& each : answers) {
        CAPTURE(each.substr(0, 60));
        ticket_exchange x;
        raw_server server(answering(each));
        const auto caller = x.finish(x.manage(server).get_valid_ticket());
        CHECK(value_of(caller) == "T");
        CHECK(x.ends());
    }
}

TEST_CASE("gateway: bare line feeds are reported at once", "[loopback][gateway][O144]") {
    const auto upgrade = answered([](std::string right) {
        for (auto at = right.find('\r'); at != std::string::npos; at = right.find('\r'))
            right.erase(at, 1);
        return right;
    });
    REQUIRE_FALSE(upgrade);
    CHECK(upgrade.error().is(errc::handshake_violation));
    CHECK(upgrade.error().details.reason == "a line of the answer ends in a bare line feed");

    ticket_exchange x;
    raw_server server([](raw_peer& peer) {
        read_request(peer);
        peer.send("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}");
        peer.hold();
    });
    const auto caller = x.finish(x.manage(server).get_valid_ticket());
    CHECK(caller.failed_with(errc::ticket_malformed));
    CHECK(caller.failure()->details.reason == "a line of the answer ends in a bare line feed");
    CHECK(x.ends());
}

TEST_CASE("gateway: a client window of 8 is accepted, and we do not compress",
          "[loopback][gateway][O144]") {
    struct row {
        const char* parameters;
        bool compresses;
    };
    for (const auto& each :
         {row{"", true}, row{"; server_max_window_bits=8", true},
          row{"; client_max_window_bits=9", true}, row{"; client_max_window_bits=8", false},
          row{"; client_max_window_bits=8; server_max_window_bits=8", false}}) {
        CAPTURE(each.parameters);
        raw_peer::frame heard;
        const std::string said(200, 'a');
        raw_server server([&](raw_peer& peer) {
            peer.upgrade("Sec-WebSocket-Extensions: permessage-deflate" +
                         std::string(each.parameters) + "\r\n");
            peer.send(deflater().message(said));
            heard = peer.read_frame();
            peer.send(server_frame(8, close_payload(1000)));
            peer.hold();
        });
        wire here;
        here.config.compression = true;
        REQUIRE(here.connect(server.port()));
        REQUIRE(here.run(here.link->read()));
        CHECK(here.seen.texts == std::vector<std::string>(1, said));
        REQUIRE(here.write(said));
        CHECK(here.read_to_end().is(errc::connection_closed));
        here.link.reset();
        CHECK(server.problems().empty());
        CHECK(heard.rsv1 == each.compresses);
        CHECK((heard.payload == said) != each.compresses);
    }
}

TEST_CASE("gateway: a name with a final dot is requested with it, and verified without",
          "[loopback][gateway][O144]") {
    std::string head;
    raw_server server(good_identity().certificate_pem, good_identity().key_pem,
                      {[&head](raw_peer& peer) {
                          head = peer.upgrade();
                          peer.send(server_frame(1, "hello " + peer.server_name()));
                          peer.hold();
                      }});
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect_to("good.test.", server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(1, "hello good.test"));
    CHECK(header_value(head, "Host") == "good.test.:" + std::to_string(server.port()));
}

TEST_CASE(
    "gateway: the cookies of the ticket's answer are sent with its upgrade, and shown nowhere",
    "[loopback][gateway][secrets]") {
    const std::string body =
        ticket_json(in_quotes("sentinel-ticket"), in_quotes("2999-01-01T00:00:00Z"));
    std::string upgrade;
    raw_server server({
        answering(http_text("200 OK", body,
                            "Set-Cookie: stick=sentinel-cookie; Path=/; HttpOnly\r\n"
                            "Set-Cookie: other=1; Path=/elsewhere\r\n"
                            "Set-Cookie: over=2; Secure\r\n"
                            "Set-Cookie: second=sentinel-second\r\n")),
        [&upgrade](raw_peer& peer) {
            upgrade = peer.upgrade();
            peer.send(server_frame(1, testing::frames::session_established()));
            peer.hold();
        },
    });
    log_capture log;
    live l;
    chat_client_config config;
    config.server_url = proxy_at(server);
    config.log = log.sink();
    config.log_threshold = log_level::debug;
    config.connection.reconnect.enabled = false;
    {
        chat_client client(l.io.get_executor(), config);
        l.run(client.init());
        l.run(client.disconnect());
    }
    CHECK(header_value(upgrade, "Cookie") == "stick=sentinel-cookie; second=sentinel-second");
    CHECK(log.text().find("sentinel") == std::string::npos);
}

TEST_CASE("gateway: a rejection that repeats a cookie is redacted",
          "[loopback][gateway][secrets]") {
    ticket_exchange x;
    raw_server server(answering(
        http_text("403 Forbidden", R"({"success":false,"error":"no sentinel-cookie","code":"NO"})",
                  "Set-Cookie: stick=sentinel-cookie\r\n")));
    const auto caller = x.finish(x.manage(server).get_valid_ticket());
    REQUIRE(caller.failed_with(errc::authentication_failed));
    CHECK(caller.failure()->details.from_server);
    CHECK(caller.failure()->details.server_text == "no ***");
    CHECK(x.ends());
}

} // namespace gateway_test
