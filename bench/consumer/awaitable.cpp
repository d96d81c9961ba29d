// The least that any coroutine of Asio costs.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

boost::asio::awaitable<void> open() { co_return; }
