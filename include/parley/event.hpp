#pragma once

#include <parley/error.hpp>
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
    std::string text;
};

/// The model begins to think.
struct reasoning_started {
    std::string id;
};
/// A piece of it.
struct reasoning_delta {
    std::string id;
    std::string text;
};
/// It is done thinking: the whole text, and how long it took.
struct reasoning_finished {
    std::string id;
    std::string text;
    std::chrono::milliseconds duration{};
};

/// The server called one of our tools, and it starts.
struct tool_started {
    std::string name;
    std::string call_id;
    json_text parameters;
};

enum class tool_outcome {
    succeeded,
    failed,
    not_found,
    timed_out,
    busy,
    invalid_parameters,
    shut_down
};

std::string_view to_string(tool_outcome) noexcept;

/// It ended, and this is what the server is told: `result`, or else `error`. A result after which
/// the server closes with 1009 is followed by a second one, after the `connection_lost`: the error
/// `Tool result too large: NAME`, which takes its place.
struct tool_finished {
    std::string name;
    std::string call_id;
    tool_outcome outcome = tool_outcome::succeeded;
    std::optional<json_text> result;
    std::string error;
    std::chrono::milliseconds duration{};
};

/// The server repeated a tool call that had been answered: the same `callId`, name and parameters.
/// The tool did not run again; the server was told the first answer once more.
struct tool_answer_repeated {
    std::string name;
    std::string call_id;
};

/// A tool that runs on the server started. Its name, as that of a component, is on one line and has
/// no secret of ours; arguments, results and props are the server's own.
struct server_tool_started {
    std::string name;
    std::string call_id;
    std::optional<json_text> arguments;
};
/// It ended.
struct server_tool_finished {
    std::string name;
    std::string call_id;
    std::optional<json_text> result;
};

/// Render it. Who keeps them replaces by id: `shown.insert_or_assign(one.call_id, one)`.
struct ui_component {
    enum class state { streaming, complete, error };
    std::string call_id;
    std::string name;
    json_text props;
    state status = state::complete;
};

std::string_view to_string(ui_component::state) noexcept;

/// A conversation was created.
struct thread_created {
    std::string thread_id;
    std::string provider_res_id;
    bool can_update_metadata = false;
    /// Information only: no URL of the server's is ever fetched. One line, and no secret of ours.
    std::string update_endpoint;
};

/// The run's messages are stored.
struct messages_persisted {
    std::optional<std::string> thread_id;
    std::optional<std::string> provider_res_id;
};

/// The run is over.
struct chat_finished {
    std::optional<std::string> conversation_id; ///< `data.conversationId`, or else `uuid`
    std::optional<std::int64_t> message_count;
    std::optional<std::string> uuid = std::nullopt; ///< as the frame has it
};

/// The run failed. `error` and `code` are the server's words as a quotation: one line, at most
/// 1,000 and 200 bytes, control characters spelled out, and no secret of ours. Of `details` that
/// tell one, `"***"` is left.
struct chat_failed {
    std::string error;
    std::optional<std::string> code;
    std::optional<json_text> details;
};

/// A failure on the server outside a run. Its texts are quotations, as those of `chat_failed`.
struct server_error {
    std::string error;
    std::optional<std::string> code;
    std::optional<json_text> details;
};

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

std::string_view to_string(skip_reason) noexcept;

/// A frame that could not be used. The session goes on.
struct message_skipped {
    skip_reason reason = skip_reason::not_json;
    std::string detail; ///< which type or field; one line, at most 200 bytes
};

/// Why a connection ended, in one word.
enum class loss_reason { closed, reset, silent, protocol, rejected, requested };

std::string_view to_string(loss_reason) noexcept;

/// The session was lost, or given up on request.
struct connection_lost {
    loss_reason reason = loss_reason::reset;
    error_info cause;
    bool will_reconnect = false;
    unsigned unconfirmed = 0; ///< messages sent whose run had not ended
};

/// Attempt `attempt` (from 1) begins after `delay`. `cause` is what makes it necessary: how the
/// session was lost, and from the second attempt on why the attempt before it failed.
struct reconnecting {
    unsigned attempt = 1;
    std::chrono::milliseconds delay{};
    error_info cause{};
};

/// The session is ready again, tools configured.
struct connection_restored {};

/// It will not come back by itself: `init` starts afresh.
struct connection_failed {
    error_info cause;
};

/// The held ticket was replaced in good time.
struct ticket_renewed {
    std::chrono::milliseconds expires_in{};
};

/// It could not be; it is tried again, and the live session is not touched.
struct ticket_renewal_failed {
    error_info cause;
};

/// A handler given to `run` threw; the other handlers and the session go on.
struct handler_failed {
    std::string message;
};

using event =
    std::variant<text_delta, reasoning_started, reasoning_delta, reasoning_finished, tool_started,
                 tool_finished, tool_answer_repeated, server_tool_started, server_tool_finished,
                 ui_component, thread_created, messages_persisted, chat_finished, chat_failed,
                 server_error, message_skipped, connection_lost, reconnecting, connection_restored,
                 connection_failed, ticket_renewed, ticket_renewal_failed, handler_failed>;

} // namespace parley
