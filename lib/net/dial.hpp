#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "net/resolve.hpp"
#include "net/stop_signal.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace parley {

/// One after the other from each family, the first one's family first (RFC 8305 section 4).
tcp_endpoints interleave_families(tcp_endpoints endpoints);

/// RFC 8305 section 5: the pause before the next address is tried beside those under way.
inline constexpr std::chrono::milliseconds dial_stagger{250};

/// Connects to one of the addresses: an address is tried when the one before has failed or has been
/// silent for `dial_stagger`; the first that answers wins, and the others are closed. Each address
/// has `limit`, and all of them together twice as long, however many the name has.
///
/// `socket` is a strand's, and connected unless there is an error. That is `connect_failed`,
/// `connect_timeout` when no address so much as refused, or the one of `aborted_error`. `name` is
/// for the message: host and port.
awaitable<result<void>> connect_any(asio::ip::tcp::socket& socket,
                                    std::shared_ptr<clock_source> clock, tcp_endpoints endpoints,
                                    std::string name, std::chrono::milliseconds limit,
                                    std::shared_ptr<stop_signal> stop);

} // namespace parley
