#pragma once

#include <parley/fwd.hpp>

#include "core/clock.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>

namespace parley {

/// So much is read and dropped before a socket is closed all the same.
inline constexpr std::size_t most_discarded = 16u << 20;

/// From its beginning it reads and drops what the peer still sends: a peer that reads nothing
/// before it has sent everything could not take our close frame else. Strand only; nothing else
/// reads the socket, which outlives this.
class input_discarder {
public:
    input_discarder(asio::ip::tcp::socket& socket, std::shared_ptr<clock_source> clock);
    ~input_discarder();
    input_discarder(const input_discarder&) = delete;
    input_discarder& operator=(const input_discarder&) = delete;

    /// Ends our side of the connection, and returns at the peer's end. A socket that is closed
    /// while it holds bytes resets the connection (RFC 9293 section 3.6), and takes from the peer
    /// what it has not read yet: the close frame that says why.
    ///
    /// Returns as well after `most_discarded` bytes, and when the socket is closed; without a
    /// deadline.
    awaitable<void> finish();

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace parley
