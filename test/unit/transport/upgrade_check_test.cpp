#include "support/catch.hpp"
#include "transport/upgrade_check.hpp"

#include <tuple>

namespace upgrade_check_test {

using namespace parley;

namespace {

constexpr std::string_view usual_offer =
    "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15";

bool accepted(const std::string& extensions, std::string_view offered = usual_offer) {
    const header_list headers{{"Upgrade", "websocket"}, {"sec-websocket-extensions", extensions}};
    return !upgrade_complaint(headers, offered);
}

/// Fed in pieces of that size; what is left over comes second.
std::pair<answer_head, std::string> fed(const std::string& bytes, std::size_t piece) {
    answer_head head;
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const auto now = head.feed(std::string_view(bytes).substr(taken, piece));
        taken += now;
        if (now < std::min(piece, bytes.size() - taken + now)) break;
    }
    return {head, bytes.substr(taken)};
}

} // namespace

TEST_CASE("upgrade_check: a plain 101 and what was offered are accepted", "[unit][upgrade_check]") {
    CHECK_FALSE(upgrade_complaint({{"Upgrade", "websocket"}, {"X-Other", "y"}}, ""));
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

TEST_CASE("upgrade_check: what was not asked for is refused", "[unit][upgrade_check][B34]") {
    CHECK(upgrade_complaint({{"sec-websocket-protocol", "chat"}}, usual_offer));
    CHECK(upgrade_complaint({{"Sec-WebSocket-Protocol", ""}}, usual_offer));
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
        "permessage-deflate; server_max_window_bits=8",
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
    CHECK(upgrade_complaint({{"Sec-WebSocket-Extensions", "permessage-deflate"},
                             {"Sec-WebSocket-Extensions", "permessage-deflate"}},
                            usual_offer));
    CHECK(upgrade_complaint({{"Sec-WebSocket-Accept", "a"}, {"Sec-WebSocket-Accept", "a"}},
                            usual_offer));
}

TEST_CASE("upgrade_check: no window is larger than offered, and ours only set when we offer it",
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
    };
    for (const auto& [offer, parameter, fine] : table) {
        CAPTURE(offer, parameter);
        CHECK(accepted("permessage-deflate; " + parameter,
                       "permessage-deflate" + std::string(offer)) == fine);
    }
}

TEST_CASE("answer_head: the head ends at its empty line, however it arrives",
          "[unit][upgrade_check]") {
    const std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    for (std::size_t piece = 1; piece < text.size() + 9; ++piece) {
        CAPTURE(piece);
        const auto [head, rest] = fed(text + "\x81\x01x", piece);
        REQUIRE(head.current() == answer_head::state::complete);
        CHECK(head.status() == 101);
        CHECK(head.text() == text);
        CHECK(rest.size() + head.text().size() == text.size() + 3);
    }
}

TEST_CASE("answer_head: informational answers are dropped, all but 101", "[unit][upgrade_check]") {
    const auto [head, rest] = fed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
                                  "HTTP/1.1 401 Unauthorized\r\n\r\nbody",
                                  7);
    CHECK(head.status() == 401);
    CHECK(head.text() == "HTTP/1.1 401 Unauthorized\r\n\r\n");
}

TEST_CASE("answer_head: the longest head is accepted, and not a byte more",
          "[unit][upgrade_check]") {
    const std::string start = "HTTP/1.1 101 X\r\nX: ";
    const auto of_size = [&](std::size_t size) {
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    for (const std::size_t piece : {1u, 100u, 100'000u}) {
        CAPTURE(piece);
        CHECK(fed(of_size(answer_head::max_size), piece).first.current() ==
              answer_head::state::complete);
        CHECK(fed(of_size(answer_head::max_size + 1), piece).first.current() ==
              answer_head::state::too_long);
    }
}

TEST_CASE("answer_head: without its text it still knows what it was", "[unit][upgrade_check]") {
    auto head = fed("HTTP/1.1 101 Switching Protocols\r\n\r\n", 100).first;
    head.drop_text();
    CHECK(head.text().empty());
    CHECK(head.current() == answer_head::state::complete);
    CHECK(head.status() == 101);
}

TEST_CASE("answer_head: what is no HTTP and what does not end is told", "[unit][upgrade_check]") {
    CHECK(fed("SSH-2.0", 1).first.current() == answer_head::state::not_http);
    CHECK(fed("HTTP/2 200\r\n\r\n", 99).first.current() == answer_head::state::not_http);
    CHECK(fed("HTTP/1.1 abc\r\n\r\n", 99).first.current() == answer_head::state::not_http);
    CHECK(fed("HTTP/1.1 1", 99).first.current() == answer_head::state::incomplete);
    const std::string endless = "HTTP/1.1 101 X\r\nX: " + std::string(9'000, 'x');
    CHECK(fed(endless, 100).first.current() == answer_head::state::too_long);
    std::string hints;
    for (int count = 0; count < 1'000; ++count)
        hints += "HTTP/1.1 103 Hints\r\n\r\n";
    CHECK(fed(hints, 100).first.current() == answer_head::state::too_long);
}

} // namespace upgrade_check_test
