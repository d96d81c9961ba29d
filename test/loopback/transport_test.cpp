#include "loopback/secure_wire.hpp"
#include "net/dial.hpp"
#include "support/deflater.hpp"
#include "support/gated_lookups.hpp"
#include "support/manual_clock.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <vector>

namespace transport_test {

using namespace parley;
using namespace parley::test;

namespace {

/// Answers the upgrade with this, and says nothing more.
raw_server::script answering(std::string answer) {
    return [answer = std::move(answer)](raw_peer& peer) {
        peer.read_head();
        peer.send(answer);
        peer.hold();
    };
}

error_info refusal_of(const std::string& answer) {
    raw_server server(answering(answer));
    wire here;
    const auto outcome = here.connect(server.port());
    REQUIRE_FALSE(outcome);
    CHECK(server.problems().empty());
    CHECK_FALSE(tells_the_ticket(outcome.error()));
    return outcome.error();
}

error_info refusal_of_101(const std::string& more_headers) {
    raw_server server([more_headers](raw_peer& peer) {
        peer.upgrade(more_headers);
        peer.hold();
    });
    wire here;
    const auto outcome = here.connect(server.port());
    REQUIRE_FALSE(outcome);
    return outcome.error();
}

std::unique_ptr<raw_server> server_of(raw_server::script each, bool secure) {
    if (!secure) return std::make_unique<raw_server>(std::move(each));
    const auto& who = good_identity();
    return std::make_unique<raw_server>(who.certificate_pem, who.key_pem,
                                        std::vector<raw_server::script>(1, std::move(each)));
}

} // namespace

TEST_CASE("transport: a text is sent and its echo received", "[loopback][transport]") {
    std::string head;
    raw_server server([&head](raw_peer& peer) {
        head = peer.upgrade();
        const auto said = peer.read_frame();
        peer.send(server_frame(1, said.payload));
        peer.hold();
    });
    wire here;
    here.config.headers.push_back({"X-Extra", "value"});
    const auto server_host = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(here.connect("ws://" + server_host + "/base"));
    REQUIRE(here.write("{\"type\":\"x\"}"));
    REQUIRE(here.run(here.link->read()));

    CHECK(here.seen.texts == std::vector<std::string>(1, "{\"type\":\"x\"}"));
    CHECK(here.seen.phases == std::vector({phase::resolve, phase::tcp, phase::upgrade}));
    CHECK(here.seen.bytes > 12);
    here.link->abort();
    CHECK(server.problems().empty());
    CHECK(head.starts_with("GET /base/ws?ticket=sentinel-ticket HTTP/1.1\r\n"));
    CHECK(header_value(head, "Host") == server_host);
    CHECK(header_value(head, "User-Agent").starts_with("parley/"));
    CHECK(header_value(head, "X-Extra") == "value");
    CHECK(header_value(head, "Sec-WebSocket-Extensions").starts_with("permessage-deflate"));
}

TEST_CASE("transport: a frame is sent whole, or finished before any other",
          "[loopback][transport]") {
    const std::string large(32u << 20, 'l'); // more than the buffers of both ends take
    const bool given_up = GENERATE(false, true);
    CAPTURE(given_up);
    std::vector<raw_peer::frame> got;
    std::promise<void> jammed; // until then the peer does not read on
    raw_server server([&](raw_peer& peer) {
        peer.upgrade();
        got.push_back(peer.read_frame());
        peer.send(server_frame(9, "ping"));
        jammed.get_future().wait_for(std::chrono::seconds(20)); // bounded: a check above may throw
        if (given_up) return (void)peer.hold();
        for (int more = 0; more < 3; ++more)
            got.push_back(peer.read_frame());
        peer.send(server_frame(1, "all of it"));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    auto reading = start(here.strand, here.link->read());
    poll(here.io);
    const auto before = here.seen.bytes;
    CHECK(here.link->write("small").value());
    CHECK_FALSE(here.link->write(large).value());
    CHECK_FALSE(here.link->write("end").value()); // behind the other
    jammed.set_value();
    REQUIRE(here.until([&] { return here.seen.bytes > before; })); // the ping, to be answered
    if (given_up) {
        here.link->abort();
        REQUIRE(here.until([&reading] { return reading.done(); }));
        CHECK_FALSE(reading.get());
        CHECK_FALSE(here.run(here.link->flush()));
        CHECK_FALSE(here.write("too late"));
        CHECK(here.drains());
        return;
    }
    REQUIRE(here.run(here.link->flush()));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(here.seen.texts == std::vector<std::string>{"all of it"});
    here.link.reset();
    REQUIRE(server.problems().empty());
    CHECK(got[0].payload == "small");
    CHECK(got[1].payload == large);
    CHECK((got[1].masked && got[3].masked));
    CHECK((got[2].opcode == 10 || got[3].opcode == 10));
    CHECK((got[2].payload == "end" || got[3].payload == "end"));
}

TEST_CASE("transport: a message is compressed where that was negotiated", "[loopback][transport]") {
    const bool agreed = GENERATE(false, true);
    CAPTURE(agreed);
    std::vector<raw_peer::frame> got;
    raw_server server([&](raw_peer& peer) {
        peer.upgrade(agreed ? std::string_view(deflater::header) : "");
        for (int count = 0; count < 3; ++count)
            got.push_back(peer.read_frame());
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    for (int count = 0; count < 3; ++count)
        REQUIRE(here.write(std::string(300, 'x')));
    here.link.reset();
    REQUIRE(server.problems().empty());
    REQUIRE(got.size() == 3);
    for (const auto& each : got) {
        CHECK(each.opcode == 1);
        CHECK((each.fin && each.masked));
        CHECK(each.rsv1 == agreed);
        CHECK((each.payload == std::string(300, 'x')) == !agreed);
    }
    CHECK(got[0].key != got[1].key);
}

TEST_CASE("transport: a read returns with a whole message, or at the end",
          "[loopback][transport][tls]") {
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    const std::string frame = server_frame(1, "a text");
    const auto in_pieces = [&frame](raw_peer& peer) {
        peer.upgrade();
        for (const auto& piece : {frame.substr(0, 1), frame.substr(1), frame}) {
            peer.read_frame(); // the client is ready
            peer.send(piece);
        }
        peer.read_frame();
    };
    const auto server = server_of(in_pieces, secure);
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect((secure ? "wss://good.test:" : "ws://good.test:") +
                         std::to_string(server->port())));
    auto reading = start(here.strand, here.link->read());
    const auto before = here.seen.bytes;
    REQUIRE(here.write("ready"));
    REQUIRE(here.until([&] { return here.seen.bytes > before; }));
    CHECK_FALSE(reading.done());
    REQUIRE(here.write("ready"));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get());
    CHECK(here.seen.texts == std::vector<std::string>(1, "a text"));
    reading = start(here.strand, here.link->read());
    REQUIRE(here.write("ready"));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(here.seen.texts.size() == 2);
    reading = start(here.strand, here.link->read());
    REQUIRE(here.write("ready"));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get().error().is(errc::connection_reset));
    CHECK(here.seen.bytes >= 2 * frame.size());
    CHECK(server->problems().empty());
}

TEST_CASE("transport: a waiting read returns at the end", "[loopback][transport][tls]") {
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    const auto server = server_of(
        [](raw_peer& peer) {
            peer.upgrade();
            peer.read_frame();
        },
        secure);
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect((secure ? "wss://good.test:" : "ws://good.test:") +
                         std::to_string(server->port())));
    auto reading = start(here.strand, here.link->read());
    REQUIRE(here.write("ready"));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get().error().is(errc::connection_reset));
    CHECK(here.seen.texts.empty());
    here.link->abort();
}

TEST_CASE("transport: a read during our close goes on to the end", "[loopback][transport][tls]") {
    const bool secure = GENERATE(false, true);
    const bool answers = GENERATE(true, false);
    CAPTURE(secure, answers);
    const auto server = server_of(
        [answers](raw_peer& peer) {
            peer.upgrade();
            const auto close = peer.read_frame();
            peer.send(server_frame(1, "late") + server_frame(9, "late"));
            if (answers) peer.send(server_frame(8, close.payload));
            peer.hold();
        },
        secure);
    secure_wire here(good_identity().ca_pem);
    REQUIRE(here.connect((secure ? "wss://good.test:" : "ws://good.test:") +
                         std::to_string(server->port())));
    auto reading = start(here.strand, here.link->read());
    REQUIRE(here.close(1000));
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get());
    CHECK(here.seen.texts == std::vector<std::string>(1, "late"));
    reading = start(here.strand, here.link->read());
    if (!answers) here.link->abort();
    REQUIRE(here.until([&reading] { return reading.done(); }));
    const auto why = reading.get().error();
    if (answers)
        CHECK(why.details.close_code == 1000u);
    else
        CHECK(why.code == asio::error::operation_aborted);
    CHECK(here.drains());
    here.link.reset();
    CHECK(server->problems().empty());
}

TEST_CASE("transport: every frame is masked with a key of its own", "[loopback][transport]") {
    std::vector<std::string> keys;
    raw_server server([&keys](raw_peer& peer) {
        peer.upgrade();
        for (int count = 0; count < 4; ++count)
            keys.push_back(peer.read_frame().key);
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    for (int count = 0; count < 4; ++count)
        REQUIRE(here.write("same"));
    here.link->abort();
    CHECK(server.problems().empty());
    REQUIRE(keys.size() == 4);
    std::sort(keys.begin(), keys.end());
    CHECK(std::unique(keys.begin(), keys.end()) == keys.end());
}

TEST_CASE("transport: a refused upgrade reports its status and Retry-After",
          "[loopback][transport][B31][B32]") {
    const auto unauthorized = refusal_of("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    CHECK(unauthorized.is(errc::upgrade_failed));
    CHECK(unauthorized.details.http_status == 401);
    CHECK(unauthorized.details.phase == phase::upgrade);
    CHECK_FALSE(unauthorized.details.retryable);
    CHECK_FALSE(unauthorized.details.retry_after);

    // A body that is announced and never sent is not waited for.
    const auto busy = refusal_of("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n"
                                 "Content-Length: 100000\r\n\r\n");
    CHECK(busy.details.http_status == 503);
    CHECK(busy.details.retryable);
    CHECK(busy.details.retry_after == std::chrono::seconds(7));
}

TEST_CASE("transport: a redirect of the upgrade is not followed", "[loopback][transport][B33]") {
    raw_server other([](raw_peer& peer) { peer.hold(); });
    const auto moved = refusal_of(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:" + std::to_string(other.port()) +
        "/ws\r\nContent-Length: 0\r\n\r\n");
    CHECK(moved.details.http_status == 302);
    CHECK_FALSE(moved.details.retryable);
    CHECK(other.connections() == 0);
}

TEST_CASE("transport: an informational response before the 101 is skipped",
          "[loopback][transport]") {
    raw_server server([](raw_peer& peer) {
        const std::string head = peer.read_head();
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + accept_answer(head));
        peer.send(server_frame(1, "hello"));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>(1, "hello"));
}

TEST_CASE("transport: frames behind a large 101 in the same segment are not lost",
          "[loopback][transport]") {
    raw_server server([](raw_peer& peer) {
        const std::string head = peer.read_head();
        peer.send(accept_answer(head, "X-Fill: " + std::string(3000, 'f') + "\r\n") +
                  server_frame(1, std::string(2500, 'a')) + server_frame(1, "b"));
        peer.hold();
    });
    wire here;
    REQUIRE(here.connect(server.port()));
    while (here.seen.texts.size() < 2)
        REQUIRE(here.run(here.link->read()));
    CHECK(here.seen.texts == std::vector<std::string>{std::string(2500, 'a'), "b"});
}

TEST_CASE("transport: a 101 with a wrong answer is rejected", "[loopback][transport][B34]") {
    const std::vector<std::string> wrong{
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Extensions: x-unknown\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; x=1\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
    };
    for (const std::string& headers : wrong) {
        CAPTURE(headers);
        const auto refused = refusal_of_101(headers);
        CHECK(refused.is(errc::handshake_violation));
        CHECK(refused.details.phase == phase::upgrade);
    }
    CHECK(refusal_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\n\r\n")
              .is(errc::handshake_violation));
    CHECK(refusal_of("SSH-2.0-OpenSSH_9.2\r\n").is(errc::handshake_violation));
    CHECK(refusal_of("HTTP/1.1 101 X\r\nX: " + std::string(9000, 'x') + "\r\n\r\n")
              .is(errc::handshake_violation));
}

TEST_CASE("transport: a server that closes during the upgrade is retryable",
          "[loopback][transport][B35]") {
    const std::vector<std::string> beginnings{"", "HTTP/1.1 10", "HTTP/1.1 101 X\r\nUpgrade: web"};
    for (const std::string& beginning : beginnings) {
        CAPTURE(beginning);
        raw_server server([beginning](raw_peer& peer) {
            peer.read_head();
            peer.send(beginning);
        });
        wire here;
        const auto outcome = here.connect(server.port());
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is(errc::connection_reset));
        CHECK(outcome.error().details.retryable);
        CHECK(outcome.error().details.phase == phase::upgrade);
    }
}

TEST_CASE("transport: an abort ends a stalled upgrade", "[loopback][transport][B35]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    wire here;
    auto attempt =
        start(here.strand, here.connecting("ws://127.0.0.1:" + std::to_string(server.port())));
    REQUIRE(here.until([&here] {
        return !here.seen.phases.empty() && here.seen.phases.back() == phase::upgrade;
    }));
    here.link->abort();
    here.link->abort(); // again does nothing
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    REQUIRE_FALSE(attempt.get());
    CHECK(attempt.get().error().code == asio::error::operation_aborted);
    CHECK(here.drains());
}

TEST_CASE("transport: an abort ends a blocking lookup", "[loopback][transport][C41]") {
    gated_lookups lookups;
    wire here;
    here.names = std::make_shared<resolver>(lookups.function());
    auto attempt = start(here.strand, here.connecting("ws://blocked.test:1"));
    REQUIRE(here.until([&lookups] { return lookups.begun("blocked.test") == 1; }));
    here.link->abort();
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    CHECK(attempt.get().error().code == asio::error::operation_aborted);
    CHECK(here.drains()); // with the lookup still under way
}

TEST_CASE("transport: a blocking lookup ends at its deadline", "[loopback][transport][C41]") {
    gated_lookups lookups;
    wire here;
    here.names = std::make_shared<resolver>(lookups.function());
    here.config.resolve_timeout = std::chrono::milliseconds(30);
    const auto outcome = here.connect("ws://blocked.test:1");
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::resolve_timeout));
    CHECK(outcome.error().details.phase == phase::resolve);
    CHECK(outcome.error().details.retryable);
    CHECK(outcome.error().details.url == "ws://blocked.test:1/ws?ticket=…");
}

TEST_CASE("transport: a cancelled connect throws and leaves nothing", "[loopback][transport]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    wire here;
    auto attempt =
        start(here.strand, here.connecting("ws://127.0.0.1:" + std::to_string(server.port())));
    REQUIRE(here.until([&here] {
        return !here.seen.phases.empty() && here.seen.phases.back() == phase::upgrade;
    }));
    attempt.cancel();
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    CHECK(attempt.aborted());
    here.link.reset();
    CHECK(here.drains());
}

TEST_CASE("transport: a single silent address ends at its limit, an abort or a cancellation",
          "[loopback][transport][C44]") {
    enum class end { limit, abort, cancel };
    const auto by = GENERATE(end::limit, end::abort, end::cancel);
    CAPTURE(static_cast<int>(by));
    const black_hole silent;
    wire here;
    const auto time = std::make_shared<manual_clock>();
    here.clock = time;
    const auto address = std::string(black_hole::address) + ':' + std::to_string(silent.port());
    auto attempt = start(here.strand, here.connecting("ws://" + address));
    REQUIRE(here.until(
        [&here] { return !here.seen.phases.empty() && here.seen.phases.back() == phase::tcp; }));
    poll(here.io);
    time->advance(here.config.connect_timeout - std::chrono::milliseconds(1));
    poll(here.io);
    REQUIRE_FALSE(attempt.done());
    if (by == end::limit) time->advance(std::chrono::milliseconds(1));
    if (by == end::abort) here.link->abort();
    if (by == end::cancel) attempt.cancel();
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    CHECK(attempt.aborted() == (by == end::cancel));
    if (by != end::cancel) {
        REQUIRE_FALSE(attempt.get());
        const auto why = attempt.get().error();
        CHECK(why.details.phase == phase::tcp);
        CHECK(why.is(errc::connect_timeout) == (by == end::limit));
        CHECK((why.code == asio::error::operation_aborted) == (by == end::abort));
        CHECK((why.details.reason.find("no answer") != std::string::npos) == (by == end::limit));
    }
    here.link.reset();
    CHECK(here.drains());
}

TEST_CASE("transport: the second address answers while the first is silent",
          "[loopback][transport][C43]") {
    raw_server server([](raw_peer& peer) {
        peer.upgrade();
        peer.hold();
    });
    const black_hole silent;
    wire here;
    const asio::ip::tcp::endpoint hole(asio::ip::make_address(silent.address), silent.port());
    const asio::ip::tcp::endpoint good(asio::ip::make_address("127.0.0.1"), server.port());
    here.names = std::make_shared<resolver>([hole, good](const std::string&, std::uint16_t) {
        return lookup_answer(tcp_endpoints{hole, good});
    });
    const auto time = std::make_shared<manual_clock>();
    here.clock = time;
    auto attempt = start(here.strand, here.connecting("ws://two.test"));
    REQUIRE(here.until([&time] { return time->next_deadline().has_value(); }));
    REQUIRE(here.until(
        [&here] { return !here.seen.phases.empty() && here.seen.phases.back() == phase::tcp; }));
    poll(here.io);
    CHECK(server.connections() == 0);
    time->advance(dial_stagger);
    REQUIRE(here.until([&attempt] { return attempt.done(); }));
    CHECK(attempt.get());
}

TEST_CASE("transport: the next address follows a refused one at once",
          "[loopback][transport][C44]") {
    raw_server server([](raw_peer& peer) {
        peer.upgrade();
        peer.hold();
    });
    wire here;
    const asio::ip::tcp::endpoint good(asio::ip::make_address("127.0.0.1"), server.port());
    here.names = std::make_shared<resolver>([good](const std::string&, std::uint16_t) {
        tcp_endpoints all(8, {asio::ip::make_address("127.0.0.1"), 1});
        all.push_back(good);
        return lookup_answer(std::move(all));
    });
    REQUIRE(here.connect("ws://many.test"));

    here.names = std::make_shared<resolver>([](const std::string&, std::uint16_t) {
        return lookup_answer(tcp_endpoints(3, {asio::ip::make_address("127.0.0.1"), 1}));
    });
    here.factory.reset();
    const auto outcome = here.connect("ws://none.test:1");
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::connect_failed));
    CHECK(outcome.error().details.retryable);
    CHECK(outcome.error().message.find("refused") != std::string::npos);
}

TEST_CASE("transport: a name without an address is retryable", "[loopback][transport][C40]") {
    wire here;
    here.names = std::make_shared<resolver>(
        [](const std::string&, std::uint16_t) { return lookup_answer(-2); });
    const auto outcome = here.connect("ws://nowhere.test:1");
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().is(errc::resolve_failed));
    CHECK(outcome.error().details.retryable);
}

TEST_CASE("transport: the constructor throws for an invalid configuration",
          "[loopback][transport]") {
    connection_config config;
    config.headers.push_back({"X-Extra", "a\r\nEvil: secret"});
    try {
        real_environment()->make_transports(std::make_shared<const connection_config>(config));
        FAIL("accepted");
    } catch (const client_error& error) {
        CHECK(error.code() == make_error_code(errc::invalid_header));
        CHECK(error.message().find("X-Extra") != std::string::npos);
        CHECK(error.message().find("secret") == std::string::npos);
    }
    config.headers.clear();
    config.tls.ca_file = "/does/not/exist.pem";
    CHECK_THROWS_AS(
        real_environment()->make_http(std::make_shared<const connection_config>(config)),
        client_error);
}

} // namespace transport_test
