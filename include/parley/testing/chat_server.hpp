#pragma once

#include <parley/export.hpp>
#include <parley/testing/answer_script.hpp>
#include <parley/testing/chat_server_options.hpp>
#include <parley/testing/server_fault.hpp>
#include <parley/testing/server_record.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::testing {

/// A chat server on loopback, in this process: the whole server side of the protocol, with scripted
/// answers and faults that can be switched on while it runs.
///
/// It runs on a thread of its own, so it serves a client on any executor, a blocking one included.
/// One port serves tickets, validation, thread updates and the WebSocket. Its answers to clients
/// are `demo_answer` until `on_message` sets others.
/// @code
/// awaitable<void> come_back(chat_server& server, chat_client& client) { // of server.url()
///     server.on_message([](const auto&) { return answer_script().text("hello"); });
///     co_await client.init();
///     server.fail(endpoint::upgrade, http_fault::status(502), 2); // the next two attempts fail
///     server.drop_all();                                          // resets every connection
///     while (const auto happened = co_await client.next_event())
///         if (std::holds_alternative<connection_restored>(*happened)) break;
///     const auto said = co_await client.ask("hi");
///     if (said.text != "hello" || server.seen().upgrades != 4)
///         throw std::logic_error("the client came back otherwise");
///     co_await client.disconnect();
/// }
/// @endcode
///
/// @par Thread safety   every function may be called from any thread at any time, but for the
///                      destructor; faults and settings hold for whatever the server does after the
///                      call. `stop` and the destructor must not be called from a script.
class PARLEY_EXPORT chat_server {
public:
    /// Listens and serves. Throws `boost::system::system_error` when it cannot listen,
    /// `std::runtime_error` when a certificate cannot be used.
    explicit chat_server(chat_server_options options = {});
    /// Stops.
    ~chat_server();

    chat_server(const chat_server&) = delete;
    chat_server& operator=(const chat_server&) = delete;

    /// The port that it listens on.
    std::uint16_t port() const noexcept;
    /// `ws://127.0.0.1:PORT`, `ws://[::1]:PORT` or `wss://localhost:PORT`, with the path prefix.
    std::string url() const;
    /// The CA that signed the generated certificate, as PEM; empty without one.
    std::string ca_pem() const;

    /// Closes every connection and joins the thread. Idempotent.
    void stop();

    // --- answers ---------------------------------------------------------------------------------

    /// Makes the answer to a message.
    using script_function = std::function<answer_script(const received_message&)>;
    /// Chooses the answer to each message. Called on the server's thread; if it throws, the run
    /// ends with a `chat_error`.
    void on_message(script_function choose);

    // --- tickets and conversations ---------------------------------------------------------------

    /// Of tickets that are issued from now on; 1 ms and more.
    void set_ticket_lifetime(std::chrono::milliseconds lifetime);
    /// A ticket that did not come over HTTP.
    std::string issue_ticket();
    /// No ticket issued so far is good any more (`TICKET_INVALID`). Sessions stay open.
    void revoke_tickets();
    /// Every ticket issued so far has expired (`TICKET_EXPIRED`). Sessions stay open.
    void expire_tickets();
    /// Makes a conversation known, as if a client had begun it.
    void add_thread(std::string provider_res_id);

    // --- faults ----------------------------------------------------------------------------------

    /// The next `count` requests of this kind fail. Faults of one kind queue up in order.
    void fail(endpoint where, http_fault fault, unsigned count = always);
    /// The next `count` WebSocket sessions have this fault. Session faults queue up in order.
    void fail_sessions(session_fault fault, unsigned count = always);
    /// Requests and sessions that begin from now on are served properly.
    void clear_faults();
    /// While true the port is closed: clients are refused. Connections stay open.
    void refuse_connections(bool refuse);

    // --- what happens to the sessions that are open now
    // --------------------------------------------

    /// Resets every connection.
    void drop_all();
    /// Resets each connection when its n-th message from now arrives.
    void drop_all_after(unsigned messages);
    /// Closes every WebSocket.
    void close_all(std::uint16_t code, std::string reason = {});
    /// Neither reads nor writes, not even a WebSocket pong; TCP stays open. The end of such a
    /// connection is noticed only after `resume_all`.
    void silence_all();
    /// Does not read: the client's sends fill the TCP window. What the server has to say it says.
    void stop_reading_all();
    /// Ends `silence_all` and `stop_reading_all`.
    void resume_all();

    /// Sends a text frame with exactly this content.
    void send_to_all(std::string text);
    /// Sends a binary frame with exactly this content.
    void send_binary_to_all(std::string bytes);
    /// Writes bytes under the WebSocket layer, between two frames.
    void send_bytes_to_all(std::string bytes);
    /// Sends a `heartbeat_ping`; `ping_time` is a JSON number or string that must come back as it
    /// is, left out when empty. A wrong `heartbeat_pong` is a violation.
    void heartbeat_ping_all(std::string ping_time);
    /// Sends a WebSocket ping.
    void websocket_ping_all();
    /// Sends a `configure_tools`: asks for the configuration again.
    void ask_for_tools_all();

    // --- what it saw -----------------------------------------------------------------------------

    /// What has happened so far.
    counters seen() const;
    /// The clients' messages, oldest first; bounded, the oldest go first.
    std::vector<received_frame> received() const;
    /// Those of one type.
    std::vector<received_frame> received(std::string_view type) const;
    /// The clients' HTTP requests, upgrades included; bounded in the same way.
    std::vector<received_request> requests() const;
    /// What clients did against the protocol, a sentence each; bounded in the same way.
    std::vector<std::string> violations() const;
    /// What went wrong in the server itself, a script that threw included; bounded in the same way.
    std::vector<std::string> internal_errors() const;
    /// Blocks until the predicate holds; false when it does not within the timeout.
    bool wait_until(const std::function<bool(const counters&)>& predicate,
                    std::chrono::milliseconds timeout = std::chrono::seconds{10}) const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace parley::testing
