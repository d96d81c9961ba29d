#include <parley/error.hpp>
#include <parley/secret.hpp>
#include <parley/ticket.hpp>

#include "dialect/parley/endpoints.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace endpoints_test {

namespace {

using namespace parley;

struct address {
    std::string_view configured;
    std::string_view tickets;   ///< as people see it
    std::string_view websocket; ///< the target, ticket T
    std::string_view host;      ///< the header
    bool secure = true;
};

} // namespace

TEST_CASE("endpoints: matches the table of the protocol", "[unit][endpoints][B38]") {
    const std::vector<address> table{
        {"wss://h", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"https://h/", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"wss://h/p", "https://h/p/api/v1/tickets", "/p/ws?ticket=T", "h"},
        {"wss://h/p/", "https://h/p/api/v1/tickets", "/p/ws?ticket=T", "h"},
        {"wss://h/p/ws?x=1", "https://h/p/api/v1/tickets", "/p/ws?x=1&ticket=T", "h"},
        {"wss://h/ws", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"wss://h/ws/", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"wss://h?x=1&y", "https://h/api/v1/tickets", "/ws?x=1&y&ticket=T", "h"},
        {"wss://h/?", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"wss://h/a/b/c", "https://h/a/b/c/api/v1/tickets", "/a/b/c/ws?ticket=T", "h"},
        {"wss://h/news", "https://h/news/api/v1/tickets", "/news/ws?ticket=T", "h"},
        {"wss://h/wss", "https://h/wss/api/v1/tickets", "/wss/ws?ticket=T", "h"},
        {"wss://example.com.:8443", "https://example.com.:8443/api/v1/tickets", "/ws?ticket=T",
         "example.com.:8443"},
        {"wss://h/a%20b", "https://h/a%20b/api/v1/tickets", "/a%20b/ws?ticket=T", "h"},
        {"WSS://Chat.Example.COM:8443/P", "https://chat.example.com:8443/P/api/v1/tickets",
         "/P/ws?ticket=T", "chat.example.com:8443"},
        {"wss://h:443", "https://h/api/v1/tickets", "/ws?ticket=T", "h"},
        {"wss://h:80", "https://h:80/api/v1/tickets", "/ws?ticket=T", "h:80"},
        {"wss://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443/api/v1/tickets", "/ws?ticket=T",
         "[2001:db8::1]:8443"},
        {"wss://192.0.2.7", "https://192.0.2.7/api/v1/tickets", "/ws?ticket=T", "192.0.2.7"},
        {"ws://localhost:8080", "http://localhost:8080/api/v1/tickets", "/ws?ticket=T",
         "localhost:8080", false},
        {"http://127.0.0.1", "http://127.0.0.1/api/v1/tickets", "/ws?ticket=T", "127.0.0.1", false},
        {"ws://[::1]:80", "http://[::1]/api/v1/tickets", "/ws?ticket=T", "[::1]", false},
    };
    for (const auto& each : table) {
        INFO(each.configured);
        const auto url = parse_server_url(each.configured, false);
        CHECK(url.http_text(tickets_path) == each.tickets);
        CHECK(session_request(url, ticket(secret{"T"}, {})).target == each.websocket);
        CHECK(url.host_header() == each.host);
        CHECK(url.secure() == each.secure);
    }
}

TEST_CASE("endpoints: the ticket in a target is percent-encoded byte by byte",
          "[unit][endpoints]") {
    const auto url = parse_server_url("wss://h", false);

    CHECK(session_request(url, ticket(secret{"a b#c&d=e/f?g%h+i\"\xC3\xBC\n"}, {})).target ==
          "/ws?ticket=a%20b%23c%26d%3De%2Ff%3Fg%25h%2Bi%22%C3%BC%0A");
}

TEST_CASE("endpoints: the displayed URL has no ticket and no query value", "[unit][endpoints]") {
    const auto url = parse_server_url("wss://h:8443/p/ws?key=s3cret&flag&empty=", false);

    CHECK(websocket_text(url) == "wss://h:8443/p/ws?key=…&flag&empty=…&ticket=…");
    CHECK(url.http_text(tickets_path) == "https://h:8443/p/api/v1/tickets");
}

TEST_CASE("endpoints: a URL that names an endpoint is rejected, and the error has the right one",
          "[unit][endpoints]") {
    struct row {
        const char* text;
        const char* right;
    };
    const std::vector<row> table{
        {"https://h/api/v1/tickets", "use https://h."},
        {"https://h/api/v1/tickets/", "use https://h."},
        {"https://h:8443/p/api/v1/tickets/validate", "use https://h:8443/p."},
        {"wss://h/p/api/v1/tickets/ws", "use wss://h/p."},
        {"wss://h/ws/ws", "use wss://h."},
        {"wss://h/ws/ws/", "use wss://h."},
        {"wss://h/p/ws/chat?x=1", "use wss://h/p."},
        {"WSS://h/ws/v1/ws", "use WSS://h."},
    };
    for (const auto& each : table) {
        CAPTURE(each.text);
        try {
            parse_server_url(each.text, false);
            FAIL("it was taken");
        } catch (const client_error& refused) {
            CHECK(refused.code() == errc::invalid_url);
            CHECK(refused.message().ends_with(each.right));
        }
    }
}

TEST_CASE("endpoints: a ticket in the query is rejected, and not shown", "[unit][endpoints][B38]") {
    for (const auto* text : {"wss://h?ticket=s3cret", "wss://h/ws?x=1&ticket=s3cret"}) {
        CAPTURE(text);
        try {
            parse_server_url(text, false);
            FAIL("it was taken");
        } catch (const client_error& refused) {
            CHECK(refused.code() == errc::invalid_url);
            CHECK(refused.message().find("s3cret") == std::string::npos);
        }
    }
}

TEST_CASE(
    "endpoints: the upgrade of a session has the ticket's cookies, and its displayed URL no ticket",
    "[unit][endpoints]") {
    ticket held(secret("T"), {});
    held.set_cookies(secret("a=1"));
    const auto request = session_request(parse_server_url("wss://h.test/p", false), held);
    CHECK(request.target == "/p/ws?ticket=T");
    CHECK(request.cookies == held.cookies());
    CHECK(request.url == "wss://h.test/p/ws?ticket=…");
}

TEST_CASE("endpoints: the path of a conversation is one segment", "[unit][endpoints]") {
    CHECK(thread_path("a/b ü") == "/api/v1/threads/a%2Fb%20%C3%BC");
}

} // namespace endpoints_test
