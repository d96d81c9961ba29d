#pragma once

#include "core/clock.hpp"

#include <algorithm>
#include <chrono>

namespace parley {

/// Limits a rate: `capacity` tokens at once, then `per_second`.
class token_bucket {
public:
    token_bucket(double capacity, double per_second)
        : capacity_(capacity), per_second_(per_second), tokens_(capacity) {}

    /// Takes a token; false if there is none.
    bool take(time_point now) {
        const std::chrono::duration<double> passed = time_between(filled_, now);
        if (passed.count() > 0) {
            tokens_ = std::min(capacity_, tokens_ + passed.count() * per_second_);
            filled_ = now;
        }
        if (tokens_ < 1) return false;
        tokens_ -= 1;
        return true;
    }

private:
    double capacity_;
    double per_second_;
    double tokens_;
    time_point filled_{};
};

} // namespace parley
