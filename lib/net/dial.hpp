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

/// Alternates between the families, beginning with that of the first address (RFC 8305 section 4).
tcp_endpoints interleave_families(tcp_endpoints endpoints);

/// RFC 8305 section 5: the delay between two attempts.
inline constexpr std::chrono::milliseconds dial_stagger{250};

/// Connects to one of the addresses. It tries an address when the previous one has failed or has
/// not answered for `dial_stagger`; the first connection that is established is used, and the
/// others are closed. Each address has `limit`, and all of them together twice that.
///
/// The socket belongs to a strand. The error is `connect_failed`, `connect_timeout` when every
/// address timed out, or that of `aborted_error`. `name` is host and port, for the message.
awaitable<result<void>> connect_any(asio::ip::tcp::socket& socket,
                                    std::shared_ptr<clock_source> clock, tcp_endpoints endpoints,
                                    std::string name, std::chrono::milliseconds limit,
                                    std::shared_ptr<stop_signal> stop);

} // namespace parley
