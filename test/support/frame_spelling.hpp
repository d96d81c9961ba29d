#pragma once

#include "dialect/parley/server_frame.hpp"
#include "support/event_text.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace parley::test {

namespace detail {

/// All that a frame holds, so that two of one spelling are equal.
struct frame_speller {
    static std::string list(const auto&... parts) {
        std::string out;
        ((out += quoted(parts)), ...);
        return out;
    }
    static std::string quoted(std::string_view text) {
        return std::to_string(text.size()) + ":" + std::string(text) + " ";
    }
    static std::string quoted(const std::string& text) { return quoted(std::string_view(text)); }
    static std::string quoted(const json_text& text) { return quoted(text.view()); }
    static std::string quoted(std::int64_t value) { return quoted(std::to_string(value)); }
    template <class T>
    static std::string quoted(const std::optional<T>& value) {
        return value ? quoted(*value) : "- ";
    }

    std::string operator()(const session_established&) const { return "established "; }
    std::string operator()(const authentication_refused& f) const {
        return "refused " + list(f.error, f.code);
    }
    std::string operator()(const tools_acknowledged& f) const {
        return (f.update ? "updated " : "configured ") + list(f.tool_count);
    }
    std::string operator()(const configuration_requested&) const { return "configure "; }
    std::string operator()(const tool_requested& f) const {
        return "call " + list(f.name, f.call_id, f.parameters, f.parameters_valid ? 1 : 0,
                              f.numeric_id ? 1 : 0);
    }
    std::string operator()(const ping_received& f) const {
        return "ping " + list(f.timestamp, f.ping_time);
    }
    std::string operator()(const ping_acknowledged& f) const {
        return "ack " + list(f.timestamp, f.original_timestamp);
    }
    std::string operator()(const text_delta& f) const { return "text " + list(f.text); }
    std::string operator()(const reasoning_started& f) const { return "thinks " + list(f.id); }
    std::string operator()(const reasoning_delta& f) const {
        return "thought " + list(f.id, f.text);
    }
    std::string operator()(const reasoning_finished& f) const {
        return "has thought " + list(f.id);
    }
    std::string operator()(const server_tool_started& f) const {
        return "server tool " + list(f.name, f.call_id, f.arguments);
    }
    std::string operator()(const server_tool_finished& f) const {
        return "server tool done " + list(f.name, f.call_id, f.result);
    }
    std::string operator()(const ui_component& f) const {
        return "component " + list(f.call_id, f.name, f.props, static_cast<int>(f.status));
    }
    std::string operator()(const thread_created& f) const {
        return "thread " + list(f.thread_id, f.provider_res_id, f.can_update_metadata ? 1 : 0,
                                f.update_endpoint);
    }
    std::string operator()(const messages_persisted& f) const {
        return "persisted " + list(f.thread_id, f.provider_res_id);
    }
    std::string operator()(const chat_finished& f) const {
        return "finished " + list(f.conversation_id, f.message_count, f.uuid);
    }
    std::string operator()(const chat_failed& f) const {
        return "failed " + list(f.error, f.code, f.details);
    }
    std::string operator()(const server_error& f) const {
        return "error " + list(f.error, f.code, f.details);
    }
    template <class Event>
    std::string operator()(const Event&) const {
        return "no frame ";
    }
    std::string operator()(const message_skipped& f) const {
        return "skipped " + list(to_string(f.reason), f.detail);
    }
};

} // namespace detail

inline std::string spelling(const parley::server_frame& frame) {
    return std::visit(detail::frame_speller(), frame);
}

} // namespace parley::test
