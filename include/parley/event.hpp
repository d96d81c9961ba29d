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

/// The model begins to think.
struct reasoning_started {
    std::string id; ///< of this thought; several may run side by side
};
/// A piece of it.
struct reasoning_delta {
    std::string id;   ///< of the thought
    std::string text; ///< the piece
};
/// It is done thinking: the whole text, and how long it took.
struct reasoning_finished {
    std::string id;                       ///< of the thought
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
    busy,               ///< there was no place for it
    invalid_parameters, ///< they are no object
    shut_down           ///< the client ended first
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(tool_outcome) noexcept;

/// It ended, and this is what the server is told: `result`, or else `error`. A result after which
/// the server closes with 1009 is followed by a second one, after the `connection_lost`: the error
/// `Tool result too large: NAME`, which takes its place.
struct tool_finished {
    std::string name;                               ///< of the tool
    std::string call_id;                            ///< as the server spelled it; may be empty
    tool_outcome outcome = tool_outcome::succeeded; ///< how it ended
    std::optional<json_text> result;                ///< when it succeeded
    std::string error;                              ///< when it did not: what the server is told
    std::chrono::milliseconds duration{};           ///< of the run; 0 when it did not run
};

/// The server repeated a tool call that had been answered: the same `callId`, name and parameters.
/// The tool did not run again; the server was told the first answer once more.
struct tool_answer_repeated {
    std::string name;    ///< of the tool
    std::string call_id; ///< as the server spelled it
};

/// A tool that runs on the server started. Its name, as that of a component, is on one line and has
/// no secret of ours; arguments, results and props are the server's own.
struct server_tool_started {
    std::string name;                   ///< of the tool
    std::string call_id;                ///< as the server spelled it
    std::optional<json_text> arguments; ///< if the server names them
};
/// It ended.
struct server_tool_finished {
    std::string name;                ///< of the tool
    std::string call_id;             ///< as the server spelled it
    std::optional<json_text> result; ///< if the server tells it
};

/// Render it. Who keeps them replaces by id: `shown.insert_or_assign(one.call_id, one)`.
struct ui_component {
    /// Whether more of it comes.
    enum class state {
        streaming, ///< more of it comes
        complete,  ///< this is all
        error      ///< the server could not complete it
    };
    std::string call_id; ///< the component's identity: a later one of the same id replaces it
    std::string name;    ///< of the component
    json_text props;     ///< its properties, as far as they have come
    state status = state::complete; ///< whether more comes
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(ui_component::state) noexcept;

/// A conversation was created.
struct thread_created {
    std::string thread_id;            ///< the server's own id of it
    std::string provider_res_id;      ///< the id that messages and updates name it by
    bool can_update_metadata = false; ///< whether update_metadata may be called for it

    /// Information only: no URL of the server's is ever fetched. One line, and no secret of ours.
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
    std::optional<std::int64_t> message_count;      ///< in the conversation, if the server tells it
    std::optional<std::string> uuid = std::nullopt; ///< as the frame has it
};

/// The run failed. `error` and `code` are the server's words as a quotation: one line, at most
/// 1,000 and 200 bytes, control characters spelled out, and no secret of ours. Of `details` that
/// tell one, `"***"` is left.
struct chat_failed {
    std::string error;                ///< the server's words
    std::optional<std::string> code;  ///< the server's own code
    std::optional<json_text> details; ///< the server's own, any JSON
};

/// A failure on the server outside a run. Its texts are quotations, as those of `chat_failed`.
struct server_error {
    std::string error;                ///< the server's words
    std::optional<std::string> code;  ///< the server's own code
    std::optional<json_text> details; ///< the server's own, any JSON
};

/// Why a frame could not be used.
enum class skip_reason {
    binary,        ///< a binary frame
    not_json,      ///< not JSON, or not UTF-8
    not_an_object, ///< JSON, but no object
    no_type,       ///< no string `type`
    unknown_type,  ///< a `type` that doc/protocol.md 2.2 does not know
    unknown_event, ///< an event inside a known type that it does not know
    bad_field,     ///< a field that is missing or has another type
    too_deep,      ///< nested deeper than 64 levels
    too_large      ///< a field over its limit
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(skip_reason) noexcept;

/// A frame that could not be used. The session goes on.
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

/// The session was lost, or given up on request.
struct connection_lost {
    loss_reason reason = loss_reason::reset; ///< in one word
    error_info cause;                        ///< with all that is known
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

/// It will not come back by itself: `init` starts afresh.
struct connection_failed {
    error_info cause; ///< why
};

/// The held ticket was replaced in good time.
struct ticket_renewed {
    std::chrono::milliseconds expires_in{}; ///< of the new ticket
};

/// It could not be; it is tried again, and the live session is not touched.
struct ticket_renewal_failed {
    error_info cause; ///< why
};

/// A handler given to `run` threw; the other handlers and the session go on.
struct handler_failed {
    std::string message; ///< what the exception said
};

/// Everything that a client tells of, in the order in which it happened.
using event =
    std::variant<text_delta, reasoning_started, reasoning_delta, reasoning_finished, tool_started,
                 tool_finished, tool_answer_repeated, server_tool_started, server_tool_finished,
                 ui_component, thread_created, messages_persisted, chat_finished, chat_failed,
                 server_error, message_skipped, connection_lost, reconnecting, connection_restored,
                 connection_failed, ticket_renewed, ticket_renewal_failed, handler_failed>;

} // namespace parley
