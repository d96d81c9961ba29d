#include <parley/error.hpp>

#include "message/tool_registry.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace tool_registry_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

awaitable<json_text> nothing(tool_call) { co_return json_text(); }

tool made(std::string name, std::string schema = R"({"type":"object"})") {
    return {std::move(name), "does something", json_text::parse(std::move(schema)), nothing};
}

template <class Act>
errc refused(Act act) {
    try {
        act();
    } catch (const tool_configuration_error& thrown) {
        return static_cast<errc>(thrown.code().value());
    }
    return errc{};
}

std::vector<std::string> names(const tool_registry& tools) {
    std::vector<std::string> all;
    for (const auto& one : tools.all())
        all.push_back(one.name());
    return all;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("tool_registry: keeps the order of registration", "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("zeta"), made("alpha")});
    tools.add({made("mid")});

    CHECK(names(tools) == list{"zeta", "alpha", "mid"});
}

TEST_CASE("tool_registry: finds a tool by its name", "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("a"), made("b")});

    REQUIRE(tools.find("b"));
    CHECK(tools.find("b")->name() == "b");
    CHECK(tools.find("B") == nullptr);
}

TEST_CASE("tool_registry: a duplicate rejects the whole set", "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("a")});

    CHECK(refused([&] { tools.add({made("b"), made("a")}); }) == errc::tool_duplicate);
    CHECK(refused([&] { tools.add({made("c"), made("c")}); }) == errc::tool_duplicate);
    CHECK(names(tools) == list{"a"});
}

TEST_CASE("tool_registry: a schema that is not an object or array is rejected",
          "[unit][tool_registry]") {
    tool_registry tools;

    CHECK(refused([&] { tools.add({made("a"), made("b", "7")}); }) == errc::tool_schema_invalid);
    CHECK(refused([&] { tools.add({made("b", R"({"type":"string"})")}); }) ==
          errc::tool_schema_invalid);
    CHECK(names(tools).empty());
    tools.add({made("c", "[]")});
    CHECK(names(tools) == list{"c"});
}

TEST_CASE("tool_registry: a name must be UTF-8 and not empty", "[unit][tool_registry]") {
    tool_registry tools;

    CHECK(refused([&] { tools.add({made("")}); }) == errc::tool_name_invalid);
    CHECK(refused([&] { tools.add({made("caf\xE9")}); }) == errc::tool_name_invalid);
    tools.add({made("café")});
    CHECK(names(tools) == list{"café"});
}

TEST_CASE("tool_registry: a description must be UTF-8", "[unit][tool_registry]") {
    tool_registry tools;
    const tool wrong("a", "caf\xE9", json_text::parse("{}"), nothing);

    CHECK(refused([&] { tools.add({wrong}); }) == errc::tool_schema_invalid);
}

TEST_CASE("tool_registry: a tool needs a handler", "[unit][tool_registry]") {
    tool_registry tools;
    const tool empty("a", "", json_text::parse("{}"), tool_handler());

    CHECK(refused([&] { tools.add({empty}); }) == errc::invalid_configuration);
    tools.add({made("a")});
    CHECK(refused([&] { tools.replace({empty}); }) == errc::invalid_configuration);
}

TEST_CASE("tool_registry: removes by name, and rejects an unknown name", "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("a"), made("b")});
    tools.remove("a");

    CHECK(names(tools) == list{"b"});
    CHECK(refused([&] { tools.remove("a"); }) == errc::tool_unknown);
}

TEST_CASE("tool_registry: a replaced tool keeps its position, description and schema",
          "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("a", R"({"type":"object","title":"first"})"), made("b")});
    tool renewed("a", "other words", json_text::parse("{}"), nothing);
    renewed.timeout(5s).max_running(2);

    tools.replace({renewed});

    CHECK(names(tools) == list{"a", "b"});
    const auto held = tools.find("a");
    CHECK(held->description() == "does something");
    CHECK(held->parameters_schema().string_at("/title") == "first");
    CHECK(held->timeout() == 5s);
    CHECK(held->max_running() == 2u);
}

TEST_CASE("tool_registry: replaces all tools or none", "[unit][tool_registry]") {
    tool_registry tools;
    tools.add({made("a")});
    tool renewed = made("a");
    renewed.timeout(5s);

    CHECK(refused([&] { tools.replace({renewed, made("b")}); }) == errc::tool_unknown);
    CHECK_FALSE(tools.find("a")->timeout());
}

} // namespace tool_registry_test
