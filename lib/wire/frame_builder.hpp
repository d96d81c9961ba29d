#pragma once

#include "wire/frame_rules.hpp"
#include "wire/server_frame.hpp"

namespace parley::wire {

/// The frame that these fields are, or why they are none.
server_frame build_frame(frame_fields& fields);

} // namespace parley::wire
