#pragma once

#include "bell.hpp"

#include <exception>
#include <memory>

namespace parley_chat {

/// A coroutine that runs beside its owner, and rings when it has ended.
class side_task {
public:
    side_task() = default;

    void start(asio::any_io_executor executor, awaitable<void> work, bell& rung_at_the_end);

    bool running() const { return state_ && !state_->done; }
    /// Rethrows its exception, once.
    void rethrow();

private:
    struct state {
        bool done = false;
        std::exception_ptr failure;
    };
    std::shared_ptr<state> state_;
};

} // namespace parley_chat
