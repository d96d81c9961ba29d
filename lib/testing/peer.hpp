#pragma once

#include <parley/testing/server_record.hpp>

#include "testing/http_reply.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace parley::testing {

/// A message as it came.
class peer_message {
public:
    peer_message(bool text, std::string data) : text_(text), data_(std::move(data)) {}
    bool is_text() const noexcept { return text_; }
    const std::string& data() const& noexcept { return data_; }
    std::string data() && noexcept { return std::move(data_); }

private:
    bool text_;
    std::string data_;
};

/// What a WebSocket peer does beside sending messages.
enum class peer_sign {
    ping,
    pong,
    close,     ///< the end has begun, on either side; may come twice
    violation, ///< of RFC 6455, or a message that is too large
};

/// One connection to a client: TCP, TLS if any, HTTP, and a WebSocket after the upgrade.
///
/// For one thread. One read and one write at a time; awaitables throw `system_error` when the
/// connection ends. The object outlives what it awaits.
class peer {
public:
    template <class T>
    using awaitable = boost::asio::awaitable<T>;

    virtual ~peer();

    /// TLS; nothing without it.
    virtual awaitable<void> handshake() = 0;
    /// Nullopt at the end of the stream.
    virtual awaitable<std::optional<received_request>> read_request() = 0;
    /// Answers the request that was read.
    virtual awaitable<void> reply(http_reply reply) = 0;
    /// Whether another request may follow.
    virtual bool keeps_alive() const = 0;
    /// Answers the request that was read with 101, or with 400 and throws.
    virtual awaitable<void> accept_websocket() = 0;
    /// Drops all input until the client disconnects.
    virtual awaitable<void> outlast() = 0;

    virtual awaitable<peer_message> read_message() = 0;
    virtual awaitable<void> write_text(std::string text) = 0;
    virtual awaitable<void> write_binary(std::string bytes) = 0;
    virtual awaitable<void> write_ping() = 0;
    /// Sends a close and waits for the client's.
    virtual awaitable<void> close(std::uint16_t code, std::string reason) = 0;
    /// Under HTTP and WebSocket.
    virtual awaitable<void> write_bytes(std::string bytes) = 0;

    virtual void on_sign(std::function<void(peer_sign)> observer) = 0;
    /// Reads nothing until `release`; a pending read keeps waiting.
    virtual void hold() = 0;
    virtual void release() = 0;
    /// A reset: the client sees that the connection broke.
    virtual void reset() noexcept = 0;
    /// An end; everything that waits ends with an error.
    virtual void shut() noexcept = 0;
};

} // namespace parley::testing
