#pragma once

#include <parley/event.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace parley::test {

namespace detail {

struct event_speller {
    std::string operator()(const text_delta& e) const { return "text " + e.text; }
    std::string operator()(const reasoning_started& e) const { return "reasoning starts " + e.id; }
    std::string operator()(const reasoning_delta& e) const {
        return "reasoning " + e.id + " " + e.text;
    }
    std::string operator()(const reasoning_finished& e) const {
        return "reasoning ends " + e.id + " " + e.text + " " + std::to_string(e.duration.count());
    }
    std::string operator()(const tool_started& e) const {
        return "tool starts " + e.name + " " + e.call_id + " " + std::string(e.parameters.view());
    }
    std::string operator()(const tool_finished& e) const {
        return "tool ends " + e.name + " " + e.call_id + " " + std::string(to_string(e.outcome)) +
               " " + (e.result ? std::string(e.result->view()) : e.error);
    }
    std::string operator()(const tool_answer_repeated& e) const {
        return "tool answered again " + e.name + " " + e.call_id;
    }
    std::string operator()(const server_tool_started& e) const {
        return "server tool starts " + e.name + " " + e.call_id + json(e.arguments);
    }
    std::string operator()(const server_tool_finished& e) const {
        return "server tool ends " + e.name + " " + e.call_id + json(e.result);
    }
    std::string operator()(const ui_component& e) const {
        constexpr std::string_view states[] = {"streaming", "complete", "error"};
        return "component " + e.call_id + " " + e.name + " " + std::string(e.props.view()) + " " +
               std::string(states[static_cast<int>(e.status)]);
    }
    std::string operator()(const thread_created& e) const {
        return "thread " + e.thread_id + " " + e.provider_res_id;
    }
    std::string operator()(const messages_persisted& e) const {
        return "persisted" + text(e.thread_id) + text(e.provider_res_id);
    }
    std::string operator()(const chat_finished& e) const {
        return "finished" + text(e.conversation_id);
    }
    std::string operator()(const chat_failed& e) const {
        return "failed " + e.error + text(e.code);
    }
    std::string operator()(const server_error& e) const {
        return "server error " + e.error + text(e.code);
    }
    std::string operator()(const message_skipped& e) const {
        return "skipped " + std::string(to_string(e.reason));
    }
    std::string operator()(const connection_lost& e) const {
        return "lost " + std::string(to_string(e.reason));
    }
    std::string operator()(const reconnecting& e) const {
        return "reconnecting " + std::to_string(e.attempt);
    }
    std::string operator()(const connection_restored&) const { return "restored"; }
    std::string operator()(const connection_failed&) const { return "connection failed"; }
    std::string operator()(const ticket_renewed&) const { return "renewed"; }
    std::string operator()(const ticket_renewal_failed&) const { return "renewal failed"; }
    std::string operator()(const handler_failed& e) const { return "handler failed " + e.message; }

    static std::string text(const std::optional<std::string>& value) {
        return value ? " " + *value : std::string();
    }
    static std::string json(const std::optional<json_text>& value) {
        return value ? " " + std::string(value->view()) : std::string();
    }
};

} // namespace detail

/// An event as a line, so that a test reads as a transcript.
inline std::string event_text(const event& happened) {
    return std::visit(detail::event_speller(), happened);
}

} // namespace parley::test
