// The ticket over a network that fails: from real bytes to what the caller of the manager gets.

#include <parley/ticket_manager.hpp>

#include "support/ticket_exchange.hpp"
#include "testing/certificate.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace ticket_network_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using script = raw_server::script;

struct outcome {
    errc code;
    bool retryable;
};

void check(const started<ticket>& caller, const outcome& expected) {
    REQUIRE(caller.failed_with(expected.code));
    const auto why = caller.failure().value();
    CHECK(why.details.retryable == expected.retryable);
    CHECK(why.details.attempt == 1U);
    CHECK(why.details.phase != phase::none);
    CHECK(why.details.url.starts_with("http"));
    CHECK_THROWS_AS(caller.get(), ticket_error);
}

/// The first connection fails as scripted, and the next one, after the backoff, brings a ticket.
void check_retried(script failing) {
    ticket_exchange x;
    x.config.max_retries = 1;
    raw_server server({std::move(failing), answering(good_answer(*x.clock))});
    auto& tickets = x.manage(server);
    auto caller = start(x.io, tickets.get_valid_ticket());
    REQUIRE(x.until([&x] { return x.log.count(log_level::warning, "attempt 1 failed") == 1; }));
    CHECK_FALSE(tickets.is_valid());
    CHECK(server.connections() == 1);
    x.clock->advance(250ms); // half of the first bound
    REQUIRE(x.until([&caller] { return caller.done(); }));
    CHECK(value_of(caller) == "SENTINEL-TICKET");
    CHECK(server.connections() == 2);
    CHECK(x.ends());
}

} // namespace

TEST_CASE("ticket_manager: a refused connection is retried, and gives no ticket",
          "[loopback][ticket_manager][A1]") {
    ticket_exchange x;
    x.config.max_retries = 2;
    auto& tickets = x.manage("http://127.0.0.1:1");
    auto caller = start(x.io, tickets.get_valid_ticket());
    for (const char* failed : {"attempt 1 failed", "attempt 2 failed"}) {
        REQUIRE(x.until([&] { return x.log.count(log_level::warning, failed) == 1; }));
        CHECK_FALSE(caller.done());
        CHECK_FALSE(tickets.is_valid());
        REQUIRE(x.clock->advance_to_next());
    }
    REQUIRE(x.until([&] { return caller.done(); }));
    CHECK(caller.failed_with(errc::ticket_request_failed));
    const auto why = caller.failure().value();
    CHECK(why.details.phase == phase::tcp);
    CHECK(why.details.retryable);
    CHECK(why.details.attempt == 3U);
    CHECK_FALSE(tickets.is_valid());
    CHECK(tickets.snapshot().requests == 3);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a reset at any point of the exchange is retried",
          "[loopback][ticket_manager][A2]") {
    const std::string answer = http_text("200 OK", ticket_json(R"("T")", R"("2999-01-01T00:00Z")"));
    SECTION("before the request") {
        check_retried([](raw_peer& peer) { peer.reset(); });
    }
    SECTION("in the head of the request") {
        check_retried([](raw_peer& peer) {
            peer.read_through("x-oddle");
            peer.reset();
        });
    }
    SECTION("after the head of the request") {
        check_retried([](raw_peer& peer) {
            peer.read_head();
            peer.reset();
        });
    }
    SECTION("in the head of the answer") {
        check_retried([&answer](raw_peer& peer) {
            read_request(peer);
            peer.send(answer.substr(0, 20));
            peer.reset();
        });
    }
    SECTION("in the body of the answer") {
        check_retried([&answer](raw_peer& peer) {
            read_request(peer);
            peer.send(answer.substr(0, answer.size() - 1));
            peer.reset();
        });
    }
}

TEST_CASE("ticket_manager: an answer truncated at any byte gives no ticket",
          "[loopback][ticket_manager][A2]") {
    const bool with_reset = GENERATE(false, true);
    ticket_exchange x;
    const std::string answer = good_answer(*x.clock);
    std::vector<script> scripts;
    for (std::size_t said = 0; said < answer.size(); ++said)
        scripts.push_back([&answer, said, with_reset](raw_peer& peer) {
            read_request(peer);
            peer.send(answer.substr(0, said));
            if (with_reset) return peer.reset();
            peer.half_close();
            peer.hold();
        });
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    for (std::size_t said = 0; said < answer.size(); ++said) {
        CAPTURE(said);
        check(x.finish(tickets.get_valid_ticket()), {errc::ticket_request_failed, true});
        REQUIRE_FALSE(tickets.is_valid());
    }
    CHECK(server.connections() == answer.size());
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a silent address is abandoned at connect_timeout",
          "[loopback][ticket_manager][A1][C44]") {
    const black_hole silent;
    ticket_exchange x;
    auto& tickets = x.manage("http://" + std::string(black_hole::address) + ':' +
                             std::to_string(silent.port()));
    auto caller = start(x.io, tickets.get_valid_ticket());
    poll(x.io);
    x.clock->advance(4'999ms);
    poll(x.io);
    CHECK_FALSE(caller.done());
    x.clock->advance(1ms);
    REQUIRE(x.until([&caller] { return caller.done(); }));
    check(caller, {errc::ticket_request_failed, true});
    CHECK(caller.failure()->details.phase == phase::tcp);
    CHECK(caller.failure()->details.reason.find("no answer") != std::string::npos);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a server that never answers is abandoned at request_timeout, and its "
          "socket is closed",
          "[loopback][ticket_manager][A3]") {
    std::atomic<bool> asked = false;
    raw_server server([&asked](raw_peer& peer) {
        read_request(peer);
        asked = true;
        peer.hold(); // until the client has closed
    });
    ticket_exchange x;
    auto& tickets = x.manage(server);
    auto caller = start(x.io, tickets.get_valid_ticket());
    REQUIRE(x.until([&asked] { return asked.load(); }));
    x.clock->advance(9'999ms);
    poll(x.io);
    CHECK_FALSE(caller.done());
    x.clock->advance(1ms);
    REQUIRE(x.until([&caller] { return caller.done(); }));
    check(caller, {errc::ticket_timeout, true});
    CHECK(caller.failure()->details.phase == phase::ticket);
    CHECK(server.problems().empty()); // it has seen the end
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a byte each second does not keep the exchange alive",
          "[loopback][ticket_manager][A4]") {
    std::atomic<int> wanted = 0, sent = -1;
    std::atomic<bool> over = false;
    raw_server server([&](raw_peer& peer) {
        read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        sent = 0;
        while (!over) {
            if (sent < wanted) {
                peer.send("{");
                ++sent;
            }
            std::this_thread::yield();
        }
        peer.hold();
    });
    ticket_exchange x;
    auto& tickets = x.manage(server);
    auto caller = start(x.io, tickets.get_valid_ticket());
    REQUIRE(x.until([&sent] { return sent == 0; }));
    for (int second = 1; second < 10; ++second) {
        wanted = second;
        REQUIRE(x.until([&] { return sent == second; }));
        x.clock->advance(1s);
        poll(x.io);
        CHECK_FALSE(caller.done());
    }
    x.clock->advance(1s);
    const bool ended = x.until([&caller] { return caller.done(); });
    over = true;
    REQUIRE(ended);
    check(caller, {errc::ticket_timeout, true});
    CHECK(server.problems().empty());
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a redirect is never followed, wherever it points",
          "[loopback][ticket_manager][A14]") {
    const std::string status =
        GENERATE(as<std::string>(), "301 Moved Permanently", "302 Found", "303 See Other",
                 "307 Temporary Redirect", "308 Permanent Redirect", "300 Multiple Choices");
    CAPTURE(status);
    raw_server other([](raw_peer& peer) { peer.hold(); });
    const std::string elsewhere = "127.0.0.1:" + std::to_string(other.port());
    std::vector<std::string> targets{
        "http://" + elsewhere + "/api/v1/tickets", // another port
        "https://" + elsewhere + "/",              // another scheme
        "//" + elsewhere + "/x",
        "http://localhost:" + std::to_string(other.port()) + "/", // another host
        "file:///etc/passwd",
        "/api/v1/other",
        "other",
        "", // itself
    };
    std::vector<script> scripts;
    for (const auto& target : targets)
        scripts.push_back(answering(http_text(status, "{}", "Location: " + target + "\r\n")));
    ticket_exchange x;
    x.config.max_retries = 3;
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    for (unsigned n = 1; n <= targets.size(); ++n) {
        CAPTURE(targets.at(n - 1));
        const auto caller = x.finish(tickets.get_valid_ticket());
        check(caller, {errc::ticket_redirected, false});
        CHECK(caller.failure()->details.http_status == std::stoi(status));
        CHECK(server.connections() == n);
    }
    CHECK(other.connections() == 0);
    CHECK(server.problems().empty());
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: input that is not HTTP/1 is an error",
          "[loopback][ticket_manager][A20]") {
    struct row {
        const char* name;
        std::string bytes;
    };
    const std::vector<row> rows{
        {"HTTP/0.9", "<html>Hello</html>\r\n"},
        {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"an HTTP/2 SETTINGS frame", std::string("\0\0\0\4\0\0\0\0\0", 9)},
        {"an HTTP/2 status line", "HTTP/2 200 OK\r\n\r\n{}"},
        {"garbage", "\xff\xfe\x00\x01 garbage \r\n\r\n"},
        {"a TLS alert", "\x15\x03\x01\x00\x02\x02\x28"},
        {"a line without an end", "HTTP/1.1 200 " + std::string(17'000, 'x')},
        {"a NUL in a header", std::string("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", 27)},
        {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"},
        {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
        {"a length and chunks",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"a chunk's size that is none",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n"},
        {"a status that is none", "HTTP/1.1 abc OK\r\n\r\n"},
    };
    std::vector<script> scripts;
    for (const auto& each : rows)
        scripts.push_back(answering(each.bytes));
    ticket_exchange x;
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    for (const auto& each : rows) {
        CAPTURE(each.name);
        check(x.finish(tickets.get_valid_ticket()), {errc::ticket_malformed, false});
    }
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: an HTTP/1.0 answer is accepted", "[loopback][ticket_manager][A20]") {
    ticket_exchange x;
    raw_server server(
        answering("HTTP/1.0 200 OK\r\n\r\n" + ticket_json(R"("T")", R"("2999-01-01T00:00:00Z")")));
    CHECK(value_of(x.finish(x.manage(server).get_valid_ticket())) == "T");
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: plain HTTP in place of TLS is an error, and no request is sent",
          "[loopback][ticket_manager][A20]") {
    std::string heard;
    raw_server server([&heard](raw_peer& peer) {
        heard = peer.read_some();
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        heard += peer.hold();
    });
    ticket_exchange x;
    x.config.max_retries = 3;
    auto& tickets = x.manage("https://127.0.0.1:" + std::to_string(server.port()));
    const auto caller = x.finish(tickets.get_valid_ticket());
    check(caller, {errc::ticket_request_failed, false});
    CHECK(caller.failure()->details.phase == phase::tls);
    CHECK(server.problems().empty());
    CHECK(server.connections() == 1); // no downgrade
    CHECK(heard.find("SENTINEL") == std::string::npos);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: an interrupted TLS handshake is retried, an untrusted server is not",
          "[loopback][ticket_manager][A2]") {
    SECTION("interrupted") {
        raw_server server([](raw_peer& peer) {
            peer.read_some();
            peer.half_close();
            peer.hold();
        });
        ticket_exchange x;
        auto& tickets = x.manage("https://127.0.0.1:" + std::to_string(server.port()));
        const auto caller = x.finish(tickets.get_valid_ticket());
        check(caller, {errc::ticket_request_failed, true});
        CHECK(caller.failure()->details.phase == phase::tls);
        CHECK(x.ends());
    }
    SECTION("untrusted") {
        const auto identity = testing::make_identity({"127.0.0.1"}, -1h, 1h);
        bool heard = false;
        raw_server server(identity.certificate_pem, identity.key_pem,
                          {[&heard](raw_peer&) { heard = true; }});
        ticket_exchange x;
        x.config.max_retries = 3;
        auto& tickets = x.manage("https://127.0.0.1:" + std::to_string(server.port()));
        check(x.finish(tickets.get_valid_ticket()), {errc::ticket_certificate, false});
        CHECK(server.problems().empty());
        CHECK_FALSE(heard);
        CHECK(x.ends());
    }
}

TEST_CASE(
    "ticket_manager: any number of callers make one request, and a cancelled one leaves alone",
    "[loopback][ticket_manager][A25][A26][A27]") {
    std::atomic<bool> asked = false, answer = false;
    ticket_exchange x;
    raw_server server([&](raw_peer& peer) {
        read_request(peer);
        asked = true;
        while (!answer)
            std::this_thread::yield();
        peer.send(good_answer(*x.clock));
        peer.hold();
    });
    auto& tickets = x.manage(server);
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 10; ++i)
        callers.push_back(start(x.io, tickets.get_valid_ticket()));
    const bool came = x.until([&asked] { return asked.load(); });
    const bool all = GENERATE(false, true);
    for (std::size_t i = 0; i < (all ? callers.size() : 1); ++i) // the first started the refresh
        callers[i].cancel();
    const bool left = x.until([&] { return callers[0].done() && (!all || callers[9].done()); });
    answer = true;
    REQUIRE(came);
    REQUIRE(left);
    CHECK(callers[0].aborted());
    REQUIRE(x.until(
        [&tickets] { return tickets.is_valid(); })); // it is kept, although callers have left
    for (std::size_t i = 1; i < callers.size(); ++i) {
        REQUIRE(x.until([&] { return callers[i].done(); }));
        CHECK((all ? callers[i].aborted() : value_of(callers[i]) == "SENTINEL-TICKET"));
    }
    CHECK(value_of(x.finish(tickets.get_valid_ticket())) == "SENTINEL-TICKET");
    CHECK(server.connections() == 1);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a failure over HTTP reaches all callers, and the next call asks again",
          "[loopback][ticket_manager][A28]") {
    ticket_exchange x;
    raw_server server({answering(http_text("404 Not Found", R"({"error":"no such door"})")),
                       answering(good_answer(*x.clock))});
    auto& tickets = x.manage(server);
    std::vector<started<ticket>> callers;
    for (int i = 0; i < 10; ++i)
        callers.push_back(start(x.io, tickets.get_valid_ticket()));
    for (auto& caller : callers) {
        REQUIRE(x.until([&caller] { return caller.done(); }));
        check(caller, {errc::ticket_http_status, false});
        CHECK(caller.failure()->details.server_text == "no such door");
    }
    CHECK(server.connections() == 1);
    CHECK(value_of(x.finish(tickets.get_valid_ticket())) == "SENTINEL-TICKET");
    CHECK(x.ends());
}

} // namespace ticket_network_test
