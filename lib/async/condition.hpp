#pragma once

#include "async/bare_condition.hpp"

#include <utility>

namespace parley {

/// What a condition refers to, made before it.
class condition_parts {
protected:
    condition_parts(asio::any_io_executor on, std::shared_ptr<clock_source> from)
        : own_executor_(std::move(on)), own_clock_(std::move(from)) {}

    const asio::any_io_executor own_executor_;
    const std::shared_ptr<clock_source> own_clock_;
};

/// A bare_condition with what it needs of its own.
class condition : private condition_parts, public bare_condition {
public:
    condition(asio::any_io_executor executor, std::shared_ptr<clock_source> clock)
        : condition_parts(std::move(executor), std::move(clock)),
          bare_condition(own_executor_, own_clock_) {}
};

} // namespace parley
