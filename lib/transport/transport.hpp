#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>
#include <parley/secret.hpp>
#include <parley/ticket.hpp>

#include "core/clock.hpp"
#include "core/padding.hpp"
#include "websocket/connect_request.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// The receiver of what a transport reads: called on its executor, within its operations.
class transport_listener {
public:
    /// A step of connecting begins: resolve, tcp, proxy, tls, upgrade.
    virtual void on_phase(phase now) = 0;
    /// Bytes arrived, of whatever kind: the peer lives. `message_open` while a message is
    /// incomplete.
    virtual void on_bytes(std::size_t count, bool message_open) = 0;
    virtual void on_pong() = 0;
    /// The peer began to close, or a fault of its made us: from now on it may keep the connection
    /// open, send nothing and read nothing.
    virtual void on_close_started() = 0;
    /// A whole text message, valid UTF-8. The view is followed by `message_padding` bytes that may
    /// be read, and dies with the call.
    virtual void on_text(std::string_view text) = 0;
    virtual void on_binary(std::string_view message) = 0; ///< likewise
    /// False while the listener has no room: the transport then returns from read.
    virtual bool wants_more() const = 0;

protected:
    ~transport_listener() = default;
    transport_listener() = default;
    transport_listener(const transport_listener&) = default;
    transport_listener& operator=(const transport_listener&) = default;
};

enum class message_kind { text, binary };

/// One WebSocket connection, from the name lookup to the close. It sets no deadline of its own but
/// those of the lookup and of each address: its owner aborts it in time (doc/pitfalls.md P30).
///
/// All on one strand. At most one `read` and one `flush` at a time. Destroy it only after every
/// operation has returned. Errors come as values: the errc tells the kind, the details give phase,
/// status, close code and retry_after; nothing is thrown, cancellation aside. Its operations are
/// never cancelled to get a timeout: `abort` ends them all. Nothing but that is called before
/// `connect` has succeeded.
class transport {
public:
    virtual ~transport();

    /// Lookup, TCP (RFC 8305), proxy, TLS, upgrade, and the check of the 101 (RFC 6455 4.1).
    virtual awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) = 0;

    /// Reads until at least one message was handed to the listener. The result of a connection that
    /// ended is its error: `connection_closed` with the code, `connection_reset`,
    /// `protocol_violation`, `message_too_large`. The last two, after our close frame, when the
    /// peer has ended its side, has gone on sending for long (discard_input.hpp), or at an abort.
    virtual awaitable<result<void>> read() = 0;

    // Each of these sends one frame, behind the frames before it, as far as the socket takes it
    // now: most frames leave whole, and cost neither a coroutine nor an allocation. False: call
    // `flush` at once, which sends the rest.

    virtual result<bool> write(std::string_view message,
                               message_kind kind = message_kind::text) = 0;
    virtual result<bool> ping() = 0;
    /// Sends one close frame at most. `read` returns the answer, behind what came before it.
    virtual result<bool> close(unsigned code) = 0;
    /// Returns when the socket has taken every frame.
    virtual awaitable<result<void>> flush() = 0;

    /// Closes the socket now: every operation that is on returns with an error. Idempotent.
    virtual void abort() noexcept = 0;

protected:
    transport() = default;
    transport(const transport&) = default;
    transport& operator=(const transport&) = default;
};

/// Makes transports of one configuration, which share the TLS context and its sessions.
/// Usable from any thread.
class transport_factory {
public:
    virtual ~transport_factory();
    /// `executor` is a strand; `listener` outlives the transport; `secure` is for TLS.
    virtual std::unique_ptr<transport> make(asio::any_io_executor executor,
                                            transport_listener& listener, bool secure) = 0;

protected:
    transport_factory() = default;
    transport_factory(const transport_factory&) = default;
    transport_factory& operator=(const transport_factory&) = default;
};

} // namespace parley
