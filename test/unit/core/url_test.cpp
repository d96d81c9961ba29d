#include <parley/error.hpp>

#include "core/url.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace url_test {

namespace {

using namespace parley;

std::string refusal_of(std::string_view text, errc expected = errc::invalid_url) {
    try {
        server_url::parse(text, false);
    } catch (const client_error& e) {
        CHECK(e.code() == expected);
        return e.what();
    }
    return {};
}

std::string proxy_refusal(std::string_view text) {
    try {
        proxy_url::parse(text);
    } catch (const client_error& e) {
        CHECK(e.code() == errc::invalid_url);
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("url: a URL is split into its parts", "[unit][url]") {
    const auto plain = server_url::parse("wss://Host.example/p", false);
    const auto six = server_url::parse("https://[2001:db8::1]:8443", false);
    const auto four = server_url::parse("https://192.0.2.7", false);

    CHECK(plain.host() == "host.example");
    CHECK(plain.port() == 443);
    CHECK_FALSE(plain.host_is_address());
    CHECK(plain.http_target("/api/v1/threads/x") == "/p/api/v1/threads/x");
    CHECK(six.host() == "2001:db8::1");
    CHECK(six.port() == 8443);
    CHECK(six.host_is_address());
    CHECK(six.host_is_ipv6());
    CHECK(four.host_is_address());
    CHECK_FALSE(four.host_is_ipv6());
    CHECK(server_url::parse("ws://localhost", false).port() == 80);
    CHECK(server_url::parse("wss://my_service-1.internal", false).host() ==
          "my_service-1.internal");
    CHECK(server_url::parse("wss://xn--zrich-kva.example", false).host() ==
          "xn--zrich-kva.example");
}

TEST_CASE("url: percent_encode leaves the unreserved bytes only", "[unit][url]") {
    std::string kept;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        const auto encoded = percent_encode(one);
        if (encoded == one)
            kept += one;
        else
            CHECK(encoded.size() == 3);
    }
    CHECK(kept == "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    CHECK(percent_encode(std::string_view("\0\xFF", 2)) == "%00%FF");
}

TEST_CASE("url: a dot segment is found in each encoding", "[unit][url]") {
    for (const std::string_view text :
         {".", "..", "%2e", "%2E%2e", ".%2E", "/..", "../", "a/../b", "a/./b", "a%2F..%2fb",
          "..%2F", "a\\..", "a%5C%2e%2E%5cb", "/a/b/.."}) {
        INFO(text);
        CHECK(has_dot_segment(text));
    }
    for (const std::string_view text : {"", "a", "...", ".a", "a.", "..a", "a..b", "a/b", "/a/b/",
                                        "a/.b/c.", "%2e%2e%2e", "%252e%252e", "a%2Fb", "%2", "%"}) {
        INFO(text);
        CHECK_FALSE(has_dot_segment(text));
    }
}

TEST_CASE("url: strict parsing rejects invalid URLs", "[unit][url][B38]") {
    for (const std::string_view text : {
             "",
             "h",
             "//h",
             "wss:",
             "wss:/h",
             "wss://",
             "wss:///p",
             "wss://?x",
             "ftp://h",
             "file:///etc/passwd",
             "javascript://h",
             "wss ://h",
             " wss://h",
             "wss://h ",
             "wss://h#f",
             "wss://h/p#",
             "wss://h?x#f",
             "wss://user@h",
             "wss://user:pw@h",
             "wss://:@h",
             "wss://@h",
             "wss://h:",
             "wss://h:0",
             "wss://h:65536",
             "wss://h:99999999",
             "wss://h:-1",
             "wss://h:+1",
             "wss://h:80x",
             "wss://h:0443",
             "wss://h: 80",
             "wss://h:80:80",
             "wss://a b",
             "wss://a_b!c",
             "wss://h%2eexample",
             "wss://%68",
             "wss://zürich.example",
             "wss://h\\p",
             "wss://h\\@evil",
             "wss://.h",
             "wss://h..x",
             "wss://h..",
             "wss://-h",
             "wss://h-",
             "wss://h_.-x",
             "wss://[::1",
             "wss://::1",
             "wss://[::1]x",
             "wss://[::g]",
             "wss://[]",
             "wss://[::1%25eth0]",
             "wss://[fe80::1%eth0]",
             "wss://[1.2.3.4]",
             "wss://[v1.x]",
             "wss://127.1",
             "wss://0x7f.0.0.1",
             "wss://0x7f000001",
             "wss://2130706433",
             "wss://010.0.0.1",
             "wss://1.2.3.256",
             "wss://1.2.3.4.5",
             "wss://1.2.3",
             "wss://h/a b",
             "wss://h/\"",
             "wss://h/<x>",
             "wss://h/%",
             "wss://h/%2",
             "wss://h/%zz",
             "wss://h/ü",
             "wss://h/a\nb",
             "wss://h/p\r\nEvil: 1",
             "wss://h\r\n/p",
             "wss://h?a b",
             "wss://h/../x",
             "wss://h/p/..",
             "wss://h/./x",
             "wss://h/%2E%2e/x",
             "wss://h/.%2e",
             "wss://h/{x}",
             "wss://h/a|b",
             "wss://h/a^b",
             "wss://h/a`b",
         }) {
        INFO(text);
        CHECK_FALSE(refusal_of(text).empty());
    }
    CHECK_FALSE(refusal_of(std::string_view("wss://h\0x", 9)).empty());
    CHECK_FALSE(refusal_of(std::string_view("wss://[::1\0]", 12)).empty());
    CHECK_FALSE(refusal_of("wss://" + std::string(64, 'a')).empty());
    CHECK_FALSE(refusal_of("wss://h/" + std::string(9'000, 'a')).empty());
}

TEST_CASE("url: an error message contains no credential", "[unit][url]") {
    for (const std::string_view text :
         {"wss://user:s3cret@h", "wss://s3cret@h:x", "wss://h:x?key=s3cret", "wss://h/#s3cret",
          "ws://h.example?key=s3cret"}) {
        INFO(text);
        const auto said =
            refusal_of(text, text.starts_with("ws:") ? errc::plaintext_refused : errc::invalid_url);
        CHECK_FALSE(said.empty());
        CHECK(said.find("s3cret") == std::string::npos);
    }
    CHECK(refusal_of("wss://h:x\x1B").find('\x1B') == std::string::npos);
}

TEST_CASE("url: without encryption only this machine is allowed, unless configured",
          "[unit][url]") {
    for (const std::string_view here :
         {"ws://localhost", "ws://LOCALHOST:1", "ws://127.0.0.1", "ws://127.255.0.3",
          "http://[::1]", "http://[0:0:0:0:0:0:0:1]"}) {
        INFO(here);
        CHECK(server_url::parse(here, false).loopback());
    }
    for (const std::string_view elsewhere :
         {"ws://h", "http://chat.example", "ws://192.168.0.1", "ws://128.0.0.1", "ws://[::2]",
          "ws://[::ffff:127.0.0.1]", "ws://localhost.example", "ws://127.example",
          "ws://0.0.0.0"}) {
        INFO(elsewhere);
        CHECK_FALSE(refusal_of(elsewhere, errc::plaintext_refused).empty());
        CHECK_FALSE(server_url::parse(elsewhere, true).secure());
    }
    CHECK_FALSE(server_url::parse("wss://h", false).loopback());
}

TEST_CASE("url: a proxy URL is split into its parts", "[unit][url]") {
    const auto plain = proxy_url::parse("http://Proxy.example:3128/");
    const auto known = proxy_url::parse("http://Aladdin:open%20sesame@[::1]");

    CHECK(plain.host() == "proxy.example");
    CHECK(plain.port() == 3128);
    CHECK(plain.authorization().empty());
    CHECK(known.host() == "::1");
    CHECK(known.port() == 8080);
    CHECK(known.authorization() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    const std::vector<secret> told{secret("Aladdin:open sesame"), secret("open sesame")};
    CHECK((known.secrets() == told));
    CHECK((proxy_secrets("http://Aladdin:open%20sesame@[::1]") == told));
    CHECK(proxy_secrets("").empty());
    CHECK(proxy_url::parse("http://u@h").authorization() == "Basic dTo=");
    CHECK(proxy_url::parse("http://u:p@w@h").authorization() == "Basic dTpwQHc=");
}

TEST_CASE("url: the error for a proxy URL contains no credentials", "[unit][url]") {
    for (const std::string_view text :
         {"", "h:3128", "https://h", "socks5://h", "http://", "http://h/path", "http://h?x",
          "http://h#x", "http://s3cret:s3cret@", "http://s3cret:s3cret@h:x",
          "http://a%3As3cret:x@h", "http://a:s3cret%zz@h", "http://a:s3cret%0a@h",
          "http://:s3cret@h", "http://a:s3cret@h/path"}) {
        INFO(text);
        const auto said = proxy_refusal(text);
        CHECK_FALSE(said.empty());
        CHECK(said.find("s3cret") == std::string::npos);
    }
}

TEST_CASE("url: a final dot stays in the host, but not in the certificate's name",
          "[unit][url][O144]") {
    const auto url = server_url::parse("wss://Example.com./p", false);
    CHECK(url.host() == "example.com.");
    CHECK(url.host_header() == "example.com.");
    CHECK(url.certificate_name() == "example.com");
    CHECK_FALSE(url.host_is_address());
    CHECK(server_url::parse("ws://localhost.", false).loopback());
    CHECK(server_url::parse("wss://h", false).certificate_name() == "h");
    for (const auto* wrong :
         {"wss://.", "wss://h..", "wss://127.0.0.1.", "wss://1.", "wss://[::1]."}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(server_url::parse(wrong, true), client_error);
    }
}

} // namespace url_test
