#include "dialect/parley/cookies.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace cookies_test {

using namespace parley;
using namespace parley::cookies;

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h};

std::string sent(const std::vector<std::string>& set, const cookie_scope& to) {
    return std::string(cookies_to_send(set, to, now).expose());
}

/// To `wss://h.test/p/ws`.
std::string sent(const std::vector<std::string>& set) {
    return sent(set, {"h.test", "/p/ws", true});
}

} // namespace

TEST_CASE("cookies: names and values are returned in order", "[unit][cookies]") {
    CHECK(sent(std::vector<std::string>()).empty());
    CHECK(sent({"AWSALB=abc+/=; Expires=Sun, 29 Nov 2026 19:00:00 GMT; Path=/"}) ==
          "AWSALB=abc+/=");
    CHECK(sent({"a=1", "b=2; HttpOnly; SameSite=None"}) == "a=1; b=2");
    CHECK(sent({" a = \"1\" ; Path=/"}) == "a=\"1\"");
    CHECK(sent({"a=b=c"}) == "a=b=c");
}

TEST_CASE("cookies: a later cookie replaces or deletes an earlier one", "[unit][cookies]") {
    CHECK(sent({"a=1", "b=2", "a=3"}) == "b=2; a=3");
    CHECK(sent({"a=1", "b=2", "a=; Path=/"}) == "b=2");
    CHECK(sent({"a=1", "a=x; Max-Age=0"}).empty());
    CHECK(sent({"a=1", "a=x; Max-Age=-5"}).empty());
    CHECK(sent({"a=1", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}).empty());
    CHECK(sent({"a=1", "a=x; expires=Thu, 01-Jan-1970 00:00:00 GMT"}).empty());
    CHECK(sent({"a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}) == "a=1");
    CHECK(sent({"a=1; Max-Age=soon; Expires=tomorrow"}) == "a=1");
    CHECK(sent({"A=1", "a=; Path=/"}) == "A=1"); // case counts
}

TEST_CASE("cookies: Secure, Path and Domain are honoured", "[unit][cookies]") {
    const cookie_scope plain{"h.test", "/p/ws", false};
    CHECK(sent({"a=1; Secure", "b=2; SECURE=x", "c=3"}, plain) == "c=3");
    CHECK(sent({"a=1; Secure"}) == "a=1");
    for (const auto* path : {"", "/", "/p", "/p/", "/p/ws", "relative"}) {
        CAPTURE(path);
        CHECK(sent({"a=1; Path=" + std::string(path)}) == "a=1");
    }
    for (const auto* path : {"/p/w", "/other", "/p/ws/", "/p/api/v1/tickets", "/P"}) {
        CAPTURE(path);
        CHECK(sent({"a=1; Path=" + std::string(path)}).empty());
    }
    for (const auto* domain : {"", "h.test", ".h.test", "H.Test", "test"}) {
        CAPTURE(domain);
        CHECK(sent({"a=1; Domain=" + std::string(domain)}) == "a=1");
    }
    for (const auto* domain : {"other.test", "x.h.test", "est", "h.tes"}) {
        CAPTURE(domain);
        CHECK(sent({"a=1; Domain=" + std::string(domain)}).empty());
    }
    CHECK(sent({"a=1; Domain=0.0.1"}, {"127.0.0.1", "/ws", true}).empty());
    CHECK(sent({"a=1; Domain=127.0.0.1"}, {"127.0.0.1", "/ws", true}) == "a=1");
}

TEST_CASE("cookies: a cookie that no header may carry is dropped", "[unit][cookies]") {
    CHECK(sent({"no equals", "=1", "a b=1", "a=\x01", "a=\xC3\xBC", "a=1\r\nX: y", "", ";",
                "c=3"}) == "c=3");
}

TEST_CASE("cookies: are bounded in number and size", "[unit][cookies]") {
    std::vector<std::string> many;
    for (std::size_t count = 0; count < 2 * most_cookies; ++count)
        many.push_back("c" + std::to_string(count) + "=x");
    const auto few = sent(many);
    CHECK(std::count(few.begin(), few.end(), '=') == most_cookies);

    CHECK(sent({"a=" + std::string(longest_cookies, 'x'), "b=2"}) == "b=2");
    const std::string half(longest_cookies / 2 - 7, 'x');
    const auto both = sent({"a=" + half, "b=" + half, "c=3"});
    CHECK(both == "a=" + half + "; b=" + half + "; c=3");
    CHECK(sent({"a=" + half, "b=" + half + half, "a=1", "b=" + half}) == "a=1; b=" + half);
}

TEST_CASE("cookies: values are redacted like other secrets", "[unit][cookies]") {
    ticket held(secret("the ticket"), now);
    held.set_cookies(secret("a=12345678; short=1234567; b=c=abcdefgh"));
    const auto secrets = secrets_of(held);
    REQUIRE(secrets.size() == 3);
    CHECK(secrets[0].expose() == "the ticket");
    CHECK(secrets[1].expose() == "12345678");
    CHECK(secrets[2].expose() == "c=abcdefgh");
    CHECK(cookie_value("a=12345678; Path=/") == "12345678");
    CHECK(cookie_value("a=1").empty());
}

} // namespace cookies_test
