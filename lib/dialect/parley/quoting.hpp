#pragma once

#include "core/redactor.hpp"
#include "dialect/parley/server_frame.hpp"

namespace parley::wire {

/// Passes the quotations of a frame through the gate, each in its place: words that a person reads
/// and no program does. The other texts are payload, and stay as they are: the content of the
/// conversation, and identifiers, which are sent back or compared.
///
/// A frame is listed here before it can be one: without its line nothing compiles.
void quote(server_frame& frame, const redactor& gate);

} // namespace parley::wire
