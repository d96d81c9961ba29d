#pragma once

#include <cstdint>
#include <string_view>

namespace parley::wire {

/// Every name of a field that PROTOCOL.md 2.2 knows, at the top or in `data`.
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

/// `toolCallId`, as it is on the wire.
std::string_view name_of(field which) noexcept;

/// The field whose name begins at `name` and ends at a quote, or `none`: one that is spelled with
/// escapes is not recognised. 24 bytes from `name` on can be read, whatever they are.
field field_at(const char* name) noexcept;
/// Of a name that was unescaped.
field field_named(std::string_view name) noexcept;

} // namespace parley::wire
