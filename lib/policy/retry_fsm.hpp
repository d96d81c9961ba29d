#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/backoff.hpp"

#include <optional>

namespace parley {

/// The attempts of one refresh: how often, and when (doc/protocol.md 1.7).
///
/// Only what is retryable is tried again, at most `max_retries` times, after the backoff or what
/// the server asks for, whichever is longer.
class retry_fsm {
public:
    retry_fsm(unsigned max_retries, const backoff_config& backoff) noexcept
        : left_(max_retries), backoff_(backoff) {}

    /// The number of the attempt that is on, from 1.
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
