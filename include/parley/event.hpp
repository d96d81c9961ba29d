#pragma once

#include <parley/error.hpp>
#include <parley/export.hpp>
#include <parley/json_text.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace parley {

/// A piece of the answer.
struct text_delta {
    /// UTF-8, never cut within a character.
    std::string text;
};

/// The model begins to reason.
struct reasoning_started {
    std::string id; ///< of this reasoning; several may run concurrently
};
/// A piece of the reasoning.
struct reasoning_delta {
    std::string id;   ///< of the reasoning
    std::string text; ///< the piece
};
/// The end of the reasoning: its whole text and duration.
struct reasoning_finished {
    std::string id;                       ///< of the reasoning
    std::string text;                     ///< all of it
    std::chrono::milliseconds duration{}; ///< since it began
};

/// The server called one of our tools, and it starts.
struct tool_started {
    std::string name;     ///< of the tool
    std::string call_id;  ///< as the server spelled it; may be empty
    json_text parameters; ///< an object
};

/// How a tool call ended.
enum class tool_outcome {
    succeeded,          ///< it returned
    failed,             ///< it threw
    not_found,          ///< no tool has this name
    timed_out,          ///< it took longer than its limit
    busy,               ///< too many calls were running or waiting
    invalid_parameters, ///< they are not an object
    shut_down           ///< the client ended first
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(tool_outcome) noexcept;

/// A tool ended. The server gets `result`, or else `error`. If the server closes with 1009 after a
/// result, a second event follows the `connection_lost`: the error `Tool result too large: NAME`,
/// which replaces the result.
struct tool_finished {
    std::string name;                               ///< of the tool
    std::string call_id;                            ///< as the server spelled it; may be empty
    tool_outcome outcome = tool_outcome::succeeded; ///< how it ended
    std::optional<json_text> result;                ///< when it succeeded
    std::string error;                              ///< that the server gets when it did not
    std::chrono::milliseconds duration{};           ///< of the run; 0 when it did not run
};

/// The server repeated an answered tool call: the same `callId`, name and parameters.
/// The tool did not run again; the server got the first answer again.
struct tool_answer_repeated {
    std::string name;    ///< of the tool
    std::string call_id; ///< as the server spelled it
};

/// A tool that runs on the server started. Its name, like that of a component, is one line without
/// a secret of the client; arguments, results and props are passed on unchanged.
struct server_tool_started {
    std::string name;                   ///< of the tool
    std::string call_id;                ///< as the server spelled it
    std::optional<json_text> arguments; ///< if the server sends them
};
/// The server tool ended.
struct server_tool_finished {
    std::string name;                ///< of the tool
    std::string call_id;             ///< as the server spelled it
    std::optional<json_text> result; ///< if the server sends it
};

/// A component to render. Store components by id: `shown.insert_or_assign(one.call_id, one)`.
struct ui_component {
    /// Whether more of it follows.
    enum class state {
        streaming, ///< more of it follows
        complete,  ///< this is all
        error      ///< the server could not complete it
    };
    std::string call_id; ///< the component's identity: a later one of the same id replaces it
    std::string name;    ///< of the component
    json_text props;     ///< its properties so far
    state status = state::complete; ///< whether more follows
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(ui_component::state) noexcept;

/// A conversation was created.
struct thread_created {
    std::string thread_id;            ///< the server's own id of it
    std::string provider_res_id;      ///< the id that messages and updates name it by
    bool can_update_metadata = false; ///< whether update_metadata may be called for it

    /// For information: the client never fetches it. One line without a secret of the client.
    std::string update_endpoint;
};

/// The run's messages are stored.
struct messages_persisted {
    std::optional<std::string> thread_id;       ///< as in thread_created
    std::optional<std::string> provider_res_id; ///< as in thread_created
};

/// The run is over.
struct chat_finished {
    std::optional<std::string> conversation_id;     ///< `data.conversationId`, or else `uuid`
    std::optional<std::int64_t> message_count;      ///< in the conversation, if the server sends it
    std::optional<std::string> uuid = std::nullopt; ///< as the frame has it
};

/// The run failed. `error` and `code` quote the server's text: one line, at most 1,000 and 200
/// bytes, with control characters escaped and secrets of the client redacted. `details` with a
/// secret become `"***"`.
struct chat_failed {
    std::string error;                ///< the server's text
    std::optional<std::string> code;  ///< the server's own code
    std::optional<json_text> details; ///< the server's own, any JSON
};

/// A failure on the server outside a run. Its texts are quoted like those of `chat_failed`.
struct server_error {
    std::string error;                ///< the server's text
    std::optional<std::string> code;  ///< the server's own code
    std::optional<json_text> details; ///< the server's own, any JSON
};

/// Why a frame could not be used.
enum class skip_reason {
    binary,        ///< a binary frame
    not_json,      ///< not JSON, or not UTF-8
    not_an_object, ///< JSON, but not an object
    no_type,       ///< no string `type`
    unknown_type,  ///< a `type` that is not in doc/protocol.md 2.2
    unknown_event, ///< an unknown event inside a known type
    bad_field,     ///< a field that is missing or has another type
    too_deep,      ///< nested deeper than 64 levels
    too_large      ///< a field over its limit
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(skip_reason) noexcept;

/// A frame that could not be used. The session continues.
struct message_skipped {
    skip_reason reason = skip_reason::not_json; ///< why
    std::string detail; ///< which type or field; one line, at most 200 bytes
};

/// Why a connection ended, in one word.
enum class loss_reason {
    closed,   ///< the server closed
    reset,    ///< the connection broke
    silent,   ///< nothing arrived for too long
    protocol, ///< one side broke the protocol or a limit
    rejected, ///< the ticket or the identity was refused
    requested ///< `reconnect` was called
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(loss_reason) noexcept;

/// The session was lost, or replaced on request.
struct connection_lost {
    loss_reason reason = loss_reason::reset; ///< in one word
    error_info cause;                        ///< in detail
    bool will_reconnect = false;             ///< false: connection_failed follows
    unsigned unconfirmed = 0;                ///< messages sent whose run had not ended
};

/// Attempt `attempt` (from 1) begins after `delay`. `cause` is what makes it necessary: how the
/// session was lost, and from the second attempt on why the attempt before it failed.
struct reconnecting {
    unsigned attempt = 1;              ///< from 1
    std::chrono::milliseconds delay{}; ///< until it begins
    error_info cause{};                ///< see above
};

/// The session is ready again, tools configured.
struct connection_restored {};

/// The session will not be restored: call `init` to start again.
struct connection_failed {
    error_info cause; ///< why
};

/// The held ticket was replaced before it expired.
struct ticket_renewed {
    std::chrono::milliseconds expires_in{}; ///< of the new ticket
};

/// The renewal failed; it is retried, and the session is not affected.
struct ticket_renewal_failed {
    error_info cause; ///< why
};

/// A handler given to `run` threw; the other handlers and the session continue.
struct handler_failed {
    std::string message; ///< of the exception
};

/// Everything that a client reports, in the order in which it happened.
using event =
    std::variant<text_delta, reasoning_started, reasoning_delta, reasoning_finished, tool_started,
                 tool_finished, tool_answer_repeated, server_tool_started, server_tool_finished,
                 ui_component, thread_created, messages_persisted, chat_finished, chat_failed,
                 server_error, message_skipped, connection_lost, reconnecting, connection_restored,
                 connection_failed, ticket_renewed, ticket_renewal_failed, handler_failed>;

} // namespace parley
