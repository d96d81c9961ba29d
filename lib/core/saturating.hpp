#pragma once

#include <parley/detail/saturating.hpp>

#include <chrono>
#include <concepts>

namespace parley {

// The one arithmetic of durations and points in time. Nothing here overflows: a result beyond the
// range is the last value of the range. The greatest value means never, of a point in time and of a
// duration in whatever unit, and never stays never whatever is added to it.

using detail::saturated;

/// `from` and then `by`.
template <class Rep, class Period>
constexpr std::chrono::duration<Rep, Period> added(std::chrono::duration<Rep, Period> from,
                                                   std::chrono::duration<Rep, Period> by) noexcept {
    using duration = std::chrono::duration<Rep, Period>;
    if (by > duration::zero() && from > duration::max() - by) return duration::max();
    if (by < duration::zero() && from < duration::min() - by) return duration::min();
    return from + by;
}

/// The time after `delay`.
template <class Clock, class Duration, std::integral Rep, class Period>
constexpr std::chrono::time_point<Clock, Duration>
after(std::chrono::time_point<Clock, Duration> now,
      std::chrono::duration<Rep, Period> delay) noexcept {
    using time_point = std::chrono::time_point<Clock, Duration>;
    const auto by = saturated<Duration>(delay);
    if (now == time_point::max() || by == Duration::max()) return time_point::max();
    return time_point(added(now.time_since_epoch(), by));
}

/// From one time to a later one; negative when it is an earlier one.
template <class Clock, class Duration>
constexpr Duration time_between(std::chrono::time_point<Clock, Duration> from,
                                std::chrono::time_point<Clock, Duration> to) noexcept {
    const Duration begin = from.time_since_epoch();
    const Duration end = to.time_since_epoch();
    if (end == Duration::max()) return end;
    if (begin < Duration::zero() && end > Duration::max() + begin) return Duration::max();
    if (begin > Duration::zero() && end < Duration::min() + begin) return Duration::min();
    return end - begin;
}

/// Whether a deadline is over. One that is never comes never.
template <class Clock, class Duration>
constexpr bool is_over(std::chrono::time_point<Clock, Duration> deadline,
                       std::chrono::time_point<Clock, Duration> now) noexcept {
    return deadline != deadline.max() && now >= deadline;
}

} // namespace parley
