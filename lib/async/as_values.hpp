#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace parley {

/// An operation of Asio awaited with its error beside its result, in place of an exception.
inline constexpr auto as_values = boost::asio::as_tuple(boost::asio::use_awaitable);

} // namespace parley
