#pragma once

#include "core/clock.hpp"

#include <algorithm>
#include <chrono>

namespace parley {

/// So many at once, and so many a second after that.
class token_bucket {
public:
    token_bucket(double capacity, double per_second)
        : capacity_(capacity), per_second_(per_second), tokens_(capacity) {}

    /// Takes one, if there is one.
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
