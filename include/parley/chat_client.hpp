#pragma once

#include <parley/chat_message.hpp>
#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/event_handlers.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/metrics.hpp>
#include <parley/status.hpp>
#include <parley/tool.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Called with each piece of an answer.
using text_handler = std::function<void(std::string_view piece)>;

/// A live, tool-calling chat session.
/// @code
/// awaitable<void> serve(chat_client& client) {
///     co_await client.init(); // ready, or throws
///     auto said = co_await client.ask("What's the weather in Zürich?");
///     std::cout << said.text << '\n';
///     co_await client.ask("And tomorrow?", [](std::string_view piece) { std::cout << piece; });
///     co_await client.disconnect();
/// }
/// @endcode
/// A program that only waits for answers needs `ask` alone. A program that shows what happens also
/// takes the events, with `next_event` or `run`.
///
/// Thread safety: every member may be called from any thread, concurrently. Awaitables resume on
/// the caller's executor. Errors are the classes of error.hpp, and `boost::system::system_error`
/// with `operation_aborted` for a cancelled call. Destroying a client never blocks, and completes
/// every waiter with `operation_aborted`: run the io_context until then, and destroy it last.
class PARLEY_EXPORT chat_client {
public:
    /// Throws `client_error` or `tool_configuration_error` for an invalid configuration:
    /// `invalid_configuration` names the setting, as in `connection.limits.message_bytes`, and is
    /// also thrown for an empty executor.
    chat_client(asio::any_io_executor executor, chat_client_config config,
                environment_ptr environment = nullptr);
    /// Shares a ticket_manager with other clients of the same identity. Its owner starts and stops
    /// the renewal; `config.ticket` is checked but not used, and `config.auth` is used for thread
    /// updates only. A null manager is an error (`invalid_configuration`).
    chat_client(asio::any_io_executor executor, chat_client_config config,
                std::shared_ptr<ticket_manager> tickets, environment_ptr environment = nullptr);
    chat_client(const chat_client&) = delete;
    chat_client& operator=(const chat_client&) = delete;
    ~chat_client();

    /// Opens the session: ticket, connection, tools. Returns only when it is ready
    /// (doc/protocol.md 2.1); it never resolves on failure.
    ///
    /// On a ready client it returns at once, a concurrent call joins the running one, and after a
    /// failure, `disconnect` or `connection_failed` it starts again.
    ///
    /// @par Errors        `ticket_error`, `authentication_error`, `connection_error`,
    ///                    `tool_configuration_error`, with the phase in the details
    /// @par Cancellation  any type; the attempt is abandoned when no other caller waits for it
    /// @par Deadline      timeouts_config::init, in all
    awaitable<void> init();

    /// Sends a message; the answer arrives as events. Use `as_result` where an error is an ordinary
    /// outcome:
    /// @code
    /// awaitable<void> insist(chat_client& client, std::string words) {
    ///     for (int tries = 1;; ++tries) {
    ///         const auto sent = co_await as_result(client.send_message(words));
    ///         const bool again = sent.error().is(errc::not_sent) && tries < 3;
    ///         if (!again) co_return sent.value(); // or it throws
    ///     }
    /// }
    /// @endcode
    ///
    /// @par Completion    when the whole frame has been handed to the kernel or TLS
    /// @par Errors        `not_connected` before the first ready session, after `disconnect` and
    ///                    after `connection_failed`: call `init`; `not_sent` at the deadline, and
    ///                    nothing was sent; `sent_unconfirmed` when the connection failed with a
    ///                    part of it written; `too_many_runs` when limits_config::unfinished_runs
    ///                    messages wait or have a run that has not ended, and nothing was sent;
    ///                    `invalid_utf8`, `too_large`
    /// @par Cancellation  any type while it is queued: nothing is sent; once its writing has begun
    ///                    it is sent completely
    /// @par Deadline      timeouts_config::send. During a reconnect the message waits.
    awaitable<void> send_message(std::string content);
    /// The same, for a message with more than text.
    awaitable<void> send_message(chat_message message);

    /// Sends a message and collects its answer. Calls queue up, one run at a time; while one runs,
    /// its text, reasoning, tool and end events go into the answer only, and so do
    /// `thread_created` and `messages_persisted`.
    ///
    /// `on_text` is called with each piece of the text as it arrives, on the caller's executor and
    /// before the answer is returned. Its exception ends the call as a cancellation does. Name a
    /// lambda that captures values before you pass it (see add_client_tool).
    ///
    /// @par Errors        those of send_message; `chat_failed` for a `chat_error` of the server,
    /// and
    ///                    `answer_too_large` for an answer over limits_config::answer_bytes, whose
    ///                    run is then stopped as if the call were cancelled: both as
    ///                    `answer_error`, which has the partial answer, and `on_text` has got all
    ///                    of its text; `sent_unconfirmed` when the connection fails before the end;
    ///                    `answer_timeout` after timeouts_config::answer without an event of the
    ///                    run, and when the runs before it do not end; `disconnected` when the
    ///                    client is disconnected meanwhile. See as_result.
    /// @par Cancellation  any type; the run is stopped (`stop_run`), and its further events are
    ///                    dropped up to its end, for which the next `ask` waits up to 10 s. With
    ///                    chat_client_config::stop_cancelled_asks off the run continues.
    awaitable<answer> ask(std::string content);
    /// The same, for a message with more than text.
    awaitable<answer> ask(chat_message message);
    /// The same, and calls `on_text` with each piece of the text.
    awaitable<answer> ask(std::string content, text_handler on_text);
    /// The same, for a message with more than text.
    awaitable<answer> ask(chat_message message, text_handler on_text);

    /// The next event; nullopt once disconnected or failed permanently, after the earlier events.
    /// Completes without suspending when an event is queued.
    ///
    /// An event stays queued until it is taken, also across `disconnect` and `init`: the events of
    /// the new session follow it. `connection_failed` then marks where the old session ended. A
    /// `disconnect` has no event, and only a call that began before `init` returns its nullopt,
    /// not a later one.
    ///
    /// While limits_config::event_count or event_bytes of events are queued, nothing more is read
    /// from the server. This begins with the first call of `next_event` or `run`: before it, new
    /// events replace the oldest ones, which `metrics().events_dropped` counts.
    ///
    /// @par Cancellation  any type; no event is lost
    awaitable<std::optional<event>> next_event();

    /// Calls the handlers for each event of `next_event`, until the end. A handler may call any
    /// member, and may destroy the client.
    ///
    /// @par Cancellation  any type, between two handlers and within a coroutine handler
    awaitable<void> run(event_handlers handlers);

    /// Asks the server to stop the current run (or that of the conversation). The run still
    /// ends with `chat_finished` or `chat_failed`.
    ///
    /// @par Errors        those of send_message
    /// @par Cancellation  as send_message
    /// @par Deadline      timeouts_config::send
    awaitable<void> stop_run();
    /// The same, for the run of that conversation.
    awaitable<void> stop_run(std::string conversation_id);

    /// Before `init`: registered. After: announced to the server, and acknowledged.
    /// @code
    /// awaitable<void> add_clock(chat_client& client, std::shared_ptr<std::string> zone) {
    ///     tool clock("clock", "The time of day", json_text::parse(R"({"type":"object"})"),
    ///                [zone](tool_call) -> awaitable<json_text> {
    ///                    co_return json_object().set("zone", *zone).set("time", "12:00");
    ///                });
    ///     co_await client.add_client_tool(std::move(clock));
    /// }
    /// @endcode
    /// Name a tool whose handler captures something before you pass it, as here: g++ 12 destroys
    /// such captures twice when the lambda stands in the expression of a `co_await`.
    ///
    /// @par Errors        `tool_configuration_error`: `tool_duplicate`, `tool_schema_invalid`,
    ///                    `tools_not_acknowledged`, `tools_refused`; the tools are then removed
    /// @par Cancellation  any type; the tools are removed, though the server may know them
    /// until
    ///                    the next change
    /// @par Deadline      timeouts_config::acknowledge
    awaitable<void> add_client_tool(tool added);
    /// The same for several tools: all are added, or none.
    awaitable<void> add_client_tools(std::vector<tool> added);
    /// Throws `tool_configuration_error` (`tool_unknown`). Cancellation: any type; it is removed.
    awaitable<void> remove_client_tool(std::string name);
    /// Replaces handlers and limits of registered tools; nothing is sent. Throws `tool_unknown`,
    /// and `invalid_configuration` as `add_client_tool` does.
    void update_client_tools(std::vector<tool> tools);

    /// Merges the members of an object into the context helpers, and sends them.
    ///
    /// @par Errors        `invalid_configuration` when it is not an object; those of send_message
    /// @par Cancellation  any type; the helpers are merged, and sent with the next opening at the
    ///                    latest
    /// @par Deadline      timeouts_config::send
    awaitable<void> update_context_helpers(json_text merge);

    /// Attaches a conversation to an entity; nullopt sends `null` and detaches. Later ticket
    /// requests carry the new entity. A ticket_manager that was given to the constructor is not
    /// changed, because other clients use it: its owner calls `update_auth_data`.
    ///
    /// @par Errors        `invalid_configuration`, before anything is sent, when `provider_res_id`
    ///                    is empty or has a segment `.` or `..`; `thread_update_rejected`;
    ///                    `authentication_failed` for 401 and 403; the `connection_error` of an
    ///                    exchange that failed, `timed_out` at the deadline among them;
    ///                    `disconnected` when the client is disconnected meanwhile
    /// @par Cancellation  any type; whether the server has made the change is then unknown
    /// @par Deadline      timeouts_config::request
    awaitable<void> update_entity(std::string provider_res_id, std::optional<std::string> entity_id,
                                  std::optional<std::string> entity_type);
    /// Changes title, tag or metadata of a conversation; errors, cancellation and deadline as for
    /// update_entity.
    awaitable<void> update_metadata(std::string provider_res_id, metadata_patch patch);

    /// Refreshes the ticket, then reconnects with it. If the refresh fails, it throws, and the
    /// session continues.
    ///
    /// @par Errors        those of the refresh; those of reconnect
    /// @par Cancellation  any type; as reconnect
    awaitable<void> refresh_ticket_and_reconnect();
    /// Closes and opens again; completes when the session is ready. In a backoff it ends the
    /// wait.
    ///
    /// @par Errors        `not_connected` without a session, ready or reconnecting; `timed_out` at
    ///                    the deadline, while it continues; a permanent failure; `disconnected`
    /// @par Cancellation  any type; the reconnect continues, and events report it
    /// @par Deadline      timeouts_config::init
    awaitable<void> reconnect();

    /// Sends the queue, closes, and ends every task of this client. Idempotent, in every state.
    ///
    /// @par Cancellation  any type; the closing continues
    /// @par Deadline      timeouts_config::disconnect
    awaitable<void> disconnect();

    /// The network has changed: ends a backoff, and checks the connection at once.
    void notify_network_change();

    /// Whether the session is ready at this moment. Never blocks.
    bool is_connected() const;
    /// The connection, the queue and the ticket at this moment. Never blocks.
    connection_status status() const;
    /// The counters at this moment. Never blocks.
    metrics_snapshot metrics() const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace parley
