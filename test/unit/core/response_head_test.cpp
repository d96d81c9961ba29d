// The parser of response heads.

#include "core/response_head.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace response_head_test {

using namespace parley;
using state = response_head::state;

namespace {

/// Fed in pieces of that size; what is left over comes second.
std::pair<response_head, std::string> fed(const std::string& bytes, std::size_t piece) {
    response_head head;
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const auto now = head.feed(std::string_view(bytes).substr(taken, piece));
        taken += now;
        if (now < std::min(piece, bytes.size() - taken + now)) break;
    }
    return {head, bytes.substr(taken)};
}

/// The same whatever the pieces.
template <class Check>
void in_all_pieces(const std::string& bytes, Check check) {
    for (std::size_t piece = 1; piece <= std::min<std::size_t>(bytes.size(), 40); ++piece) {
        CAPTURE(piece);
        check(fed(bytes, piece).first);
    }
    check(fed(bytes, bytes.size()).first);
}

} // namespace

TEST_CASE("response_head: the head ends at its empty line, however it arrives",
          "[unit][response_head]") {
    const std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    for (std::size_t piece = 1; piece < text.size() + 9; ++piece) {
        CAPTURE(piece);
        const auto [head, rest] = fed(text + "\x81\x01x", piece);
        REQUIRE(head.current() == response_head::state::complete);
        CHECK(head.status() == 101);
        CHECK(head.text() == text);
        CHECK(rest.size() + head.text().size() == text.size() + 3);
    }
}

TEST_CASE("response_head: informational responses are dropped, except 101",
          "[unit][response_head]") {
    const auto [head, rest] = fed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
                                  "HTTP/1.1 401 Unauthorized\r\n\r\nbody",
                                  7);
    CHECK(head.status() == 401);
    CHECK(head.text() == "HTTP/1.1 401 Unauthorized\r\n\r\n");
}

TEST_CASE("response_head: the longest head is accepted, and one byte more is rejected",
          "[unit][response_head]") {
    const std::string start = "HTTP/1.1 101 X\r\nX: ";
    const auto of_size = [&](std::size_t size) {
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    for (const std::size_t piece : {1u, 100u, 100'000u}) {
        CAPTURE(piece);
        CHECK(fed(of_size(response_head::max_size), piece).first.current() ==
              response_head::state::complete);
        CHECK(fed(of_size(response_head::max_size + 1), piece).first.current() ==
              response_head::state::too_long);
    }
}

TEST_CASE("response_head: the state and status outlive the text", "[unit][response_head]") {
    auto head = fed("HTTP/1.1 101 Switching Protocols\r\n\r\n", 100).first;
    head.drop_text();
    CHECK(head.text().empty());
    CHECK(head.current() == response_head::state::complete);
    CHECK(head.status() == 101);
}

TEST_CASE("response_head: text that is not HTTP and a head without end are reported",
          "[unit][response_head]") {
    CHECK(fed("SSH-2.0", 1).first.current() == response_head::state::not_http);
    CHECK(fed("HTTP/2 200\r\n\r\n", 99).first.current() == response_head::state::not_http);
    CHECK(fed("HTTP/1.1 abc\r\n\r\n", 99).first.current() == response_head::state::not_http);
    CHECK(fed("HTTP/1.1 1", 99).first.current() == response_head::state::incomplete);
    const std::string endless = "HTTP/1.1 101 X\r\nX: " + std::string(17'000, 'x');
    CHECK(fed(endless, 100).first.current() == response_head::state::too_long);
    std::string hints;
    for (int count = 0; count < 1'000; ++count)
        hints += "HTTP/1.1 103 Hints\r\n\r\n";
    CHECK(fed(hints, 100).first.current() == response_head::state::too_many);
}

TEST_CASE("response_head: each response may have 16 KiB, whatever came before",
          "[unit][response_head][O144]") {
    const auto of_size = [](std::string_view status, std::size_t size) {
        std::string text = "HTTP/1.1 " + std::string(status) + "\r\nX: ";
        text.append(size - text.size() - 4, 'x');
        return text + "\r\n\r\n";
    };
    const auto hints = of_size("103 Hints", response_head::max_size);
    for (const std::size_t piece : {1u, 512u, 100'000u}) {
        CAPTURE(piece);
        const auto [head, rest] =
            fed(hints + of_size("101 X", response_head::max_size) + "x", piece);
        CHECK(head.current() == state::complete);
        CHECK(head.status() == 101);
        CHECK(rest.starts_with("x"));
        CHECK(fed(of_size("103 Hints", response_head::max_size + 1), piece).first.current() ==
              state::too_long);
    }
}

TEST_CASE("response_head: eight interim responses are skipped, and the ninth is an error",
          "[unit][response_head][O144]") {
    std::string text;
    for (unsigned count = 0; count < response_head::max_interim; ++count)
        text += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    in_all_pieces(text + "HTTP/1.1 200 OK\r\n\r\n", [](const response_head& head) {
        CHECK(head.current() == state::complete);
        CHECK(head.status() == 200);
    });
    in_all_pieces(text + "HTTP/1.1 102 \r\n\r\n", [](const response_head& head) {
        CHECK(head.current() == state::too_many);
        CHECK(head.fault() == "too many interim answers");
    });
}

TEST_CASE("response_head: a folded line is one line", "[unit][response_head][O144]") {
    const std::string folded = "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\t  d\r\nE:\r\n f\r\n\r\n";
    in_all_pieces(folded, [](const response_head& head) {
        REQUIRE(head.current() == state::complete);
        const auto headers = headers_of(head.text());
        REQUIRE(headers);
        REQUIRE(headers->size() == 2);
        CHECK(header_value(*headers, "A") == "b  c \t  d");
        CHECK(header_value(*headers, "E") == "f");
    });
    in_all_pieces("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", [](const response_head& head) {
        CHECK(head.current() == state::complete);
        CHECK_FALSE(headers_of(head.text())); // before the first header there is nothing to fold
    });
}

TEST_CASE("response_head: a status line needs no reason phrase", "[unit][response_head][O144]") {
    for (const auto* line : {"HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200", "HTTP/1.1 200 a b:"})
        in_all_pieces(std::string(line) + "\r\nA: b\r\n\r\n", [](const response_head& head) {
            CHECK(head.current() == state::complete);
            CHECK(head.status() == 200);
            CHECK(headers_of(head.text()));
        });
    for (const auto* line : {"HTTP/1.1200", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1  200"})
        in_all_pieces(std::string(line) + "\r\n\r\n",
                      [](const response_head& head) { CHECK(head.current() == state::not_http); });
}

TEST_CASE("response_head: a bare line feed is reported at once", "[unit][response_head][O144]") {
    for (const auto* text : {"HTTP/1.1 101 X\n", "HTTP/1.1 101 X\r\nA: b\n", "HTTP/1.1 101 X\r\n\n",
                             "HTTP/1.1 101 X\r\nA: b\r\n\n"})
        in_all_pieces(text, [](const response_head& head) {
            CHECK(head.current() == state::bare_line_feed);
            CHECK(head.fault() == "a line of the answer ends in a bare line feed");
        });
}

TEST_CASE("response_head: a TLS record is recognised by its first byte", "[unit][response_head]") {
    CHECK(fed("\x15", 1).first.current() == state::tls);
    CHECK(fed("\x16\x03", 2).first.current() == state::tls);
    CHECK(fed("\x14", 1).first.current() == state::not_http);
    CHECK(fed("HTTP/1.1 200\r\n\r\n", 99).first.fault().empty());
    CHECK(response_head().fault().empty());
    CHECK(response_head().untouched());
    CHECK_FALSE(fed("H", 1).first.untouched());
    CHECK_FALSE(fed("HTTP/1.1 100\r\n\r\n", 99).first.untouched());
}

} // namespace response_head_test
