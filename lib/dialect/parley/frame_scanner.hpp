#pragma once

#include "dialect/parley/frame_fields.hpp"

#include <string_view>

namespace parley::wire {

/// Puts into `out` the fields that doc/protocol.md 2.2 knows, of a frame and of its `data`, by
/// simdjson On-Demand. `message_padding` bytes behind the text can be read. Throws
/// `std::bad_alloc`.
///
/// False for a text that is no object, or not JSON at that level. An unread value is skipped
/// by its brackets.
bool scan_frame(std::string_view text, frame_fields& out);

} // namespace parley::wire
