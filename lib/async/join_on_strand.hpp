#pragma once

#include <parley/detail/strand.hpp>
#include <parley/fwd.hpp>

#include "async/flight.hpp"

#include <memory>

namespace parley {

/// A call that does nothing but wait for a flight. On the strand.
class joining_call {
public:
    virtual ~joining_call();
    /// The flight to wait for, or nothing when there is nothing to wait for. What it throws is
    /// thrown to the caller.
    virtual std::shared_ptr<flight<void>> begin() = 0;
    /// `joined` has landed, or the caller has left it: he was cancelled.
    virtual void ended(const std::shared_ptr<flight<void>>& joined) = 0;

protected:
    joining_call() = default;
    joining_call(const joining_call&) = default;
    joining_call& operator=(const joining_call&) = default;
};

/// What `on_strand` does for an operation, for one that joins a flight: it takes no coroutine on
/// the strand. The caller, on any executor, is resumed on his own; any type of cancellation lets
/// him leave.
awaitable<void> join_on_strand(detail::strand where, std::shared_ptr<joining_call> call);

} // namespace parley
