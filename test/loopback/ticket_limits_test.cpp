// Answers without an end, and with too much of everything: they are given up, and memory stays
// flat.

#include <parley/ticket_manager.hpp>

#include "support/ticket_exchange.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace ticket_limits_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

/// What one exchange may take: its buffer, its body, TLS aside. And what a server may say until it
/// is given up: that and what the kernel's buffers hold on both sides.
constexpr std::size_t most_memory = 1u << 20;

struct flood {
    const char* name;
    std::string begin;
    std::string more; ///< again and again, until the client has closed
};

/// Says `begin`, and then `more` as long as anybody listens or up to 100 MB.
raw_server::script flooding(const flood& how) {
    return [&how](raw_peer& peer) {
        read_request(peer);
        try {
            peer.send(how.begin);
            for (std::size_t sent = 0; sent < 100'000'000; sent += how.more.size())
                peer.send(how.more);
            throw std::logic_error("the client has taken in 100 MB");
        } catch (const std::runtime_error&) {
            // That is what is wanted: it has closed.
        }
    };
}

void check_flood(const flood& how) {
    CAPTURE(how.name);
    ticket_exchange x;
    raw_server server(flooding(how));
    auto& tickets = x.manage(server);
    const auto before = x.memory();
    const auto caller = x.finish(tickets.get_valid_ticket());
    CHECK(x.most_memory() < before + most_memory);
    CHECK(caller.failed_with(errc::ticket_malformed));
    CHECK_FALSE(caller.failure()->details.retryable);
    CHECK_FALSE(tickets.is_valid());
    CHECK(x.ends());
    CHECK(server.problems().empty());
}

std::string repeated(std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i)
        all += text;
    return all;
}

} // namespace

TEST_CASE("ticket_manager: an endless body is abandoned at 64 KiB",
          "[loopback][ticket_manager][A16]") {
    const std::string block(16'384, 'x');
    check_flood({"65 KiB and 1", ok + "Content-Length: 66561\r\n\r\n", block});
    check_flood({"100 MB", ok + "Content-Length: 100000000\r\n\r\n", block});
    check_flood(
        {"a length beyond 64 bits", ok + "Content-Length: 99999999999999999999\r\n\r\n", block});
    check_flood({"chunks without an end", chunked, "4000\r\n" + block + "\r\n"});
    check_flood({"tiny chunks without an end", chunked, repeated("1\r\nx\r\n", 1'000)});
    check_flood({"one huge chunk", chunked + "5F5E100\r\n", block});
    check_flood({"as long as the connection", ok + "\r\n", block});
    check_flood({"of an error", "HTTP/1.1 503 Busy\r\n\r\n", block});
}

TEST_CASE("ticket_manager: an endless header is abandoned at 16 KiB",
          "[loopback][ticket_manager][A17]") {
    const std::string block(16'384, 'x');
    check_flood({"16 KiB and 1",
                 ok + "X: " + std::string(16'384 - ok.size() - 3 - 4 + 1, 'x') + "\r\n\r\n",
                 block});
    check_flood({"10,000 headers", ok, repeated("X: y\r\n", 1'000)});
    check_flood({"a line without an end", ok + "X: ", block});
    check_flood({"a status line without an end", "HTTP/1.1 200 ", block});
    check_flood({"informational answers without an end", "",
                 repeated("HTTP/1.1 102 Processing\r\n\r\n", 100)});
}

TEST_CASE("ticket_manager: endless chunk extensions and trailers are abandoned",
          "[loopback][ticket_manager][A18]") {
    const std::string block(16'384, 'x');
    check_flood({"a chunk extension without an end", chunked + "2;", block});
    check_flood({"a trailer without an end", chunked + "0\r\nT: ", block});
    check_flood({"trailers without an end", chunked + "0\r\n", repeated("T: x\r\n", 1'000)});
}

TEST_CASE("ticket_manager: an answer within the limits is accepted",
          "[loopback][ticket_manager][A16][A17]") {
    ticket_exchange x;
    const auto body = ticket_json(R"("T")", R"("2999-01-01T00:00:00Z")");
    REQUIRE(body.size() == 64);
    const std::string padding(65'536 - body.size(), ' ');
    raw_server server({
        answering(http_text("200 OK", body + padding)),
        answering(http_text("200 OK", body, "X: " + std::string(16'000, 'x') + "\r\n")),
        answering(chunked + "1\r\n{\r\n" + "3f;name=value\r\n" + body.substr(1) + "\r\n0\r\n\r\n"),
    });
    auto& tickets = x.manage(server);
    CHECK(value_of(x.finish(tickets.refresh_ticket())) == "T");
    CHECK(value_of(x.finish(tickets.refresh_ticket())) == "T");
    CHECK(value_of(x.finish(tickets.refresh_ticket())) == "T");
    CHECK(x.ends());
}

} // namespace ticket_limits_test
