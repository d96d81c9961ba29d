// The parsing of HTTP responses.

#include "http/response_reader.hpp"
#include "support/catch.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace response_reader_test {

using namespace parley;

namespace {

const auto server = server_url::parse("https://h.test", false);

using outcome = std::optional<result<http_response>>;

/// What comes of these bytes in pieces of that size; then, if nothing has, of the end.
outcome read(std::string_view bytes, std::size_t piece, bool ends = false,
             const server_url& from = server) {
    response_reader reader(from);
    outcome done;
    while (!done && !bytes.empty()) {
        const auto count = std::min(bytes.size(), piece);
        done = reader.feed(bytes.substr(0, count), {});
        bytes.remove_prefix(count);
    }
    if (!done && ends) done = reader.feed({}, boost::asio::error::eof);
    return done;
}

http_response good(const std::string& bytes, std::size_t piece, bool ends = false) {
    const auto done = read(bytes, piece, ends);
    REQUIRE(done);
    if (!*done) FAIL(done->error().message);
    return **done;
}

std::string complaint(const std::string& bytes, std::size_t piece, bool ends = false) {
    const auto done = read(bytes, piece, ends);
    if (!done) return "more is wanted";
    if (*done) return "it is good";
    CHECK(done->error().is(errc::protocol_violation));
    CHECK_FALSE(done->error().details.retryable);
    return done->error().details.reason;
}

std::string lines(std::string_view line, std::size_t count) {
    std::string all;
    for (std::size_t at = 0; at < count; ++at)
        all += line;
    return all;
}

const std::vector<std::size_t> pieces{1, 2, 3, 7, 13, 100, 1'000, 1'000'000};

} // namespace

TEST_CASE("response_reader: every valid response is read, however it is split",
          "[unit][response_reader][O144]") {
    const std::string length = "Content-Length: 2\r\n";
    const std::vector<std::string> heads{
        "HTTP/1.1 200 OK\r\n" + length,
        "HTTP/1.1 200\r\n" + length, // no reason phrase, and not even the space before it
        "HTTP/1.1 200 \r\n" + length,
        "HTTP/1.0 200 OK\r\n" + length,
        "HTTP/1.1 200 \xE4\xB8\xAD\r\n" + length,
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\n" + length,
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + length,
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103\r\n\r\nHTTP/1.1 200 OK\r\n" +
            length,
        "HTTP/1.1 200 OK\r\n" + length + length, // RFC 9112 section 6.3
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n" + length,
        "HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\n" + length,
        "HTTP/1.1 200 OK\r\nContent-Encoding: none, UTF-8\r\n" + length,
        "HTTP/1.1 200 OK\r\nContent-Encoding:\r\n" + length,
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=" + std::string(16'000, 'x') + "\r\n" + length,
    };
    for (const auto& head : heads)
        for (const auto piece : pieces) {
            CAPTURE(head.substr(0, 200), piece);
            const auto answer = good(head + "\r\n{}", piece);
            CHECK(answer.status == 200);
            CHECK(answer.body == "{}");
        }
}

TEST_CASE("response_reader: responses in chunks and without a length are read",
          "[unit][response_reader]") {
    for (const auto piece : pieces) {
        CAPTURE(piece);
        CHECK(good("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n"
                   "T: u\r\n\r\n",
                   piece)
                  .body == "{}");
        CHECK(good("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\nA "
                   ";x\r\n0123456789\r\n00\r\n\r\n",
                   piece)
                  .body == "0123456789");
        CHECK(good("HTTP/1.0 200\r\n\r\n{}", piece, true).body == "{}");
        CHECK(good("HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", piece).status == 304);
        CHECK(good("HTTP/1.1 204 No Content\r\n\r\n", piece).status == 204);
        CHECK(good("HTTP/1.1 503\r\nRetry-After: 4\r\nDate: d\r\nContent-Length: 0\r\n\r\n", piece)
                  .retry_after == "4");
    }
}

TEST_CASE("response_reader: requested headers are found", "[unit][response_reader]") {
    const auto answer =
        good("HTTP/1.1 200\r\nset-cookie: a=b; Path=/\r\nDate: d\r\nRetry-After: 4.0\r\n"
             "Set-Cookie: c=d\r\nContent-Length: 0\r\n\r\n",
             1'000);
    CHECK(answer.date == "d");
    CHECK(answer.retry_after == "4.0");
    CHECK(answer.set_cookies == std::vector<std::string>{"a=b; Path=/", "c=d"});
}

TEST_CASE("response_reader: each fault is reported, however the response is split",
          "[unit][response_reader][O144]") {
    struct row {
        std::string bytes;
        std::string reason;
    };
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::vector<row> table{
        {"SSH-2.0", "the answer is not HTTP"},
        {"HTTP/2 200\r\n", "the answer is not HTTP"},
        {"\x15\x03\x01", "the port speaks TLS: use wss:// or https://"},
        {"HTTP/1.1 200 OK\n", "a line of the answer ends in a bare line feed"},
        {ok + "A: b\n", "a line of the answer ends in a bare line feed"},
        {ok + "\n", "a line of the answer ends in a bare line feed"},
        {ok + "X: " + std::string(20'000, 'x'), "the head of the answer is longer than 16 KiB"},
        {chunked + "2\n{}", "a line of the answer ends in a bare line feed"},
        {chunked + "2;x\n", "a line of the answer ends in a bare line feed"},
        {chunked + "2\r\n{}\n", "a line of the answer ends in a bare line feed"},
        {chunked + "0\n", "a line of the answer ends in a bare line feed"},
        {chunked + "0\r\n\n", "a line of the answer ends in a bare line feed"},
        {chunked + "0\r\nT: u\n", "a line of the answer ends in a bare line feed"},
        {"HTTP/1.1 101 X\r\n\r\n", "a switch of protocols"},
        {ok + "Content-Encoding: gzip\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: x-gzip\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: Deflate\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: br\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: zstd\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: compress\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: utf-8 , gzip\r\n\r\n", "an encoded body, which was not requested"},
        {ok + "Content-Encoding: utf-8\r\nContent-Encoding: br\r\n\r\n",
         "an encoded body, which was not requested"},
        {ok + "Transfer-Encoding: gzip\r\n\r\n", "an unknown transfer coding"},
        {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         "an unknown transfer coding"},
        {ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
         "both Content-Length and Transfer-Encoding"},
        {ok + "Content-Length:\r\n\r\n", "a Content-Length that is not one number"},
        {ok + "Content-Length: 2, 3\r\n\r\n", "a Content-Length that is not one number"},
        {ok + "Content-Length: 2,\r\n\r\n", "a Content-Length that is not one number"},
        {ok + "Content-Length: 2;2\r\n\r\n", "a Content-Length that is not one number"},
        {ok + "Content-Length: -2\r\n\r\n", "a Content-Length that is not one number"},
        {ok + "Content-Length: 99999999999999999999\r\n\r\n",
         "a Content-Length that is not one number"},
        {ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
         "a Content-Length that is not one number"},
        {ok + "Content-Length: 65537\r\n\r\n", "the body of the answer is longer than 64 KiB"},
        {ok + "\r\n" + std::string(65'537, 'x'), "the body of the answer is longer than 64 KiB"},
        {chunked + "\r\n", "a chunk without a size"},
        {chunked + "2x\r\n", "a chunk without a size"},
        {chunked + "0x2\r\n", "a chunk without a size"},
        {chunked + "10001\r\n", "the body of the answer is longer than 64 KiB"},
        {chunked + "2\r\n{} \r\n", "a chunk that is longer than its size"},
        {chunked + "2;" + std::string(20'000, 'x'), "the chunks' lines are longer than 16 KiB"},
        {chunked + "0\r\n" + lines("T: u\r\n", 4'000), "the chunks' lines are longer than 16 KiB"},
    };
    for (const auto& each : table)
        for (const auto piece : pieces) {
            CAPTURE(each.bytes.substr(0, 100), piece);
            CHECK(complaint(each.bytes, piece) == each.reason);
        }
}

TEST_CASE("response_reader: a head with invalid headers is malformed", "[unit][response_reader]") {
    for (const auto* line : {"no colon", ": no name", "A : b", "A: \x01"})
        for (const auto piece : pieces) {
            CAPTURE(line, piece);
            const auto told =
                complaint("HTTP/1.1 200 OK\r\n" + std::string(line) + "\r\n\r\n", piece);
            CHECK(told != "more is wanted");
            CHECK(told != "it is good");
        }
}

TEST_CASE("response_reader: an early end is retryable, and may hint at TLS",
          "[unit][response_reader]") {
    const auto reason = [](std::string_view bytes, const server_url& from) {
        const auto done = read(bytes, 100, true, from);
        REQUIRE(done);
        REQUIRE_FALSE(*done);
        CHECK(done->error().is(errc::connection_reset));
        CHECK(done->error().details.retryable);
        return done->error().details.reason;
    };
    const auto plain = server_url::parse("http://h.test", true);
    for (const auto* bytes : {"", "HTT", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"}) {
        CAPTURE(bytes);
        CHECK(reason(bytes, server) == "the server closed the connection");
        const bool hints = reason(bytes, plain).find("use wss:// or https://") != std::string::npos;
        CHECK(hints == std::string_view(bytes).empty());
    }
}

} // namespace response_reader_test
