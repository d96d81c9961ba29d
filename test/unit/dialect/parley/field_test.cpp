#include "dialect/parley/field.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>

namespace field_test {

using namespace parley::wire;

TEST_CASE("field: every name is found", "[unit][field]") {
    for (int i = 0; i < static_cast<int>(field::none); ++i) {
        const auto which = static_cast<field>(i);
        INFO(name_of(which));
        CHECK(field_named(name_of(which)) == which);
    }
}

TEST_CASE("field: a prefix or an extension of a name is not found", "[unit][field]") {
    for (int i = 0; i < static_cast<int>(field::none); ++i) {
        const auto which = static_cast<field>(i);
        const std::string name{name_of(which)};
        INFO(name);
        CHECK(field_named(name + "x") ==
              (name + "x" == "toolNames" ? field::tool_names : field::none));
        CHECK(field_named("x" + name) == field::none);
        for (std::size_t at = 0; at < name.size(); ++at) {
            auto other = name;
            other[at] = '#';
            CHECK(field_named(other) == field::none);
            CHECK(field_named(name.substr(0, at)) != which);
        }
    }
    for (const auto* name :
         {"", "x", "Type", "TYPE", "type ", "\\u0074ype", "toolNamez", "typetype"})
        CHECK(field_named(name) == field::none);
}

} // namespace field_test
