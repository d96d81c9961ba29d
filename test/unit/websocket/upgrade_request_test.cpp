// What asks for the upgrade (RFC 6455 section 4.1), and what has to answer it.

#include "core/request_headers.hpp"
#include "support/catch.hpp"
#include "transport/transport.hpp"
#include "websocket/upgrade_request.hpp"

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace upgrade_request_test {

using namespace parley;

namespace {

constexpr const char* base64_characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

connect_request request_to(const char* url) { return {server_url::parse(url, true), "/p/ws?a=b"}; }

} // namespace

TEST_CASE("upgrade_request: follows RFC 6455 section 4.1", "[unit][upgrade_request]") {
    connection_config config;
    config.user_agent = "agent/1";
    CHECK(upgrade_request_text(request_to("wss://h.test/p"), request_headers(config), "the key",
                               "") == "GET /p/ws?a=b HTTP/1.1\r\n"
                                      "Host: h.test\r\n"
                                      "Upgrade: websocket\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Sec-WebSocket-Key: the key\r\n"
                                      "Sec-WebSocket-Version: 13\r\n"
                                      "User-Agent: agent/1\r\n"
                                      "\r\n");
    config.headers.push_back({"X-One", "1"});
    config.headers.push_back({"X-Two", "2 and more"});
    CHECK(upgrade_request_text(request_to("ws://[::1]:8080"), request_headers(config), "k",
                               deflate_offer) ==
          "GET /p/ws?a=b HTTP/1.1\r\n"
          "Host: [::1]:8080\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "Sec-WebSocket-Key: k\r\n"
          "Sec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
          "User-Agent: agent/1\r\n"
          "X-One: 1\r\n"
          "X-Two: 2 and more\r\n"
          "\r\n");
}

TEST_CASE("upgrade_request: the ticket's cookies and the configured ones form one header",
          "[unit][upgrade_request]") {
    connection_config config;
    auto request = request_to("wss://h.test");
    request.cookies = secret("a=1; b=2");
    const auto text = [&] {
        return upgrade_request_text(request, request_headers(config), "k", "");
    };
    CHECK(text().ends_with("\r\nCookie: a=1; b=2\r\n\r\n"));
    config.headers.push_back({"cookie", "mine=3"});
    config.headers.push_back({"X-One", "1"});
    CHECK(text().ends_with("\r\ncookie: mine=3; a=1; b=2\r\nX-One: 1\r\n\r\n"));
    request.cookies = secret();
    CHECK(text().ends_with("\r\ncookie: mine=3\r\nX-One: 1\r\n\r\n"));
}

TEST_CASE("upgrade_request: is written into one buffer, which can be wiped",
          "[unit][upgrade_request]") {
    connection_config config;
    config.user_agent = std::string(700, 'u');
    for (int count = 0; count < 20; ++count)
        config.headers.push_back({"X-" + std::to_string(count), std::string(100, 'v')});
    connect_request request = request_to("wss://h.test");
    request.target.append(3'000, 't');
    request.cookies = secret(std::string(3'000, 'c'));
    const auto text = upgrade_request_text(request, request_headers(config), new_upgrade_key(),
                                           std::string(500, 'e'));
    CHECK(text.ends_with("\r\n\r\n"));
    CHECK(text.capacity() - text.size() <= 192); // one that grew would be twice as large
}

TEST_CASE("upgrade_request: each key is unique", "[unit][upgrade_request]") {
    std::set<std::string> keys;
    for (int count = 0; count < 1'000; ++count) {
        const auto key = new_upgrade_key();
        REQUIRE(key.size() == 24); // of 16 bytes
        CHECK(key.ends_with("=="));
        CHECK(key.find_first_not_of(base64_characters) == 22);
        keys.insert(key);
    }
    CHECK(keys.size() == 1'000);
}

TEST_CASE("upgrade_request: a key has the same answer on each thread", "[unit][upgrade_request]") {
    // RFC 6455 section 1.3.
    const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    const std::string answer = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    CHECK(expected_accept(key) == answer);
    CHECK(expected_accept(key) == answer);
    CHECK(expected_accept("") == "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
    std::vector<std::string> heard(4);
    std::vector<std::thread> threads;
    for (auto& each : heard)
        threads.emplace_back([&] { each = expected_accept(key); });
    for (auto& each : threads)
        each.join();
    CHECK(heard == std::vector<std::string>(4, answer));
}

} // namespace upgrade_request_test
