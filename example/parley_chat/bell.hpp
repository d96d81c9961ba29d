#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <vector>

namespace parley_chat {

namespace asio = boost::asio;
template <class T>
using awaitable = asio::awaitable<T>;

/// Wakes the coroutines that wait for something to change.
///
/// A waiter checks its condition before and after each wait. The whole program runs on one thread,
/// so nothing can change between a check and the wait that follows it.
class bell {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit bell(asio::any_io_executor executor);
    bell(const bell&) = delete;
    bell& operator=(const bell&) = delete;
    ~bell();

    void ring();

    /// Until the next `ring`, or until then.
    awaitable<void> wait(time_point until = time_point::max());

private:
    class waiter;
    asio::any_io_executor executor_;
    std::vector<waiter*> waiters_;
};

} // namespace parley_chat
