#pragma once

#include <parley/detail/on_strand.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

namespace parley {

/// The strand that an executor is, or else a new one around it. A strand around ours would be
/// another one, and keep nothing apart.
inline detail::strand as_strand(const asio::any_io_executor& executor) {
    const auto* strand = executor.target<detail::strand>();
    return strand ? *strand : asio::make_strand(executor);
}

} // namespace parley
