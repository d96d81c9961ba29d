#include <parley/error.hpp>

#include "dialect/parley/encoder.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace tool_schema_test {

using namespace parley;

namespace {

tool with_schema(std::string schema) {
    return {"weather", "The weather", json_text::parse(std::move(schema)), {}};
}

std::string mapped(std::string schema) {
    return std::string(tool_parameters(with_schema(std::move(schema))).view());
}

std::string refusal_of(std::string schema) {
    try {
        tool_parameters(with_schema(std::move(schema)));
    } catch (const tool_configuration_error& e) {
        CHECK(e.code() == errc::tool_schema_invalid);
        return e.message();
    }
    return {};
}

} // namespace

TEST_CASE("tool_schema: an object's schema becomes one entry per property, in order",
          "[unit][tool_schema]") {
    CHECK(mapped(R"({"type":"object","required":["city"],"properties":{
              "city":{"type":"string","description":"Where \"it\" is"},
              "days": {"type": "integer", "minimum": 1.0} }})") ==
          R"([{"name":"city","type":"string","description":"Where \"it\" is","isRequired":true,)"
          R"("schema":{"type":"string","description":"Where \"it\" is"}},)"
          R"({"name":"days","type":"integer","description":"","isRequired":false,)"
          R"("schema":{"type": "integer", "minimum": 1.0}}])");
}

TEST_CASE("tool_schema: an object without properties has no parameters", "[unit][tool_schema]") {
    CHECK(mapped("{}") == "[]");
    CHECK(mapped(R"({"type":"object"})") == "[]");
    CHECK(mapped(R"({"type":"object","properties":{}})") == "[]");
    CHECK(mapped(R"({"type":["null","object"]})") == "[]");
}

TEST_CASE("tool_schema: an array is sent unchanged", "[unit][tool_schema]") {
    CHECK(mapped(R"([ {"name":"x", "isRequired": 1} ])") == R"([ {"name":"x", "isRequired": 1} ])");
    CHECK(mapped("[]") == "[]");
}

TEST_CASE("tool_schema: the type is the schema's own", "[unit][tool_schema]") {
    const auto type = [](const char* property) {
        return tool_parameters(with_schema(R"({"properties":{"p":)" + std::string(property) + "}}"))
            .string_at("/0/type");
    };

    CHECK(type(R"({"type":"number"})") == "number");
    CHECK(type(R"({"type":["null","string"]})") == "string");
    CHECK(type(R"({"enum":[1,2]})") == "any");
    CHECK(type("true") == "any");
    CHECK(type("{}") == "any");
}

TEST_CASE("tool_schema: names are compared unescaped", "[unit][tool_schema]") {
    const auto parameters = tool_parameters(
        with_schema(R"({"required":["a\u0062"],"properties":{"\u0061b":{},"ab":{"type":"x"}}})"));

    CHECK(parameters.string_at("/0/name") == "ab");
    CHECK(parameters.bool_at("/0/isRequired") == true);
    CHECK_FALSE(parameters.text_at("/1").has_value()); // the first of the two counts
}

TEST_CASE("tool_schema: other schemas are rejected, and the tool is named", "[unit][tool_schema]") {
    for (const auto* schema :
         {"null", "1", "true", R"("object")", R"({"type":"string"})", R"({"properties":[]})",
          R"({"properties":{"a":1}})", R"({"required":"a"})", R"({"required":[1]})"}) {
        INFO(schema);
        CHECK(refusal_of(schema).find("\"weather\"") != std::string::npos);
    }
}

TEST_CASE("tool_schema: tools are listed in order of registration", "[unit][tool_schema]") {
    std::vector<tool> tools;
    tools.emplace_back("b", "Second \"letter\"", json_text::parse("{}"), tool_handler{});
    tools.emplace_back("a", "", json_text::parse("[1]"), tool_handler{});

    CHECK(tool_schemas(tools).view() ==
          R"([{"name":"b","description":"Second \"letter\"","parameters":[]},)"
          R"({"name":"a","description":"","parameters":[1]}])");
    CHECK(tool_schemas({}).view() == "[]");
}

TEST_CASE("tool_schema: names and descriptions must be text", "[unit][tool_schema]") {
    const auto code_of = [](std::string name, std::string description, std::string schema) {
        std::vector<tool> tools;
        tools.emplace_back(std::move(name), std::move(description),
                           json_text::parse(std::move(schema)), tool_handler{});
        try {
            tool_schemas(tools);
        } catch (const client_error& e) {
            return static_cast<errc>(e.code().value());
        }
        return errc{};
    };

    CHECK(code_of("", "", "{}") == errc::tool_name_invalid);
    CHECK(code_of("\xFF", "", "{}") == errc::tool_name_invalid);
    CHECK(code_of("t", "\xFF", "{}") == errc::invalid_utf8);
    CHECK(code_of("t", "", "null") == errc::tool_schema_invalid);
    CHECK(code_of("t", "", std::string(64, '[') + std::string(64, ']')) ==
          errc::tool_schema_invalid); // in its place it would be nested deeper than 64 levels
}

} // namespace tool_schema_test
