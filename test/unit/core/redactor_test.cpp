#include "core/redactor.hpp"
#include "core/url.hpp"
#include "support/catch.hpp"
#include "support/secret_forms.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace redactor_test {

using namespace parley;
using namespace parley::test;

namespace {

const std::string token = R"(s3cret/"token"+~\end)";

redactor gate_for(const std::vector<std::string>& secrets) {
    std::vector<secret> known;
    for (const auto& each : secrets)
        known.emplace_back(each);
    return redactor(std::move(known));
}

} // namespace

TEST_CASE("redactor: only the redactor makes a quotation", "[unit][redactor]") {
    STATIC_REQUIRE(std::is_default_constructible_v<quotation>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<quotation, std::string>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<quotation, const char*>);
    STATIC_REQUIRE_FALSE(std::is_assignable_v<quotation&, std::string>);
    CHECK(quotation().empty());
}

TEST_CASE("redactor: a secret is found in each encoding of a header, a URL or JSON",
          "[unit][redactor]") {
    const auto gate = gate_for({token});
    auto forms = forms_of(token);
    forms.push_back(percent_encode(percent_encode(token)));
    forms.push_back(in_json(in_json(token, true)));
    for (const auto& form : forms) {
        INFO(form);
        const auto shown = gate.quote("the " + form + " of us").text();
        CHECK(shown.ends_with("*** of us"));
        CHECK(shown.size() <= std::string("the dXNlcjp*** of us").size());
        CHECK(gate.tells_a_secret(form));
    }
    // Base64 of more than the secret: what it has of the bytes around it may stay.
    for (const std::string before : {"", "a", "ab", "abc", "user:"})
        for (const bool for_urls : {false, true}) {
            const auto text = base64(before + token + "?&", for_urls);
            const auto shown = gate.redact(text);
            INFO(text << " " << shown);
            CHECK(shown.find("***") != std::string::npos);
            CHECK(shown.size() < 3 + 4 * (before.size() + 5));
        }
}

TEST_CASE("redactor: text without a secret is unchanged", "[unit][redactor]") {
    const auto gate = gate_for({token, "", "abc"});
    for (const std::string text :
         {"", "nothing here", "100 % of \\u0041 and %41", "s3cret", "abc", "C:\\temp\\new"}) {
        CHECK(gate.redact(text) == text);
        CHECK(redactor().redact(text) == text);
        CHECK_FALSE(gate.tells_a_secret(text));
    }
    CHECK(gate_for({"four"}).redact("one two three four, fou") == "one two three ***, fou");
}

TEST_CASE("redactor: a truncated secret is recognised by its beginning", "[unit][redactor]") {
    const auto gate = gate_for({"abcdefghijklmnop"});
    for (std::size_t size = 8; size <= 16; ++size) {
        const auto part = std::string("abcdefghijklmnop").substr(0, size);
        CHECK(gate.redact("no " + part) == "no ***");
        CHECK(gate.redact("no " + part + "... here") == "no ***... here");
        CHECK(gate.redact("no " + in_json(part, true)) == "no ***");
    }
    CHECK(gate.redact("no abcdefg") == "no abcdefg");
    // Of two that begin alike the longer one is taken out whole.
    CHECK(gate_for({"token-12", "token-123456"}).redact("token-123456") == "***");
    // Half a secret is not left by our own cut.
    const auto cut = gate.quote(std::string(195, '.') + "abcdefghijklmnop").text();
    CHECK(cut == std::string(195, '.') + "***");
}

TEST_CASE("redactor: keeps the last groups of secrets, and always the initial ones",
          "[unit][redactor]") {
    auto gate = gate_for({"of-the-identity"});
    for (int i = 10; i < 40; ++i) {
        gate.remember({secret("ticket-number-" + std::to_string(i)), secret("its-cookie")});
        gate.remember({secret("the-one-that-is-used")});
    }
    CHECK(gate.redact("of-the-identity the-one-that-is-used its-cookie") == "*** *** ***");
    CHECK(gate.redact("ticket-number-39") == "***");
    CHECK(gate.redact("ticket-number-25") == "***");
    gate = gate_for({});
    gate.remember({secret("the first")});
    for (int i = 10; i < 26; ++i)
        gate.remember({secret(std::to_string(i) + " is another")});
    CHECK(gate.redact("the first") == "the first");
    CHECK(gate.redact("10 is another") == "***");
}

TEST_CASE("redactor: a quotation is one line of bounded length, however long the text",
          "[unit][redactor]") {
    const auto gate = gate_for({token});
    CHECK(gate.quote("a\r\nb\x1B[2J\xC2\x9B\xD8\x9C\xFF").text() ==
          "a\\r\\nb\\x1b[2J\\x9b\\u061c\\xff");
    CHECK(gate.quote(std::string(100'000, 'x')).text() == std::string(200, 'x') + "…");
    CHECK(gate.quote(std::string(100'000, 'x'), 10).text() == std::string(10, 'x') + "…");
    std::string many;
    while (many.size() < 4'000'000)
        many += token;
    const auto starred = gate.quote(many).text();
    CHECK(starred.size() <= 203);
    CHECK(starred.find("s3cr") == std::string::npos);
    const auto once = gate.quote("a\n" + std::string(300, 'x'));
    CHECK(gate.quote(once.text()).text() == once.text());
}

TEST_CASE("redactor: each text of an error is redacted", "[unit][redactor]") {
    const auto gate = gate_for({token});
    const auto words = "\r\n" + token + std::string(100'000, 'w');
    error_details details;
    details.server_code = details.server_text = details.reason = details.url = words;
    details.close_code = 4000u;
    const auto clean = gate.clean(error_info(errc::connection_closed, words, details));
    for (const auto& text : {clean.message, clean.details.server_code, clean.details.server_text,
                             clean.details.reason, clean.details.url}) {
        CHECK(text.starts_with("\\r\\n***www"));
        CHECK(text.size() <= 1'003);
    }
    CHECK(clean.details.server_text.size() <= 203);
    CHECK(clean.is(errc::connection_closed));
    CHECK(clean.details.close_code == 4000u);
    CHECK(std::string(client_error(clean).what()).size() < 4'000);
}

} // namespace redactor_test
