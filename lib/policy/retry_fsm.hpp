#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/backoff.hpp"

#include <optional>

namespace parley {

/// Decides how often and when one refresh is attempted (doc/protocol.md 1.7).
///
/// Only retryable failures are tried again, at most `max_retries` times, after the backoff or the
/// server's `Retry-After`, whichever is longer.
class retry_fsm {
public:
    retry_fsm(unsigned max_retries, const backoff_config& backoff) noexcept
        : left_(max_retries), backoff_(backoff) {}

    /// The number of the current attempt, from 1.
    unsigned attempt() const noexcept { return attempt_; }

    /// That attempt failed: when the next one begins; nullopt when that was the last.
    std::optional<time_point> failed(const error_details& why, time_point now,
                                     double jitter) noexcept {
        if (!why.retryable || left_ == 0) return std::nullopt;
        --left_;
        const auto delay = backoff_delay(backoff_, attempt_++, jitter, why.retry_after);
        return after(now, delay);
    }

private:
    unsigned left_;
    unsigned attempt_ = 1;
    backoff_config backoff_;
};

} // namespace parley
