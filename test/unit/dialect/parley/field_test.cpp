#include "dialect/parley/field.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>

namespace field_test {

using namespace parley::wire;

namespace {

/// As it is in a frame: behind the name a quote, and bytes that mean nothing.
field found(const std::string& name) {
    const std::string text = name + "\":\"toolNames\"                         ";
    return field_at(std::string_view(text).substr(0, name.size()));
}

} // namespace

TEST_CASE("field: every name is found, in a frame and alone", "[unit][field]") {
    for (int i = 0; i < static_cast<int>(field::none); ++i) {
        const auto which = static_cast<field>(i);
        INFO(name_of(which));
        CHECK(found(std::string(name_of(which))) == which);
        CHECK(field_named(name_of(which)) == which);
    }
}

TEST_CASE("field: what only begins or ends like a name is none", "[unit][field]") {
    for (int i = 0; i < static_cast<int>(field::none); ++i) {
        const std::string name{name_of(static_cast<field>(i))};
        INFO(name);
        CHECK(found(name + "x") == (name + "x" == "toolNames" ? field::tool_names : field::none));
        CHECK(found("x" + name) == field::none);
        for (std::size_t at = 0; at < name.size(); ++at) {
            auto other = name;
            other[at] = '#';
            CHECK(found(other) == field::none);
            CHECK(found(name.substr(0, at)) == field_named(name.substr(0, at)));
        }
    }
    for (const auto* name :
         {"", "x", "Type", "TYPE", "type ", "\\u0074ype", "toolNamez", "typetype"})
        CHECK(found(name) == field::none);
}

} // namespace field_test
