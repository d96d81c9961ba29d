#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace parley {

/// The deepest nesting of arrays and objects that is accepted (doc/pitfalls.md P57).
inline constexpr std::size_t json_max_depth = 64;

/// The first fault of a text that is not JSON.
struct json_fault {
    enum class kind { grammar, utf8, too_deep };
    kind what = kind::grammar;
    std::size_t offset = 0;
};

/// Checks a text by RFC 8259: grammar, UTF-8, depth. It accepts numbers of any size, escaped lone
/// surrogates and equal keys, as the grammar does. Not recursive.
std::optional<json_fault> check_json(std::string_view text) noexcept;

} // namespace parley
