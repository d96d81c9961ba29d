#pragma once

#include <chrono>
#include <string>

namespace parley::testing {

/// `Sun, 22 Nov 2026 19:00:00 GMT` (RFC 9110, 5.6.7).
std::string http_time(std::chrono::system_clock::time_point when);

} // namespace parley::testing
