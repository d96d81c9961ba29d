#pragma once

#include <parley/event.hpp>
#include <parley/json_text.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace parley {

// What a server says (doc/protocol.md 2.2), decoded. What goes to the user as it is has its own
// struct in event.hpp; here is the rest.

/// The ticket was accepted.
struct session_established {};

/// `authentication_error`; without a code it is final.
struct authentication_refused {
    std::string error;
    std::string code;
};

/// `tools_configured`, or for an update `client_tools_updated`. The names in it, as many as the
/// server likes, are not used, and not decoded.
struct tools_acknowledged {
    bool update = false;
    std::optional<std::int64_t> tool_count;
};

/// `configure_tools`: the server asks for the configuration again.
struct configuration_requested {};

struct tool_requested {
    std::string name;
    std::string call_id;
    json_text parameters;          ///< an object; null when they are not valid
    bool parameters_valid = false; ///< false: answered with an error (doc/protocol.md 2.5)
    bool numeric_id = false;       ///< the `callId` is a number, and is answered as one
};

/// `heartbeat_ping`: the values that the pong repeats, as they were spelled (doc/pitfalls.md P48);
/// empty when absent. `timestamp` is any JSON, `ping_time` a number or a string with its quotes.
struct ping_received {
    std::string timestamp;
    std::string ping_time;
};

/// `heartbeat_ack`, spelled likewise.
struct ping_acknowledged {
    std::string timestamp;
    std::string original_timestamp;
};

/// One frame, one of the above or an event, with the texts that the server gave it: `quote`
/// (frame_table.hpp) is for those that a person reads. Of `reasoning_finished` only the id is
/// filled: text and duration are known above. The text of a delta may begin or end with half of a
/// UTF-16 pair (`append_unescaped_piece`).
using server_frame =
    std::variant<session_established, authentication_refused, tools_acknowledged,
                 configuration_requested, tool_requested, ping_received, ping_acknowledged,
                 text_delta, reasoning_started, reasoning_delta, reasoning_finished,
                 server_tool_started, server_tool_finished, ui_component, thread_created,
                 messages_persisted, chat_finished, chat_failed, server_error, message_skipped>;

} // namespace parley
