#include <parley/secret.hpp>

#include "support/catch.hpp"

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using parley::secret;

template <class T>
concept printable = requires(std::ostream& out, const T& value) { out << value; };

} // namespace

TEST_CASE("secret: it gives its text back, and to nobody by accident", "[unit][secret]") {
    const secret held{"ticket"};
    const secret with_nul{std::string_view("a\0b", 3)};

    CHECK(held.expose() == "ticket");
    CHECK(with_nul.expose() == std::string_view("a\0b", 3));
    CHECK(with_nul.size() == 3);
    STATIC_REQUIRE_FALSE(printable<secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<secret, std::string>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<secret, std::string_view>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, secret>);
}

TEST_CASE("secret: equal texts are equal, others are not", "[unit][secret]") {
    CHECK(secret{"abc"} == secret{"abc"});
    CHECK_FALSE(secret{"abc"} == secret{"abd"});
    CHECK_FALSE(secret{"abc"} == secret{"abcd"});
    CHECK(secret{} == secret{""});
    CHECK_FALSE(secret{} == secret{"a"});
}

TEST_CASE("secret: a copy is of its own", "[unit][secret]") {
    secret first{"one"};
    secret second = first;
    first = secret{"two"};

    CHECK(second.expose() == "one");
    CHECK(first.expose() == "two");
    auto& same = second;
    second = same;
    CHECK(second.expose() == "one");
}

TEST_CASE("secret: what was moved from is empty", "[unit][secret]") {
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

TEST_CASE("secret: an empty one is empty", "[unit][secret]") {
    CHECK(secret{}.empty());
    CHECK(secret{""}.empty());
    CHECK(secret{}.expose().empty());
}
