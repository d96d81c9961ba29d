#pragma once

#include "core/response_head.hpp"
#include "websocket/deflate_parameters.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace parley {

struct upgrade_verdict {
    std::optional<std::string> complaint;      ///< why it is refused
    std::optional<deflate_parameters> deflate; ///< set when permessage-deflate was agreed
};

/// Checks the head of a 101 by RFC 6455 section 4.1. `accept` is the expected Sec-WebSocket-Accept;
/// nothing matches an empty one. A subprotocol or an extension that was not offered is refused
/// (doc/pitfalls.md P37); no subprotocol is ever offered. `offered` is the Sec-WebSocket-Extensions
/// of the request, permessage-deflate or empty: a window must not be larger than the offered one,
/// and the client's window must not be set unless it was offered (RFC 7692 section 7.1.2).
upgrade_verdict judge_upgrade(std::string_view head, std::string_view accept,
                              std::string_view offered);

} // namespace parley
