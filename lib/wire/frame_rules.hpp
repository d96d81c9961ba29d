#pragma once

#include <parley/event.hpp>

#include "wire/frame_fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace parley::wire {

/// Every message of PROTOCOL.md 2.2, the events of `chat_event` each for itself.
enum class frame_kind : std::uint8_t {
    session_established,
    authentication_error,
    tools_configured,
    client_tools_updated,
    configure_tools,
    content_delta,
    text_delta,
    reasoning_start,
    reasoning_delta,
    reasoning_end,
    server_tool_call,
    server_tool_result,
    latitude_tool_result,
    chat_finished,
    chat_error,
    messages_persisted,
    thread_created,
    tool_call_request,
    ui_component,
    heartbeat_ping,
    heartbeat_ack,
    error
};

/// Which message these fields are, or nullopt, and in `why` the reason for which they are none.
std::optional<frame_kind> identify(const frame_fields& fields, message_skipped& why);

/// What is wrong with its fields, if anything: each is there and has its shape, or may be absent.
/// After this the getters of frame_fields cannot fail.
std::optional<message_skipped> check_fields(frame_kind kind, const frame_fields& fields);

/// The frame cannot be used for a fault that `check_json` found.
message_skipped skipped_for(std::string_view text);

} // namespace parley::wire
