#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace parley_chat {

/// A duration as people write it: `90s`, `1m30s`, `500ms`, `2h`, `1.5h`.
///
/// The units are `d`, `h`, `m`, `s` and `ms`, each at most once and the larger ones first; a number
/// without a unit is seconds. Nullopt for anything else, negative numbers and more than a year
/// included.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

} // namespace parley_chat
