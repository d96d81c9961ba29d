#pragma once

#include "testing/server_context.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace parley::testing {

/// Starts a task of the server; its exception is recorded as an internal error.
void spawn(boost::asio::any_io_executor executor, std::shared_ptr<server_context> context,
           boost::asio::awaitable<void> task);

/// One waiter at a time waits for a time or for a notification, and then looks at its own state.
/// For one thread: there is no suspension between the look and the wait.
class wake_signal {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit wake_signal(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

    boost::asio::awaitable<void> wait_until(time_point until = time_point::max()) {
        timer_.expires_at(until);
        co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    void notify() { timer_.cancel(); }

private:
    boost::asio::steady_timer timer_;
};

} // namespace parley::testing
