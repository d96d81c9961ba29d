#pragma once

#include <parley/config.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace parley {

/// No `Retry-After` keeps us waiting longer (doc/protocol.md 1.7).
inline constexpr std::chrono::seconds longest_retry_after{300};

/// The upper bound of the delay before attempt n (from 1): min(cap, base × 2^(n−1)).
constexpr std::chrono::milliseconds backoff_bound(const backoff_config& config,
                                                  unsigned attempt) noexcept {
    using std::chrono::milliseconds;
    const auto cap = std::max(config.cap, milliseconds(0));
    auto bound = std::clamp(config.base, milliseconds(0), cap);
    // Doubles while the result stays below the cap, hence never overflows; ends after 63 turns.
    for (unsigned n = 1; n < attempt && bound < cap && bound > milliseconds(0); ++n)
        bound = bound > cap / 2 ? cap : bound * 2;
    return bound;
}

/// The delay before attempt n: a uniform part of its bound (full jitter, doc/protocol.md 3.3), not
/// less than `Retry-After`. `sample` is uniform in [0, 1).
constexpr std::chrono::milliseconds
backoff_delay(const backoff_config& config, unsigned attempt, double sample,
              std::optional<std::chrono::seconds> retry_after = std::nullopt) noexcept {
    using std::chrono::milliseconds;
    const auto bound = backoff_bound(config, attempt);
    const auto part = static_cast<double>(bound.count()) * std::clamp(sample, 0.0, 1.0);
    const auto least = std::clamp(retry_after.value_or(std::chrono::seconds(0)),
                                  std::chrono::seconds(0), longest_retry_after);
    // A double holds 53 bits: a bound beyond them may round up past the integer's range.
    const auto delay = part < static_cast<double>(bound.count())
                           ? milliseconds(static_cast<milliseconds::rep>(part))
                           : bound;
    return std::max<milliseconds>(delay, least);
}

} // namespace parley
