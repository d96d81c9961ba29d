#pragma once

#include "core/redactor.hpp"
#include "dialect/parley/frame_fields.hpp"
#include "dialect/parley/server_frame.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace parley::wire {

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
    std::string_view name; ///< on the wire
    shape wanted;
    presence needed;
};

/// Where the name of a message stands: in its `type`, or within a `chat_event` in its `event`
/// (`content-delta`), or in `data.type` of an event that several share.
enum class naming : std::uint8_t { type, event, provider_event, latitude_event };

/// One message: its name, its fields, and its value.
struct frame_row {
    naming named_by;
    std::string_view name;
    std::span<const rule> rules;
    server_frame (*build)(const frame_fields& in); ///< of fields that follow the rules
    /// In `data`: the one text in which frames that are spelled alike differ.
    std::string_view text = {};
};

/// doc/protocol.md 2.2 and 2.4: all there is to know of each message.
std::span<const frame_row> frame_table() noexcept;

/// A name of a field that some message has, as the table has it; empty for any other.
std::string_view field_named(std::string_view name);

/// Redacts in place the texts of a frame that people read and programs do not. The other texts are
/// payload and stay as they are: the content of the conversation, and identifiers.
///
/// Every type of frame is listed: without its line nothing compiles.
void quote(server_frame& frame, const redactor& gate);

/// An identifier, a name or a timestamp is no longer than this (as it is escaped): some are kept.
inline constexpr std::size_t longest_name = 4'096;

} // namespace parley::wire
