#include "async/condition.hpp"

#include <boost/asio/awaitable.hpp>

namespace parley {

void condition::notify_all() {
    for (const waiter& each : waiters_)
        each.bell->ring();
}

awaitable<void> condition::wait(condition* self, time_point until) {
    waiter here(self->clock_->make_alarm(self->executor_));
    self->waiters_.push_back(here);
    co_await here.bell->wait_until(until);
}

} // namespace parley
