#pragma once

#include <parley/event.hpp>

#include "dialect/parley/frame_fields.hpp"
#include "dialect/parley/frame_table.hpp"

#include <optional>
#include <string_view>

namespace parley::wire {

/// The message with these fields; null, and the reason in `why`, when it is none of the table.
const frame_row* identify(const frame_fields& fields, message_skipped& why);

/// The fault that costs the frame, if there is one: a required field is missing or has another
/// shape. Optional fields of another shape are dropped from `fields` and added to `ignored`. After
/// this the getters of frame_fields cannot fail.
std::optional<message_skipped> check_fields(const frame_row& in, frame_fields& fields,
                                            unsigned& ignored);

/// The frame cannot be used for a fault that `check_json` found.
message_skipped skipped_for(std::string_view text);

} // namespace parley::wire
