#pragma once

#include "core/redactor.hpp"
#include "dialect/parley/server_frame.hpp"

namespace parley::wire {

/// Redacts in place the texts of a frame that people read and programs do not. The other texts are
/// payload and stay as they are: the content of the conversation, and identifiers.
///
/// Every type of frame is listed: without its line nothing compiles.
void quote(server_frame& frame, const redactor& gate);

} // namespace parley::wire
