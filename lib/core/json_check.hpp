#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace parley {

/// The deepest nesting of arrays and objects that is taken (doc/pitfalls.md P57).
inline constexpr std::size_t json_max_depth = 64;

/// The first thing wrong with a text that is no JSON.
struct json_fault {
    enum class kind { grammar, utf8, too_deep };
    kind what = kind::grammar;
    std::size_t offset = 0;
};

/// The whole of RFC 8259: grammar, UTF-8, depth. Numbers of any size and spelling pass; so do
/// escaped lone surrogates and equal keys, which the grammar allows. Not recursive.
std::optional<json_fault> check_json(std::string_view text) noexcept;

} // namespace parley
