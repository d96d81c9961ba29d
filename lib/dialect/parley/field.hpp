#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::wire {

/// Every name of a field that doc/protocol.md 2.2 knows, at the top or in `data`, ordered by
/// length.
enum class field : std::uint8_t {
    id,
    args,
    code,
    data,
    text,
    type,
    uuid,
    delta,
    error,
    event_name,
    props,
    call_id,
    result,
    status,
    details,
    ping_time,
    thread_id,
    tool_name,
    error_code,
    text_delta,
    timestamp,
    tool_count,
    tool_names,
    parameters,
    tool_call_id,
    message_count,
    component_name,
    provider_res_id,
    conversation_id,
    update_endpoint,
    can_update_metadata,
    original_timestamp,
    none
};

/// The same in the same order, as they are on the wire: by their lengths.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(field::none)> field_names{
    "id",
    "args",
    "code",
    "data",
    "text",
    "type",
    "uuid",
    "delta",
    "error",
    "event",
    "props",
    "callId",
    "result",
    "status",
    "details",
    "pingTime",
    "threadId",
    "toolName",
    "errorCode",
    "textDelta",
    "timestamp",
    "toolCount",
    "toolNames",
    "parameters",
    "toolCallId",
    "messageCount",
    "componentName",
    "providerResId",
    "conversationId",
    "updateEndpoint",
    "canUpdateMetadata",
    "originalTimestamp"};

/// `toolCallId`, as it is on the wire.
std::string_view name_of(field which) noexcept;

/// The field of that name, or `none`.
field field_named(std::string_view name) noexcept;

} // namespace parley::wire
