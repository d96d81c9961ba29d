#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// `YYYY-MM-DDThh:mm[:ss[.f{1,12}]](Z|±hh[[:]mm])` or the basic format, `YYYYMMDDThhmm[ss[.f]]` and
/// a zone, with a real date in 1970–9999, and nothing else: a text without a zone is refused
/// (doc/protocol.md 1.4). A space may stand for the `T`, a comma for the point. `:60` is `:59.999`,
/// `24:00:00` the next day. An instant beyond the clock's range becomes its last.
std::optional<std::chrono::system_clock::time_point> parse_iso8601(std::string_view text) noexcept;

/// `2026-11-22T19:00:00.000Z`, as JavaScript's `toISOString`.
std::string format_iso8601(std::chrono::system_clock::time_point when);

/// `Sun, 22 Nov 2026 19:00:00 GMT` (RFC 1123); the zone may also be `UTC` or `±hhmm`.
std::optional<std::chrono::system_clock::time_point>
parse_rfc1123_date(std::string_view text) noexcept;

/// Seconds since the epoch, from 10^11 on milliseconds; a fraction of a millisecond is dropped.
/// Nothing for a negative number and for NaN.
std::optional<std::chrono::system_clock::time_point> parse_epoch(double since) noexcept;

/// The three forms of RFC 9110 section 5.6.7. `now` settles the century of the second one.
std::optional<std::chrono::system_clock::time_point>
parse_http_date(std::string_view text, std::chrono::system_clock::time_point now) noexcept;

} // namespace parley
