#pragma once

#include "core/answer_head.hpp"
#include "websocket/deflate_parameters.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace parley {

struct upgrade_verdict {
    std::optional<std::string> complaint;      ///< nothing when all is well
    std::optional<deflate_parameters> deflate; ///< when permessage-deflate was agreed
};

/// All that RFC 6455 section 4.1 asks of the head of a 101 that answers our upgrade. `accept` is
/// the Sec-WebSocket-Accept that it has to have; an empty one nothing matches. A subprotocol or an
/// extension that we did not ask for is refused too (doc/pitfalls.md P37), and we ask for no
/// subprotocol. `offered` is our request's Sec-WebSocket-Extensions, permessage-deflate or empty:
/// no window of the answer may be larger than there, and the client's only be set when it is there
/// (RFC 7692 section 7.1.2).
upgrade_verdict judge_upgrade(std::string_view head, std::string_view accept,
                              std::string_view offered);

} // namespace parley
