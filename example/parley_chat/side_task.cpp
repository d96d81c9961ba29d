#include "side_task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace parley_chat {

void side_task::start(asio::any_io_executor executor, awaitable<void> work, bell& rung_at_the_end) {
    state_ = std::make_shared<state>();
    asio::co_spawn(executor, std::move(work),
                   [state = state_, &rung_at_the_end](std::exception_ptr failure) {
                       state->failure = std::move(failure);
                       state->done = true;
                       rung_at_the_end.ring();
                   });
}

void side_task::rethrow() {
    if (!state_ || !state_->failure) return;
    std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

} // namespace parley_chat
