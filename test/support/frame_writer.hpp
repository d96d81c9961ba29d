#pragma once

#include "dialect/parley/server_frame.hpp"
#include "testing/frames.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace parley::test {

namespace frames = testing::frames;

namespace detail {

/// The inverse of the decoder: writes each decoded frame as the server sends it.
struct frame_writer {
    std::string operator()(const session_established&) const {
        return frames::session_established();
    }
    std::string operator()(const authentication_refused& f) const {
        return frames::authentication_error(f.error, f.code);
    }
    std::string operator()(const tools_acknowledged& f) const {
        return frames::tools_acknowledged(f.update ? "client_tools_updated" : "tools_configured",
                                          f.tool_count, {"a", "b"});
    }
    std::string operator()(const configuration_requested&) const {
        return frames::configure_tools();
    }
    std::string operator()(const tool_requested& f) const {
        return frames::tool_call_request(f.name,
                                         f.numeric_id ? f.call_id : frames::quoted(f.call_id),
                                         f.parameters_valid ? f.parameters.view() : "false");
    }
    std::string operator()(const ping_received& f) const {
        return frames::heartbeat_ping(frames::unless_empty(f.timestamp),
                                      frames::unless_empty(f.ping_time));
    }
    std::string operator()(const ping_acknowledged& f) const {
        return frames::heartbeat_ack(frames::unless_empty(f.timestamp),
                                     frames::unless_empty(f.original_timestamp));
    }
    std::string operator()(const text_delta& f) const { return frames::text_delta(f.text); }
    std::string operator()(const reasoning_started& f) const {
        return frames::reasoning_start(f.id);
    }
    std::string operator()(const reasoning_delta& f) const {
        return frames::reasoning_delta(f.id, f.text);
    }
    std::string operator()(const reasoning_finished& f) const {
        return frames::reasoning_end(f.id);
    }
    std::string operator()(const server_tool_started& f) const {
        return frames::server_tool_call(f.name, f.call_id, text_of(f.arguments));
    }
    std::string operator()(const server_tool_finished& f) const {
        return frames::server_tool_result(f.name, f.call_id, text_of(f.result));
    }
    std::string operator()(const ui_component& f) const {
        constexpr std::string_view states[] = {"streaming", "complete", "error"};
        return frames::ui_component(f.call_id, f.name, f.props.view(),
                                    states[static_cast<int>(f.status)]);
    }
    std::string operator()(const thread_created& f) const {
        return frames::thread_created(f.provider_res_id, f.thread_id, f.update_endpoint,
                                      f.can_update_metadata);
    }
    std::string operator()(const messages_persisted& f) const {
        return frames::messages_persisted(f.thread_id, f.provider_res_id);
    }
    std::string operator()(const chat_finished& f) const {
        return frames::chat_finished(f.uuid, f.conversation_id, f.message_count);
    }
    std::string operator()(const chat_failed& f) const {
        return frames::chat_error(f.error, f.code, text_of(f.details));
    }
    std::string operator()(const server_error& f) const {
        return frames::error(f.error, f.code, text_of(f.details));
    }
    std::string operator()(const message_skipped& f) const { return f.detail; }
    template <class Event> // an event of the client: no frame
    std::string operator()(const Event&) const {
        return "";
    }

private:
    static frames::optional_text text_of(const std::optional<json_text>& value) {
        return value ? frames::optional_text(value->view()) : std::nullopt;
    }
};

} // namespace detail

/// Throws `client_error` (`invalid_utf8`) as the encoder does.
inline std::string written(const server_frame& frame) {
    return std::visit(detail::frame_writer(), frame);
}

} // namespace parley::test
