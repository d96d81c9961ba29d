#pragma once

#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <functional>
#include <memory>

namespace parley {

/// The tasks of an actor, so that it can end them: nothing runs without an owner.
///
/// Strand only. A task's exception, cancellation aside, goes to the handler given here.
class task_group {
public:
    using error_handler = std::function<void(std::exception_ptr)>;

    task_group(asio::any_io_executor executor, std::shared_ptr<clock_source> clock,
               error_handler on_error);
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    /// Does not end the tasks: keep the group until they have ended.
    ~task_group();

    /// Starts a task at once, on the strand, up to its first suspension.
    void spawn(std::function<awaitable<void>()> body);

    /// Cancels every task (terminal). A task that cleans up goes on doing so.
    void cancel();

    /// Returns when no task is left. A task must not wait for its own group.
    awaitable<void> join();

    bool empty() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace parley
