#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace parley {

/// What an operation ends with that its caller has cancelled, or whose owner is gone.
[[noreturn]] inline void throw_aborted() {
    throw boost::system::system_error(
        boost::system::error_code(boost::asio::error::operation_aborted));
}

} // namespace parley
