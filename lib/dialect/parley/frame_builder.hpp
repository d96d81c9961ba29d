#pragma once

#include "dialect/parley/frame_rules.hpp"
#include "dialect/parley/server_frame.hpp"

namespace parley::wire {

/// The message that these fields are; `check_fields` has nothing to say about them.
server_frame build_frame(frame_kind kind, const frame_fields& fields);

} // namespace parley::wire
