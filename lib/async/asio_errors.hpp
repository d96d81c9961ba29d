#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace parley {

/// Completion token: awaits an operation of Asio and returns (error code, result) instead of
/// throwing.
inline constexpr auto as_tuple_awaitable = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Ends an operation that was cancelled, or whose owner was destroyed.
[[noreturn]] inline void throw_aborted() {
    throw boost::system::system_error(
        boost::system::error_code(boost::asio::error::operation_aborted));
}

} // namespace parley
