#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::testing {

/// Letter case of ASCII ignored, as in the names of headers.
bool same_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Decodes `%XX`; nullopt when a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);

/// The value of one parameter in the query of a request target, still encoded.
std::optional<std::string_view> query_parameter(std::string_view target, std::string_view name);

/// The target without its query.
std::string_view path_of(std::string_view target) noexcept;

} // namespace parley::testing
