#pragma once

#include <parley/event.hpp>

#include "dialect/parley/frame_fields.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace parley::wire {

/// Every message of doc/protocol.md 2.2, the events of `chat_event` each for itself.
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

// Of a required field:
//
//   shape             takes                            missing, null     another type   longer
//   text              a string                         bad_field         bad_field      taken
//   words             a string or an object            bad_field         bad_field      taken
//   identifier        a string or a number             bad_field         bad_field      taken
//   name              a string, up to 4 KiB escaped    bad_field         bad_field      too_large
//   scalar            a name or a number, up to 4 KiB  bad_field         bad_field      too_large
//   stamp             any JSON up to 4 KiB             bad_field         taken          too_large
//   integer           of 64 bits, spelled as one       bad_field         bad_field
//   boolean           true, false                      bad_field         bad_field
//   object            an object                        bad_field         bad_field
//   names             an array of names                bad_field         bad_field      bad_field
//   component_status  streaming, complete, error       bad_field         bad_field      bad_field
//   value             any JSON                         null is a value   taken          taken
//   parameters        any JSON; an object, or absent, null, `[]`, or a string that holds an object.
//                     Anything else is a call that is answered with `Invalid parameters: NAME`
//
// A value nested deeper than 64 levels is `too_deep` (of parameters: a call with invalid ones).
// Each of these reasons costs the frame, which is skipped as a `message_skipped`; the session goes
// on. An optional field with such a fault counts as absent instead, and is counted. Invalid JSON in
// a field that is read is `not_json` and costs the frame in either case: it is no JSON object.
//
// Of an absent optional field the default is an empty text, `reasoning` for the id of a reasoning,
// `complete` for a status, nullopt where the event has an optional.

enum class shape : std::uint8_t {
    text,
    words,
    identifier,
    name,
    scalar,
    stamp,
    integer,
    boolean,
    object,
    names,
    value,
    parameters,
    component_status
};

enum class presence : std::uint8_t { optional, required };

/// What one field of a message must be.
struct rule {
    level where;
    field which;
    shape wanted;
    presence needed;
};

/// One message and its fields.
struct frame_row {
    frame_kind kind;
    std::string_view name; ///< `type`, and of a chat_event its event or the event's own type
    std::span<const rule> rules;
};

/// doc/protocol.md 2.2 and 2.4: all there is to know of each message, in the order of frame_kind.
std::span<const frame_row> frame_table() noexcept;

/// An identifier, a name or a timestamp is no longer than this (as it is escaped): some are kept.
inline constexpr std::size_t longest_name = 4'096;

/// The kind of the message with these fields; nullopt, and the reason in `why`, when it has none.
std::optional<frame_kind> identify(const frame_fields& fields, message_skipped& why);

/// The fault that costs the frame, if there is one: a required field is missing or has another
/// shape. Optional fields of another shape are dropped from `fields` and added to `ignored`. After
/// this the getters of frame_fields cannot fail.
std::optional<message_skipped> check_fields(frame_kind kind, frame_fields& fields,
                                            unsigned& ignored);

/// The frame cannot be used for a fault that `check_json` found.
message_skipped skipped_for(std::string_view text);

} // namespace parley::wire
