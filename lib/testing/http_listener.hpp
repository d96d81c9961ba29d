#pragma once

#include <parley/testing/chat_server_options.hpp>

#include "testing/certificate.hpp"
#include "testing/peer.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace parley::testing {

/// The port of a server. For the thread of its context.
class http_listener {
public:
    /// Listens. Throws `boost::system::system_error`, or `std::runtime_error` when the identity
    /// cannot be used.
    http_listener(boost::asio::io_context& context, const chat_server_options& options,
                  const std::optional<server_identity>& identity);
    ~http_listener();
    http_listener(const http_listener&) = delete;
    http_listener& operator=(const http_listener&) = delete;

    std::uint16_t port() const noexcept;
    /// The next connection. Throws `operation_aborted` when the port is closed.
    boost::asio::awaitable<std::unique_ptr<peer>> accept();
    void close();
    /// Listens again, on the same port.
    void open();

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace parley::testing
