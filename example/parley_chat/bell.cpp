#include "bell.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace parley_chat {

class bell::waiter {
public:
    waiter(bell& owner, time_point until) : owner_(owner), timer_(owner.executor_, until) {
        owner_.waiters_.push_back(this);
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() { std::erase(owner_.waiters_, this); }

    asio::steady_timer& timer() { return timer_; }

private:
    bell& owner_;
    asio::steady_timer timer_;
};

bell::bell(asio::any_io_executor executor) : executor_(std::move(executor)) {}

bell::~bell() = default;

void bell::ring() {
    for (waiter* each : waiters_)
        each->timer().cancel();
}

awaitable<void> bell::wait(time_point until) {
    waiter self{*this, until};
    boost::system::error_code woken; // why it woke is for the caller's condition to say
    co_await self.timer().async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

} // namespace parley_chat
