#pragma once

#include <cstddef>

namespace parley {

/// Zero bytes that follow every message, so that a parser may read beyond its end with whole
/// registers (simdjson's SIMDJSON_PADDING).
inline constexpr std::size_t message_padding = 64;

} // namespace parley
