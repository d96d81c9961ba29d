#pragma once

#include "dialect/parley/frame_fields.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace parley::wire {

/// Puts into `out` the fields that doc/protocol.md 2.2 knows, of a frame and of its `data`.
/// `starts` is where the tokens of `text` begin: brackets, colons, commas, strings (each known to
/// end) and scalars; a token goes on to where the next begins, but for white space.
///
/// False for a text that is no object, or not JSON at that level. What nobody reads is passed over
/// by its brackets.
bool scan_frame(std::string_view text, std::span<const std::uint32_t> starts, frame_fields& out);

} // namespace parley::wire
