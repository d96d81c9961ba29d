#pragma once

#include <parley/fwd.hpp>

#include "net/stream_traits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <utility>

namespace parley {

// Input and output of a socket, or of TLS over it. The stream outlives the operation.

/// Sends all of it, without a wait where the socket takes it.
template <class Stream>
awaitable<boost::system::error_code> send_all(Stream& stream, asio::const_buffer rest) {
    boost::system::error_code failed;
    if (never_blocks(stream)) rest += stream.write_some(rest, failed);
    while (rest.size() > 0 || !flushed(stream)) {
        auto writing = stream.async_write_some(rest, asio::as_tuple(asio::deferred));
        const auto done = co_await std::move(writing);
        failed = std::get<0>(done);
        if (failed) co_return failed;
        rest += std::get<1>(done);
    }
    co_return boost::system::error_code();
}

/// Reads once, into `space()`, and calls `done(error, count, exception)`.
template <class Stream, class Space, class Done>
void read_once(Stream& stream, const Space& space, Done done) {
    stream.async_read_some(space(), [done = std::move(done)](boost::system::error_code failed,
                                                             std::size_t count) mutable {
        done(failed, count, nullptr);
    });
}

/// The same for a long wait: takes the space only once there is something. Of a stream that
/// `never_blocks`.
template <class Stream, class Space, class Done>
void wait_and_read(Stream& stream, Space space, Done done) {
    async_await_input(
        stream, [&stream, space, done = std::move(done)](boost::system::error_code failed) mutable {
            std::size_t count = 0;
            std::exception_ptr thrown;
            try {
                if (!failed) count = stream.read_some(space(), failed);
            } catch (...) { // out of memory
                thrown = std::current_exception();
            }
            if (failed == asio::error::would_block || failed == asio::error::try_again)
                return wait_and_read(stream, space, std::move(done));
            done(failed, count, std::move(thrown));
        });
}

} // namespace parley
