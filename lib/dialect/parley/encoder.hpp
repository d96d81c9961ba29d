#pragma once

#include <parley/chat_message.hpp>
#include <parley/event.hpp>
#include <parley/json_text.hpp>
#include <parley/tool.hpp>

#include "core/clock.hpp"
#include "dialect/parley/json_writer.hpp"
#include "dialect/parley/server_frame.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// The frames of doc/protocol.md 2.3, as text. Text of the caller that is not UTF-8 is refused
// before anything is sent: `client_error` with `errc::invalid_utf8`, naming the field.

/// A frame of that type, to which its fields are added. `size`: of these, roughly, in bytes.
wire::object_writer client_frame(std::string_view type, std::size_t size = 0);

/// `conversation` is used for a message that names none and does not begin one.
std::string encode_chat_message(const chat_message& message,
                                const std::optional<std::string>& conversation = std::nullopt);

/// `schemas` as tool_schemas makes it; null helpers are sent as `{}`; null components are left out.
std::string encode_configure_tools(const json_text& schemas, const json_text& helpers,
                                   const json_text& components);
std::string encode_update_tools(const json_text& schemas, const json_text& components);
inline std::string encode_context_helpers(const json_text& helpers) {
    return client_frame("update_context_helpers")
        .raw("contextHelpers", helpers.is_null() ? "{}" : helpers.view())
        .take();
}

/// The callId comes from the server: a number is written as it was spelled. Invalid UTF-8 in a
/// callId or an error, which may be the text of any exception, is replaced.
std::string encode_tool_result(std::string_view call_id, const json_text& result,
                               bool numeric_id = false);
std::string encode_tool_error(std::string_view call_id, std::string_view error,
                              bool numeric_id = false);

/// The `error` of doc/protocol.md 2.5 for a call that did not succeed. The name comes from the
/// server, and is cut at 256 bytes.
std::string tool_error_text(tool_outcome why, std::string_view name);
std::string tool_result_too_large_text(std::string_view name);

std::string encode_heartbeat_ping(wall_time now);
std::string encode_heartbeat_pong(wall_time now, const ping_received& ping);
inline std::string encode_stop_run(std::string_view conversation_id) {
    return client_frame("stop_run").text("conversationUuid", conversation_id).take();
}

/// The `parameters` of doc/protocol.md 2.3: of a JSON schema of an object one entry per property,
/// in its order; an array is sent unchanged. A property's `type` is its schema's, of several the
/// first that is not `null`, and `any` when it names none. Throws `tool_configuration_error`
/// (`tool_schema_invalid`) for anything else.
json_text tool_parameters(const tool& described);

/// `toolSchemas`, in order. Throws as tool_parameters does, and `tool_name_invalid`.
json_text tool_schemas(const std::vector<tool>& tools);

/// The members of `merge` over those of `held`: a held one is replaced in its place, a new one goes
/// to the end. Null stands for an empty object; throws `client_error` (`invalid_configuration`) for
/// anything that is no object.
json_text merge_helpers(const json_text& held, const json_text& merge);

} // namespace parley
