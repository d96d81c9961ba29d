#include "core/http_status.hpp"
#include "net/network_error.hpp"
#include "support/catch.hpp"
#include "transport/websocket_error.hpp"
#include "websocket/upgrade_check.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace upgrade_check_test {

using namespace parley;

namespace {

constexpr std::string_view usual_offer =
    "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15";

constexpr std::string_view right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The head of an answer with these lines.
std::string head_of(const std::vector<std::string>& lines) {
    std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
    for (const auto& line : lines)
        head += line + "\r\n";
    return head + "\r\n";
}

/// What is said of an answer with all that it needs and these lines; "" for nothing.
std::string complaint(std::vector<std::string> lines, std::string_view offered = usual_offer) {
    lines.insert(lines.begin(), {"Upgrade: websocket", "Connection: Upgrade",
                                 "Sec-WebSocket-Accept: " + std::string(right)});
    return judge_upgrade(head_of(lines), right, offered).complaint.value_or("");
}

/// And of one with no more than these lines.
std::string complaint_of(const std::vector<std::string>& lines) {
    return judge_upgrade(head_of(lines), right, "").complaint.value_or("");
}

bool accepted(const std::string& extensions, std::string_view offered = usual_offer) {
    return complaint({"sec-websocket-extensions: " + extensions}, offered).empty();
}

std::optional<deflate_parameters> agreed(const std::string& extensions,
                                         std::string_view offered = usual_offer) {
    const auto verdict =
        judge_upgrade(head_of({"Upgrade: websocket", "Connection: Upgrade",
                               "Sec-WebSocket-Accept: " + std::string(right), extensions}),
                      right, offered);
    CHECK_FALSE(verdict.complaint);
    return verdict.deflate;
}

/// The headers of an answer with this line, in one piece.
std::string read_back(const std::string& line) {
    const std::string head = "HTTP/1.1 101 X\r\n" + line + "\r\n\r\n";
    const auto headers = headers_of(head);
    if (!headers) return "refused";
    std::string text;
    for (const auto& [name, value] : *headers)
        text.append(name).append("=").append(value).append(";");
    return text;
}

response_head fed(const std::string& bytes) {
    response_head head;
    head.feed(bytes);
    return head;
}

} // namespace

TEST_CASE("upgrade_check: a plain 101 and the offered options are accepted",
          "[unit][upgrade_check]") {
    CHECK(complaint({"X-Other: y"}, "").empty());
    const std::vector<std::string> fine{
        "permessage-deflate",
        "Permessage-Deflate",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate;client_no_context_takeover ; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=15",
        "permessage-deflate; client_max_window_bits=\"12\"",
        " permessage-deflate ,",
        "",
    };
    for (const auto& extensions : fine) {
        CAPTURE(extensions);
        CHECK(accepted(extensions));
    }
}

TEST_CASE("upgrade_check: options that were not offered are rejected",
          "[unit][upgrade_check][B34]") {
    CHECK(complaint({"sec-websocket-protocol: chat"}) == "a subprotocol that was not requested");
    CHECK(complaint({"Sec-WebSocket-Protocol:"}) == "a subprotocol that was not requested");
    CHECK_FALSE(accepted("permessage-deflate", ""));
    const std::vector<std::string> wrong{
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate, other",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=1x",
        "permessage-deflate; =",
        "permessage-deflate;",
    };
    for (const auto& extensions : wrong) {
        CAPTURE(extensions);
        CHECK_FALSE(accepted(extensions));
    }
    CHECK(complaint({"Sec-WebSocket-Extensions: permessage-deflate",
                     "Sec-WebSocket-Extensions: permessage-deflate"}) ==
          "permessage-deflate occurs twice");
    CHECK(complaint({"Sec-WebSocket-Accept: " + std::string(right)}) ==
          "two Sec-WebSocket-Accept headers");
}

TEST_CASE("upgrade_check: a response must satisfy RFC 6455 section 4.1",
          "[unit][upgrade_check][B34]") {
    const std::string upgrade = "Upgrade: websocket";
    const std::string connection = "Connection: Upgrade";
    const std::string accept = "Sec-WebSocket-Accept: " + std::string(right);
    CHECK(complaint_of({upgrade, connection, accept}).empty());
    CHECK(complaint_of({"sec-websocket-accept:" + std::string(right) + " \t",
                        "CONNECTION: keep-alive , uPGRADE", "upgrade: h2c,WebSocket"})
              .empty());
    CHECK(complaint_of({"Upgrade: h2c", upgrade, "Connection: keep-alive", connection, accept})
              .empty());

    CHECK(complaint_of({connection, accept}) == "no Upgrade: websocket");
    for (const char* other : {"", "h2c", "websocket/13", "web socket", "websockets", ","})
        CHECK(complaint_of({"Upgrade: " + std::string(other), connection, accept}) ==
              "no Upgrade: websocket");
    CHECK(complaint_of({upgrade, accept}) == "no Connection: upgrade");
    for (const char* other : {"", "close", "keep-alive, upgrades", "websocket"})
        CHECK(complaint_of({upgrade, "Connection: " + std::string(other), accept}) ==
              "no Connection: upgrade");
    CHECK(complaint_of({upgrade, connection}) == "no Sec-WebSocket-Accept");
    for (const char* other : {"", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="})
        CHECK(complaint_of({upgrade, connection, "Sec-WebSocket-Accept: " + std::string(other)}) ==
              "the wrong Sec-WebSocket-Accept");
    CHECK(complaint_of({}) == "no Upgrade: websocket");
}

TEST_CASE("upgrade_check: without a key no response is accepted", "[unit][upgrade_check]") {
    for (const std::string& value : {std::string(), std::string(right)}) {
        const auto head = head_of(
            {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + value});
        CHECK(judge_upgrade(head, "", "").complaint == "the wrong Sec-WebSocket-Accept");
    }
}

TEST_CASE("upgrade_check: a response must be HTTP/1.1 with valid headers",
          "[unit][upgrade_check][B34]") {
    auto head = head_of({"Upgrade: websocket", "Connection: Upgrade",
                         "Sec-WebSocket-Accept: " + std::string(right)});
    head[7] = '0';
    CHECK(judge_upgrade(head, right, "").complaint == "an answer that is not HTTP/1.1");
    CHECK(judge_upgrade("", right, "").complaint == "an answer that is not HTTP/1.1");
    head[7] = '1';
    CHECK_FALSE(judge_upgrade(head, right, "").complaint);
    for (std::size_t size = head.find('\r'); size < head.size(); ++size)
        CHECK(judge_upgrade(head.substr(0, size), right, "").complaint ==
              "a header line that HTTP forbids");
    CHECK(judge_upgrade(head + "\x81", right, "").complaint == "a header line that HTTP forbids");
    for (const char* line : {"no colon", "X : y", " folded", ": y", "X: a\rb", "X: a\x01"})
        CHECK(complaint({line}) == "a header line that HTTP forbids");
}

TEST_CASE("upgrade_check: reports the negotiated options", "[unit][upgrade_check]") {
    CHECK_FALSE(agreed("X: y"));
    CHECK_FALSE(agreed("Sec-WebSocket-Extensions:"));
    struct row {
        std::string parameters;
        int server;
        int client;
        bool fresh_server;
        bool fresh_client;
    };
    const std::vector<row> table{
        {"", 15, 15, false, false},
        {"; server_max_window_bits=9", 9, 15, false, false},
        {"; client_max_window_bits=\"10\"", 15, 10, false, false},
        {"; SERVER_no_context_takeover", 15, 15, true, false},
        {"; client_no_context_takeover", 15, 15, false, true},
        {"; client_max_window_bits=12; client_no_context_takeover;"
         "server_max_window_bits=11 ;server_no_context_takeover",
         11, 12, true, true},
    };
    for (const auto& row : table) {
        CAPTURE(row.parameters);
        const auto found = agreed("Sec-WebSocket-Extensions: permessage-deflate" + row.parameters);
        REQUIRE(found);
        CHECK(found->server_window == row.server);
        CHECK(found->client_window == row.client);
        CHECK(found->server_no_context_takeover == row.fresh_server);
        CHECK(found->client_no_context_takeover == row.fresh_client);
    }
    const auto ours = agreed("Sec-WebSocket-Extensions: permessage-deflate",
                             "permessage-deflate; client_max_window_bits=12");
    REQUIRE(ours);
    CHECK(ours->client_window == 12); // RFC 7692 section 7.1.2.2
}

TEST_CASE("upgrade_check: header lines are parsed strictly", "[unit][upgrade_check]") {
    CHECK(read_back("A: b") == "A=b;");
    CHECK(read_back("A:b") == "A=b;");
    CHECK(read_back("A: \t b c\td \t") == "A=b c\td;");
    CHECK(read_back("A:") == "A=;");
    CHECK(read_back("A:  ") == "A=;");
    CHECK(read_back("A: b:c") == "A=b:c;");
    CHECK(read_back("A: \xc3\xbc\xff") == "A=\xc3\xbc\xff;"); // obs-text
    CHECK(read_back("!#$%&'*+-.^_`|~09azAZ: b") == "!#$%&'*+-.^_`|~09azAZ=b;");
    CHECK(read_back("A: b\r\na: c") == "A=b;a=c;");
    for (const std::string line :
         {"A",       "A b",           ": b",         " A: b",      "\tA: b",          "A : b",
          "A\t: b",  "A: b\r\n c: d", "A: b\r\n\tc", "A: b\rC: d", "A: b\nC: d",      "A: b\r\r",
          "A\r: b",  "A\xc3: b",      "\"A\": b",    "A(: b",      "A,B: c",          "A: \x01",
          "A: \x1f", "A: \x7f",       "A: \x0b",     "\x7f: b",    "A: b\r\n\r\nC: d"}) {
        CAPTURE(line);
        CHECK(read_back(line) == "refused");
    }
    CHECK(read_back(std::string("A: b\0c", 6)) == "refused");
    CHECK(read_back(std::string("A\0: b", 6)) == "refused");
}

TEST_CASE("upgrade_check: headers are read from a complete head only", "[unit][upgrade_check]") {
    const auto none = headers_of("HTTP/1.1 101 X\r\n\r\n");
    REQUIRE(none);
    CHECK(none->empty());
    for (const char* wrong :
         {"", "\r\n", "HTTP/1.1 101 X", "HTTP/1.1 101 X\r\n", "HTTP/1.1 101 X\r\n\r",
          "HTTP/1.1 101 X\nA: b\r\n\r\n", "HTTP/1.1 101 X\ry\r\n\r\n", "HTTP/1.1 101 X\r\nA: b\r\n",
          "HTTP/1.1 101 X\r\nA: b\r\n\n", "HTTP/1.1 101 X\r\n\r\nbody"}) {
        CAPTURE(wrong);
        CHECK_FALSE(headers_of(wrong));
    }
}

TEST_CASE("upgrade_check: the first header of a name is found", "[unit][upgrade_check]") {
    const header_list headers{{"A", "1"}, {"Bc", "2"}, {"bC", "3"}};
    CHECK(header_value(headers, "a") == "1");
    CHECK(header_value(headers, "BC") == "2");
    CHECK_FALSE(header_value(headers, "B"));
    CHECK_FALSE(header_value({}, "A"));
}

TEST_CASE("upgrade_check: no window is larger than offered, and ours is set only when offered",
          "[unit][upgrade_check][B34]") {
    struct row {
        std::string_view offer;
        std::string parameter;
        bool fine;
    };
    const std::vector<row> table{
        {"", "server_max_window_bits=9", true}, // RFC 7692 section 7.1.2.1
        {"", "server_max_window_bits=15", true},
        {"", "client_max_window_bits=9", false},
        {"", "client_max_window_bits=15", false},
        {"; server_max_window_bits=11", "server_max_window_bits=11", true},
        {"; server_max_window_bits=11", "server_max_window_bits=12", false},
        {"; server_max_window_bits=11", "client_max_window_bits=11", false},
        {"; Server_Max_Window_Bits=\"9\"", "server_max_window_bits=10", false},
        {"; client_max_window_bits", "client_max_window_bits=15", true},
        {"; client_max_window_bits=12", "client_max_window_bits=12", true},
        {"; client_max_window_bits=12", "client_max_window_bits=13", false},
        {"; client_max_window_bits=12", "client_max_window_bits=\"15\"", false},
        {"; client_max_window_bits=12", "server_max_window_bits=15", true},
        {"; server_max_window_bits=10; client_max_window_bits=9", "client_max_window_bits=10",
         false},
        {"", "server_max_window_bits=8", true}, // RFC 7692 section 7.1.2
        {"; client_max_window_bits", "client_max_window_bits=8", true},
        {"; client_max_window_bits", "client_max_window_bits=\"8\"", true},
        {"", "client_max_window_bits=8", false},
        {"", "server_max_window_bits=7", false},
        {"; client_max_window_bits", "client_max_window_bits=7", false},
    };
    for (const auto& [offer, parameter, fine] : table) {
        CAPTURE(offer, parameter);
        CHECK(accepted("permessage-deflate; " + parameter,
                       "permessage-deflate" + std::string(offer)) == fine);
    }
}

TEST_CASE("websocket_error: a refused upgrade reports its status and Retry-After",
          "[unit][upgrade_check]") {
    const auto error_of = [](const std::string& bytes) {
        const auto told = head_error(fed(bytes), wall_time());
        REQUIRE_FALSE(told);
        return told.error();
    };
    const auto later = error_of("HTTP/1.1 503 Busy\r\nA: b\r\nretry-after: 7\r\n\r\n");
    CHECK(later.is(errc::upgrade_failed));
    CHECK(later.details.http_status == 503);
    CHECK(later.details.retryable);
    CHECK(later.details.retry_after == std::chrono::seconds(7));
    const auto unreadable = error_of("HTTP/1.1 503 Busy\r\nRetry-After : 7\r\n\r\n");
    CHECK(unreadable.details.http_status == 503);
    CHECK_FALSE(unreadable.details.retry_after);
    CHECK_FALSE(error_of("HTTP/1.1 401 X\r\n\r\n").details.retryable);
    CHECK(error_of("SSH-2.0").is(errc::handshake_violation));
    CHECK(
        error_of("HTTP/1.1 101 X\r\nX: " + std::string(17'000, 'x')).is(errc::handshake_violation));
    CHECK(head_error(fed("HTTP/1.1 101 X\r\n\r\n"), wall_time()));
    CHECK(head_error(fed("HTTP/1.1 5"), wall_time()));
}

TEST_CASE("websocket_error: one table says whether a status is retryable, and none is the server's "
          "verdict",
          "[unit][upgrade_check][O138][O139]") {
    for (int status = 200; status < 600; ++status) {
        const std::string head = "HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n";
        const auto told = head_error(fed(head), wall_time());
        INFO(status);
        REQUIRE_FALSE(told);
        CHECK(told.error().is(errc::upgrade_failed));
        CHECK(told.error().details.http_status == status);
        CHECK(told.error().details.retryable == retryable_status(status));
        CHECK_FALSE(told.error().details.from_server);
    }
}

TEST_CASE("broken_exchange: a broken connection is attributed to TLS or to the network",
          "[unit][upgrade_check]") {
    const auto secure = server_url::parse("wss://h.test", false);
    const auto ended = broken_exchange(asio::error::eof, phase::upgrade, secure, true);
    CHECK(ended.is(errc::connection_reset));
    CHECK(ended.details.phase == phase::upgrade);
    CHECK(ended.details.retryable);
    CHECK(ended.message == "The connection to h.test broke during the WebSocket upgrade (the "
                           "server closed the connection).");
    CHECK(broken_exchange(asio::error::eof, phase::none, secure, true).message ==
          "The connection to h.test broke before the answer was complete (the server closed the "
          "connection).");
    const auto reset = broken_exchange(asio::error::connection_reset, phase::upgrade, secure, true);
    CHECK(reset.is(errc::connection_reset));
    CHECK(reset.details.reason ==
          boost::system::error_code(asio::error::connection_reset).message());
    const boost::system::error_code alert(
        static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_TLSV1_ALERT_INTERNAL_ERROR)),
        asio::error::get_ssl_category());
    CHECK(broken_exchange(alert, phase::upgrade, secure, true).is(errc::tls_failed));
}

TEST_CASE("broken_exchange: the error of plain text to a TLS port says to use TLS",
          "[unit][upgrade_check]") {
    const auto plain = server_url::parse("ws://h.test", true);
    for (const boost::system::error_code failed :
         {boost::system::error_code(asio::error::eof),
          boost::system::error_code(asio::error::connection_reset)}) {
        const auto silent = broken_exchange(failed, phase::upgrade, plain, true);
        CHECK(silent.details.reason.find("use wss:// or https://") != std::string::npos);
        const auto begun = broken_exchange(failed, phase::upgrade, plain, false);
        CHECK(begun.details.reason.find("wss://") == std::string::npos);
    }
    const auto late = broken_exchange(asio::error::timed_out, phase::upgrade, plain, true);
    CHECK(late.details.reason.find("wss://") == std::string::npos);
    const auto alert = head_error(fed("\x15\x03\x01\x00\x02\x02\x46"), wall_time());
    REQUIRE_FALSE(alert);
    CHECK(alert.error().is(errc::handshake_violation));
    CHECK(alert.error().details.reason == "the port speaks TLS: use wss:// or https://");
}

} // namespace upgrade_check_test
