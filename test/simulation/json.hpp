#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::simulation {

/// JSON as the model server reads it: small, strict, and no code of the library's.
class json {
public:
    enum class kind { null, boolean, number, string, array, object };

    /// Nothing for text that is not one JSON document.
    static std::optional<json> parse(std::string_view text);

    kind is = kind::null;
    bool truth = false;
    std::string text; ///< the string, or the number as it is spelled
    std::vector<json> elements;
    std::map<std::string, json, std::less<>> members;

    const json* find(std::string_view name) const;
    /// The member's string; empty when there is none.
    std::string string(std::string_view name) const;
    bool has(std::string_view name, kind of) const;
    /// The members are exactly these; names with a final `?` may be absent.
    bool only(std::initializer_list<std::string_view> names) const;
};

/// A JSON string, quotes included.
std::string json_quoted(std::string_view text);

} // namespace parley::simulation
