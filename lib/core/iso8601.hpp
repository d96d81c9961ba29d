#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// `YYYY-MM-DDThh:mm[:ss[.f{1,9}]](Z|±hh[:]mm)` with a real date in 1970–9999, and nothing else: an
/// instant without a zone is none (PROTOCOL.md 1). `:60` is `:59.999`, `24:00:00` the next day.
/// What lies beyond the clock's range is its last instant.
std::optional<std::chrono::system_clock::time_point> parse_iso8601(std::string_view text) noexcept;

/// `2026-11-22T19:00:00.000Z`, as JavaScript's `toISOString`.
std::string format_iso8601(std::chrono::system_clock::time_point when);

/// The three forms of RFC 9110 section 5.6.7. `now` settles the century of the second one.
std::optional<std::chrono::system_clock::time_point>
parse_http_date(std::string_view text, std::chrono::system_clock::time_point now) noexcept;

} // namespace parley
