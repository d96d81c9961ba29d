#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "loopback/secure_wire.hpp"
#include "net/network.hpp"
#include "support/gated_lookups.hpp"
#include "support/live.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace transport_faults_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

asio::ip::tcp::endpoint at(const char* address, std::uint16_t port) {
    return {asio::ip::make_address(address), port};
}

void accept_and_hold(raw_peer& peer) {
    peer.upgrade();
    peer.hold();
}

/// What a proxy does after its 200: both directions, until either ends.
void tunnel(raw_peer& client, std::uint16_t port) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(server, reinterpret_cast<::sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("the proxy cannot reach the server");
    std::thread back([&client, server] {
        std::array<char, 16384> chunk;
        for (;;) {
            const auto got = ::recv(server, chunk.data(), chunk.size(), 0);
            if (got <= 0) return;
            try {
                client.send(std::string_view(chunk.data(), static_cast<std::size_t>(got)));
            } catch (const std::exception&) {
                return; // the client has gone
            }
        }
    });
    try {
        for (std::string said = client.read_some(); !said.empty(); said = client.read_some())
            if (::send(server, said.data(), said.size(), MSG_NOSIGNAL) < 0) break;
    } catch (const std::exception&) {
        // Silence of the client's is no fault of a proxy's.
    }
    ::shutdown(server, SHUT_RDWR);
    back.join();
    ::close(server);
}

} // namespace

TEST_CASE("transport: the status of a refused upgrade says whether it is retryable",
          "[loopback][transport][B32][B33]") {
    struct row {
        int status;
        bool retryable;
    };
    constexpr std::array rows{
        row{301, false}, row{302, false}, row{307, false}, row{308, false}, row{400, false},
        row{401, false}, row{403, false}, row{404, false}, row{408, true},  row{410, false},
        row{425, true},  row{426, false}, row{429, true},  row{500, true},  row{502, true},
        row{503, true},  row{504, true},
    };
    for (const row& each : rows) {
        CAPTURE(each.status);
        raw_server elsewhere([](raw_peer& peer) { peer.hold(); });
        raw_server server([&](raw_peer& peer) {
            peer.read_head();
            peer.send("HTTP/1.1 " + std::to_string(each.status) +
                      " X\r\nLocation: http://127.0.0.1:" + std::to_string(elsewhere.port()) +
                      "/ws\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
            peer.hold();
        });
        wire here;
        const auto outcome = here.connect(server.port());
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::upgrade_failed));
        CHECK(outcome.error().details.http_status == each.status);
        CHECK(outcome.error().details.retryable == each.retryable);
        CHECK(outcome.error().details.retry_after == 3s);
        CHECK(elsewhere.connections() == 0);
        CHECK_FALSE(tells_the_ticket(outcome.error()));
    }
}

TEST_CASE("transport: the upgrade requests the right target and host",
          "[loopback][transport][B38][B39]") {
    struct row {
        std::string path;
        std::string target;
    };
    const std::vector<row> rows{
        {"", "/ws?ticket=sentinel-ticket"},
        {"/", "/ws?ticket=sentinel-ticket"},
        {"/p/", "/p/ws?ticket=sentinel-ticket"},
        {"/p/ws", "/p/ws?ticket=sentinel-ticket"},
        {"/p/ws?x=1", "/p/ws?x=1&ticket=sentinel-ticket"},
    };
    for (const row& each : rows) {
        CAPTURE(each.path);
        std::string head;
        raw_server server([&head](raw_peer& peer) {
            head = peer.upgrade();
            peer.hold();
        });
        wire here;
        here.names = std::make_shared<resolver>([](const std::string&, std::uint16_t port) {
            return lookup_answer(tcp_endpoints(1, at("127.0.0.1", port)));
        });
        const auto port = std::to_string(server.port());
        REQUIRE(here.connect("ws://Chat.Test:" + port + each.path));
        here.link.reset();
        CHECK(server.problems().empty());
        CHECK(head.starts_with("GET " + each.target + " HTTP/1.1\r\n"));
        CHECK(header_value(head, "Host") == "chat.test:" + port);
        CHECK(header_value(head, "Origin").empty());
        CHECK(header_value(head, "Referer").empty());
        CHECK(header_value(head, "Sec-WebSocket-Version") == "13");
        CHECK(header_value(head, "Sec-WebSocket-Key").size() == 24);
    }
}

TEST_CASE("transport: a configured origin is sent", "[loopback][transport][B39]") {
    std::string head;
    raw_server server([&head](raw_peer& peer) {
        head = peer.upgrade();
        peer.hold();
    });
    wire here;
    here.config.headers.push_back({"Origin", "https://app.test"});
    here.config.compression = false;
    REQUIRE(here.connect(server.port()));
    here.link.reset();
    CHECK(server.problems().empty());
    CHECK(header_value(head, "Origin") == "https://app.test");
    CHECK(header_value(head, "Sec-WebSocket-Extensions").empty()); // compression can be turned off
}

TEST_CASE("transport: the result of a lookup is classified", "[loopback][transport][C40]") {
    struct row {
        const char* what;
        lookup_answer answer;
    };
    const std::vector<row> rows{
        {"NXDOMAIN", lookup_answer(EAI_NONAME)},
        {"EAI_AGAIN", lookup_answer(EAI_AGAIN)},
        {"EAI_FAIL", lookup_answer(EAI_FAIL)},
        {"no address", lookup_answer(tcp_endpoints())},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        wire here;
        here.names = std::make_shared<resolver>(
            [&each](const std::string&, std::uint16_t) { return each.answer; });
        const auto outcome = here.connect("ws://nowhere.test:1");
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::resolve_failed));
        CHECK(outcome.error().details.phase == phase::resolve);
        CHECK(outcome.error().details.retryable);
        CHECK(outcome.error().message.find("nowhere.test") != std::string::npos);
        CHECK_FALSE(outcome.error().details.reason.empty());
    }
}

TEST_CASE("transport: every attempt repeats the lookup", "[loopback][transport][C46]") {
    raw_server first(accept_and_hold);
    raw_server second(accept_and_hold);
    wire here;
    auto now = std::make_shared<std::uint16_t>(first.port());
    here.names = std::make_shared<resolver>([now](const std::string&, std::uint16_t) {
        return lookup_answer(tcp_endpoints(1, at("127.0.0.1", *now)));
    });
    REQUIRE(here.connect("ws://moving.test"));
    CHECK(first.connections() == 1);
    *now = second.port();
    REQUIRE(here.connect("ws://moving.test"));
    CHECK(first.connections() == 1);
    CHECK(second.connections() == 1);
}

TEST_CASE("transport: many silent addresses share one limit", "[loopback][transport][C44]") {
    const black_hole silent;
    wire here;
    here.names = std::make_shared<resolver>([&silent](const std::string&, std::uint16_t) {
        return lookup_answer(tcp_endpoints(64, at(black_hole::address, silent.port())));
    });
    const auto time = std::make_shared<manual_clock>();
    here.clock = time;
    const auto began = time->now();
    auto attempt = start(here.strand, here.connecting("ws://many.test"));
    REQUIRE(here.until(
        [&here] { return !here.seen.phases.empty() && here.seen.phases.back() == phase::tcp; }));
    for (poll(here.io); !attempt.done() && time->next_deadline(); poll(here.io))
        time->advance_to_next();
    REQUIRE(attempt.done());
    REQUIRE_FALSE(attempt.get());
    CHECK(attempt.get().error().is(errc::connect_timeout));
    CHECK(attempt.get().error().details.phase == phase::tcp);
    CHECK(time->now() - began == 2 * here.config.connect_timeout);
    CHECK(here.drains());
}

TEST_CASE("network: a socket has TCP_NODELAY, and keep-alive without a heartbeat",
          "[loopback][transport]") {
    const auto heartbeat = GENERATE(std::chrono::milliseconds(0), std::chrono::milliseconds(1));
    CAPTURE(heartbeat.count());
    raw_server server(accept_and_hold);
    wire here;
    here.config.heartbeat.interval = heartbeat;
    const auto net = here.make_network();
    const auto to = std::make_shared<const server_url>(
        server_url::parse("ws://127.0.0.1:" + std::to_string(server.port()), false));
    asio::ip::tcp::socket socket(here.strand);
    const auto stop = std::make_shared<stop_signal>();
    REQUIRE(here.run(net->open(socket, to, stop, [](phase) {})));
    asio::ip::tcp::no_delay no_delay;
    asio::ip::tcp::socket::keep_alive keep_alive;
    socket.get_option(no_delay);
    socket.get_option(keep_alive);
    CHECK(no_delay.value());
    CHECK(keep_alive.value() == (heartbeat.count() == 0));
}

TEST_CASE("transport: TLS and the upgrade pass through a proxy's tunnel", "[loopback][transport]") {
    raw_server server(good_identity().certificate_pem, good_identity().key_pem, {serve_one_text});
    std::string request;
    raw_server proxy([&](raw_peer& client) {
        request = client.read_head();
        client.send("HTTP/1.1 200 Connection established\r\n\r\n");
        tunnel(client, server.port());
    });
    secure_wire here(good_identity().ca_pem);
    here.names = std::make_shared<resolver>(
        [](const std::string&, std::uint16_t) { return lookup_answer(EAI_NONAME); });
    here.config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
    REQUIRE(here.connect_to("good.test", server.port())); // a name that only the proxy knows
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(1, "hello good.test"));
    CHECK(here.seen.phases ==
          std::vector({phase::resolve, phase::tcp, phase::proxy, phase::tls, phase::upgrade}));
    here.link.reset();
    CHECK(proxy.problems().empty());
    CHECK(request.starts_with("CONNECT good.test:" + std::to_string(server.port()) + " HTTP/1.1"));
    CHECK(header_value(request, "Proxy-Authorization") == "Basic bWU6c2VudGluZWw=");
    CHECK(request.find("ticket") == std::string::npos);
}

TEST_CASE("transport: a proxy that stalls or refuses is named, without its credentials",
          "[loopback][transport]") {
    struct row {
        std::string answer;
        int status;
        bool retryable;
    };
    const std::vector<row> rows{
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407, false},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", 403, false},
        {"HTTP/1.1 503 Busy\r\n\r\n", 503, true},
        {"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 X", 0, false}, // speaks before it is spoken to
        {"HTTP/1.1 200 OK\r\n" + std::string(17'000, 'x'), 0, false},
    };
    for (const row& each : rows) {
        CAPTURE(each.answer);
        raw_server proxy([&each](raw_peer& peer) {
            peer.read_head();
            peer.send(each.answer);
            peer.hold();
        });
        wire here;
        here.config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
        const auto outcome = here.connect("ws://server.test");
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::proxy_failed));
        CHECK(outcome.error().details.phase == phase::proxy);
        CHECK(outcome.error().details.http_status.value_or(0) == each.status);
        CHECK(outcome.error().details.retryable == each.retryable);
        CHECK_FALSE(tells_the_ticket(outcome.error()));
    }
}

TEST_CASE("connecting: a silent proxy is abandoned at its deadline, and named",
          "[loopback][transport][B35]") {
    std::string asked;
    raw_server proxy([&asked](raw_peer& peer) { asked = peer.hold(); });
    live l;
    connection_config config;
    config.proxy = "http://me:sentinel@127.0.0.1:" + std::to_string(proxy.port());
    config.allow_plaintext = true;
    config.upgrade_timeout = std::chrono::milliseconds(100);

    SECTION("for the WebSocket") {
        websocket_manager manager(l.io.get_executor(), "ws://server.test", config);
        const auto connecting = start(
            l.io, manager.connect(ticket(secret("sentinel-ticket"), ticket::wall_time::max())));
        REQUIRE(l.until([&] { return connecting.done(); }));
        CHECK(connecting.failed_with(errc::proxy_failed));
        CHECK(connecting.failure()->details.phase == phase::proxy);
        CHECK(connecting.failure()->details.retryable);
        CHECK_FALSE(tells_the_ticket(*connecting.failure()));
    }
    SECTION("for a ticket") {
        ticket_config once;
        once.max_retries = 0;
        once.request_timeout = std::chrono::milliseconds(100);
        ticket_manager_options options;
        options.connection = config;
        ticket_manager manager(l.io.get_executor(), auth_data(), "ws://server.test", once, options);
        const auto asking = start(l.io, manager.get_valid_ticket());
        REQUIRE(l.until([&] { return asking.done(); }));
        CHECK(asking.failed_with(errc::ticket_timeout));
        CHECK(asking.failure()->details.phase == phase::proxy);
        CHECK(asking.failure()->details.retryable);
    }
    CHECK(l.drains());
    CHECK(proxy.problems().empty());
    CHECK(asked.starts_with("CONNECT server.test:80 HTTP/1.1\r\n"));
}

TEST_CASE("frames: data and closes after a close are ignored", "[loopback][frames][E65]") {
    const std::vector<std::string> endings{
        server_frame(8, close_payload(1001)) + server_frame(1, "late"),
        server_frame(8, close_payload(1001)) + server_frame(8, close_payload(1002)),
        server_frame(1, "cut", false) + server_frame(8, close_payload(1001)) +
            server_frame(0, " off"),
    };
    for (const std::string& bytes : endings) {
        CAPTURE(bytes);
        std::string answer;
        raw_server server([&](raw_peer& peer) {
            peer.upgrade();
            peer.send(bytes);
            answer = peer.hold();
        });
        wire here;
        REQUIRE(here.connect(server.port()));
        const auto error = here.read_to_end();
        CHECK(error.is(errc::connection_closed));
        CHECK(error.details.close_code == 1001u);
        CHECK(here.seen.closes == 1);
        CHECK(here.seen.texts.empty());
        here.link.reset();
        CHECK(server.problems().empty());
        CHECK(answer.size() == 8); // one close of ours and nothing else
    }
}

TEST_CASE("frames: unanswered pings do not accumulate", "[loopback][frames][E59]") {
    const std::string ping = server_frame(9, std::string(125, 'p'));
    raw_server server([&ping](raw_peer& peer) {
        peer.upgrade();
        std::string many;
        for (int count = 0; count < 900; ++count)
            many += ping;
        try { // more than all buffers hold: it blocks, as the client must not read on
            for (int count = 0; count < 200; ++count)
                peer.send(many);
        } catch (const std::exception&) {
            return; // the client refused to go on
        }
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    const auto error = here.read_to_end();
    CHECK(error.is(errc::protocol_violation));
    CHECK(error.details.close_code == 1008u);
    CHECK(here.seen.bytes < 1'000'000);
}

TEST_CASE("frames: a reset after any byte of a session keeps the complete frames",
          "[loopback][frames][E66]") {
    const std::string session = server_frame(1, "first") + server_frame(9, "ping") +
                                server_frame(1, "fr", false) + server_frame(10, "") +
                                server_frame(0, "ag") + server_frame(2, "bin") +
                                server_frame(1, std::string(200, 'l'));
    const bool hard = GENERATE(true, false);
    CAPTURE(hard);
    const std::size_t first = server_frame(1, "first").size();
    const std::size_t fragments = session.size() - server_frame(1, std::string(200, 'l')).size() -
                                  server_frame(2, "bin").size();
    for (std::size_t offset = 0; offset <= session.size(); ++offset) {
        CAPTURE(offset);
        raw_server server([&](raw_peer& peer) {
            peer.upgrade();
            peer.read_frame();
            peer.send(std::string_view(session).substr(0, offset));
            while (peer.read_frame().opcode != 1) { // then the client has read all of that
            }
            if (hard) peer.reset();
        });
        wire here;
        REQUIRE(here.connect(server.port()));
        auto reading = start(here.strand, [](wire& of) -> awaitable<error_info> {
            for (;;) {
                const auto outcome = co_await of.link->read();
                if (!outcome) co_return outcome.error();
            }
        }(here));
        const auto head = here.seen.bytes;
        REQUIRE(here.write("begin"));
        REQUIRE(here.until([&] { return here.seen.bytes - head >= offset; }));
        (void)here.write("now");
        REQUIRE(here.until([&reading] { return reading.done(); }));
        CHECK(reading.get().is(errc::connection_reset));
        CHECK(reading.get().details.retryable);
        const std::size_t whole = offset >= session.size() ? 3
                                  : offset >= fragments    ? 2
                                  : offset >= first        ? 1
                                                           : 0;
        CHECK(here.seen.texts.size() == whole);
    }
}

TEST_CASE("frames: invalid compression ends the session", "[loopback][frames][E61][E62]") {
    const std::string with_deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    const std::string bad_stored("\x00\x05\x00\x00\x00hello", 10);
    const std::string back_reference("\x02\x02\x00", 3); // nothing before it to refer to
    struct row {
        const char* what;
        std::string payload;
    };
    const std::vector<row> rows{
        {"a stored block whose lengths disagree", bad_stored},
        {"a reference to before the beginning", back_reference},
        {"a block of a kind that is not", std::string("\x07", 1)},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        raw_server server([&](raw_peer& peer) {
            peer.upgrade(with_deflate);
            peer.send(server_frame(1, each.payload, true, true));
            peer.hold();
        });
        wire here;
        REQUIRE(here.connect(server.port()));
        const auto error = here.read_to_end();
        CHECK(error.is(errc::protocol_violation));
        CHECK((error.details.close_code == 1007u || error.details.close_code == 1002u));
        CHECK(here.seen.texts.empty());
    }
}

TEST_CASE("frames: short compressed data is inflated", "[loopback][frames][E62]") {
    // RFC 7692 section 7.2.3: one block, two blocks, no compression, nothing at all.
    struct row {
        std::string payload;
        std::string text;
    };
    const std::vector<row> rows{
        {std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), "Hello"},
        {std::string("\x00\x05\x00\xfa\xffHello\x00", 11), "Hello"},
        {std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13), "Hello"},
        {std::string("\x00", 1), ""},
        {std::string("\x02\x00", 2), ""},
        {std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), "Hello"}, // section 7.2.3.4: BFINAL
    };
    for (const row& each : rows) {
        CAPTURE(each.payload);
        raw_server server([&](raw_peer& peer) {
            peer.upgrade("Sec-WebSocket-Extensions: permessage-deflate; "
                         "server_no_context_takeover\r\n");
            peer.send(server_frame(1, each.payload, true, true) + server_frame(1, "plain") +
                      server_frame(1, each.payload, true, true));
            peer.hold();
        });
        wire here;
        REQUIRE(here.connect(server.port()));
        while (here.seen.texts.size() < 3)
            REQUIRE(here.run(here.link->read()));
        CHECK(here.seen.texts == std::vector<std::string>{each.text, "plain", each.text});
    }
}

} // namespace transport_faults_test
