#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/status.hpp>
#include <parley/ticket.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace parley {

/// One message of the server's.
class PARLEY_EXPORT incoming_message {
public:
    incoming_message() = default;
    /// A message of the server.
    incoming_message(std::string data, bool binary) : data_(std::move(data)), binary_(binary) {}

    const std::string& data() const noexcept { return data_; } ///< empty for a binary one

    /// Whether it was a binary frame.
    bool binary() const noexcept { return binary_; }

private:
    std::string data_;
    bool binary_ = false;
};

/// What becomes of the connection, in order, between the messages.
using connection_event =
    std::variant<connection_lost, reconnecting, connection_restored, connection_failed>;

/// Settings of a websocket_manager that are not the connection's.
struct websocket_manager_options {
    /// Provides the ticket of a reconnect; `fresh` requests one that was not tried yet.
    /// Without it the ticket of `connect` or `update_ticket` is used again.
    std::function<awaitable<ticket>(bool fresh)> next_ticket;
    /// Called on the manager's strand.
    std::function<void(const connection_event&)> on_event;
    std::chrono::milliseconds connect_timeout{30'000}; ///< of `connect` in all
    std::chrono::milliseconds send_timeout{30'000};    ///< of `send`

    /// Of `disconnect`: a third to send the queue, the rest to close.
    std::chrono::milliseconds disconnect_timeout{3'000};
    log_sink log;                              ///< default: nothing is logged
    log_level log_threshold = log_level::info; ///< less severe lines are not logged

    /// Counts what the manager does, beside others that were given the same one; default: nothing
    /// is counted.
    std::shared_ptr<parley::telemetry> telemetry;
};

/// The connection alone: it does not know where tickets come from, nor what messages
/// mean.
///
/// @code
/// bool ends_run(const std::string& message) {
///     return message.find("chat_finished") != std::string::npos ||
///            message.find("chat_error") != std::string::npos;
/// }
///
/// awaitable<void> talk(asio::any_io_executor executor, std::string server, ticket held) {
///     connection_config config;
///     config.reconnect.enabled = false; // an answer that is lost would never end the loop
///     websocket_manager socket(executor, server, config);
///     try {
///         co_await socket.connect(held);
///         co_await socket.send(R"({"type":"chat_message","content":"Hi","media":[]})");
///         // Ends when the connection has ended permanently.
///         while (const auto message = co_await socket.receive()) {
///             std::cout << message->data() << '\n';
///             if (ends_run(message->data())) break;
///         }
///     } catch (const client_error& failed) {
///         std::cerr << failed.what() << '\n';
///     }
///     co_await socket.disconnect();
/// }
/// @endcode
///
/// Used alone its session is ready at the 101; chat_client puts the opening of doc/protocol.md 2.1
/// on top. It reconnects by doc/protocol.md 3, one attempt at a time.
///
/// Thread safety: every member may be called from any thread. Awaitables resume on the caller's
/// executor. Destroying it never blocks. Destroy it before its execution context.
class PARLEY_EXPORT websocket_manager {
public:
    /// Throws `client_error`: `invalid_configuration` for an empty executor and for a setting out
    /// of its bounds, which it names; `invalid_url`, `plaintext_refused`, `invalid_header`.
    websocket_manager(asio::any_io_executor executor, std::string server_url,
                      connection_config config, websocket_manager_options options = {},
                      environment_ptr environment = nullptr);
    websocket_manager(const websocket_manager&) = delete;
    websocket_manager& operator=(const websocket_manager&) = delete;
    ~websocket_manager();

    /// Opens the connection with that ticket; one attempt. While a disconnect() runs, it waits for
    /// its end first.
    ///
    /// @par Completion    on the caller's executor, when the WebSocket is open
    /// @par Errors        `connection_error`: `empty_ticket` before any I/O, else naming the phase;
    ///                    `authentication_error` when the ticket is rejected
    /// @par Cancellation  any type; the attempt is abandoned
    /// @par Deadline      websocket_manager_options::connect_timeout
    awaitable<void> connect(ticket held);

    /// Sends one text message.
    ///
    /// @par Completion    when the whole frame has been handed to the kernel or TLS
    /// @par Errors        `not_connected` before `connect` and after the end; `not_sent` at the
    ///                    deadline; `sent_unconfirmed` when the connection failed with a part of it
    ///                    written
    /// @par Cancellation  any type while it is queued: nothing is sent; once its writing has begun
    ///                    it is sent completely
    /// @par Deadline      websocket_manager_options::send_timeout
    awaitable<void> send(std::string text);

    /// The next message; nullopt once the connection has ended permanently. Messages are not read
    /// from the socket faster than they are received here.
    ///
    /// @par Cancellation  any type; no message is lost
    awaitable<std::optional<incoming_message>> receive();

    /// The ticket of the next reconnect.
    void update_ticket(ticket held);

    /// Sends the queue, closes, and ends every task. Idempotent.
    ///
    /// @par Cancellation  any type; the closing continues
    /// @par Deadline      websocket_manager_options::disconnect_timeout
    awaitable<void> disconnect();

    /// What the connection is doing at this moment. Never blocks.
    websocket_state state() const;
    /// The connection in detail, at this moment. Never blocks.
    websocket_status status() const;

    /// The implementation, of which chat_client is made too.
    class impl;

private:
    class mailbox;
    std::shared_ptr<mailbox> mailbox_;
};

} // namespace parley
