#include <parley/secret.hpp>

#include "support/catch.hpp"
#include "support/secret_watch.hpp"

#include <fmt/core.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using parley::secret;

/// What memory had in it when it was given back.
struct memory_spy {
    const void* at = nullptr;
    std::size_t size = 0;
    bool seen = false;
    bool wiped = false;

    void look(const void* returned) {
        if (at == nullptr || returned != at) return;
        const auto* bytes = static_cast<const char*>(returned);
        seen = true;
        wiped = std::all_of(bytes, bytes + size, [](char c) { return c == '\0'; });
        at = nullptr;
    }
    /// Of the text that this secret has now.
    void follow(const secret& held) {
        *this = memory_spy();
        at = held.expose().data();
        size = held.size();
    }
};
memory_spy spy;

} // namespace

// A secret's text is an array of its own: these see it come back.
void* operator new[](std::size_t size) {
    if (void* fresh = std::malloc(size)) return fresh;
    throw std::bad_alloc();
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void operator delete[](void* old) noexcept {
    spy.look(old);
    std::free(old);
}
void operator delete[](void* old, std::size_t) noexcept { operator delete[](old); }

namespace {

template <class T>
concept printable = requires(std::ostream& out, const T& value) { out << value; };

} // namespace

TEST_CASE("secret: only expose() gives the text", "[unit][secret]") {
    const secret held{"ticket"};
    const secret with_nul{std::string_view("a\0b", 3)};

    CHECK(held.expose() == "ticket");
    CHECK(with_nul.expose() == std::string_view("a\0b", 3));
    CHECK(with_nul.size() == 3);
    STATIC_REQUIRE_FALSE(printable<secret>);
    STATIC_REQUIRE_FALSE(fmt::is_formattable<secret>::value);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<std::string, secret>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<std::string_view, secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<secret, std::string>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<secret, std::string_view>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, secret>);
}

TEST_CASE("secret: equal texts compare equal, others do not", "[unit][secret]") {
    CHECK(secret{"abc"} == secret{"abc"});
    CHECK_FALSE(secret{"abc"} == secret{"abd"});
    CHECK_FALSE(secret{"abc"} == secret{"abcd"});
    CHECK(secret{} == secret{""});
    CHECK_FALSE(secret{} == secret{"a"});
}

TEST_CASE("secret: a copy is independent", "[unit][secret]") {
    secret first{"one"};
    secret second = first;
    first = secret{"two"};

    CHECK(second.expose() == "one");
    CHECK(first.expose() == "two");
    auto& same = second;
    second = same;
    CHECK(second.expose() == "one");
}

TEST_CASE("secret: a moved-from secret is empty", "[unit][secret]") {
    secret first{"one"};
    secret second = std::move(first);

    CHECK(first.empty()); // NOLINT(bugprone-use-after-move): that is the question
    CHECK(first.expose().empty());
    CHECK(second.expose() == "one");

    secret third{"three"};
    third = std::move(second);
    CHECK(second.empty()); // NOLINT(bugprone-use-after-move)
    CHECK(third.expose() == "one");
}

TEST_CASE("secret: an empty secret has no text", "[unit][secret]") {
    CHECK(secret{}.empty());
    CHECK(secret{""}.empty());
    CHECK(secret{}.expose().empty());
}

TEST_CASE("secret: the text is wiped when the secret is destroyed, assigned or moved",
          "[unit][secret]") {
    constexpr std::string_view text = "SENTINEL and more than a short string holds";
    SECTION("destroyed") {
        std::optional<secret> held(text);
        spy.follow(*held);
        held.reset();
    }
    SECTION("overwritten by a move") {
        secret held(text);
        spy.follow(held);
        held = secret("other");
    }
    SECTION("overwritten by a copy") {
        secret held(text);
        const secret other("other");
        spy.follow(held);
        held = other;
    }
    SECTION("short text") {
        std::optional<secret> held("S");
        spy.follow(*held);
        held.reset();
    }
    SECTION("moved from, then destroyed") {
        secret first(text);
        spy.follow(first);
        std::optional<secret> second(std::move(first));
        CHECK_FALSE(spy.seen); // it is the same text, and not a copy
        second.reset();
    }
    CHECK(spy.seen);
    CHECK(spy.wiped);
}

TEST_CASE("secret_watch: finds a secret of the tests in any text", "[unit][secret]") {
    using parley::test::tells_a_secret;
    for (const char* text :
         {"SENTINEL", "a sentinel-token.", "?ticket=Sentinel%2F", "ticket-1", "the ticket-27 of",
          "tk-0123456789abcdef+/#", "?ticket=tk-89abcdef", "tk-x tk-01234567"}) {
        INFO(text);
        CHECK(tells_a_secret(text));
    }
    for (const char* text : {"", "ticket: attempt 1 failed", "ticket-expired", "?ticket=***",
                             "tk-12", "tk-", "ticket_timeout"}) {
        INFO(text);
        CHECK_FALSE(tells_a_secret(text));
    }
}
