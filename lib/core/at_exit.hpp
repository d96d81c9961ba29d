#pragma once

#include <utility>

namespace parley {

/// Does something at the end of a scope, also when its coroutine is destroyed.
template <class Action>
class at_exit {
public:
    explicit at_exit(Action action) : action_(std::move(action)) {}
    at_exit(const at_exit&) = delete;
    at_exit& operator=(const at_exit&) = delete;
    ~at_exit() { action_(); }

private:
    Action action_;
};

} // namespace parley
