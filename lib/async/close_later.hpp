#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <new>
#include <utility>

namespace parley {

/// Destroys what owns an open socket, so many turns of its strand from now. The kernel takes as
/// long to close one as to open it: first the outcome goes where it leads. The context has it until
/// then.
template <class Owner>
void close_later(const boost::asio::any_io_executor& strand, Owner socket, unsigned turns) {
    try {
        boost::asio::post(strand, [strand, turns, socket = std::move(socket)]() mutable {
            if (turns > 1) close_later(strand, std::move(socket), turns - 1);
        });
    } catch (const std::bad_alloc&) { // it is closed by now
    }
}

} // namespace parley
