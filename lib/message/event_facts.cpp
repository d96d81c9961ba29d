#include "message/event_facts.hpp"

#include <optional>
#include <string>
#include <variant>

namespace parley {

namespace {

std::size_t length(const std::string& text) { return text.size(); }
std::size_t length(const json_text& text) { return text.view().size(); }
std::size_t length(const error_info& info) {
    return info.message.size() + info.details.server_text.size() + info.details.reason.size();
}
template <class T>
std::size_t length(const std::optional<T>& text) {
    return text ? length(*text) : 0;
}

template <class... Text>
std::size_t sum(const Text&... texts) {
    return (std::size_t(0) + ... + length(texts));
}

using enum event_scope;

struct table {
    event_facts operator()(const text_delta& e) const { return {run, sum(e.text)}; }
    event_facts operator()(const reasoning_started& e) const { return {run, sum(e.id)}; }
    event_facts operator()(const reasoning_delta& e) const { return {run, sum(e.id, e.text)}; }
    event_facts operator()(const reasoning_finished& e) const { return {run, sum(e.id, e.text)}; }
    event_facts operator()(const tool_started& e) const {
        return {run, sum(e.name, e.call_id, e.parameters)};
    }
    event_facts operator()(const tool_finished& e) const {
        return {run, sum(e.name, e.call_id, e.result, e.error)};
    }
    event_facts operator()(const tool_answer_repeated& e) const {
        return {run, sum(e.name, e.call_id)};
    }
    event_facts operator()(const server_tool_started& e) const {
        return {run, sum(e.name, e.call_id, e.arguments)};
    }
    event_facts operator()(const server_tool_finished& e) const {
        return {run, sum(e.name, e.call_id, e.result)};
    }
    event_facts operator()(const ui_component& e) const {
        return {session, sum(e.call_id, e.name, e.props)};
    }
    event_facts operator()(const thread_created& e) const {
        return {conversation, sum(e.thread_id, e.provider_res_id, e.update_endpoint)};
    }
    event_facts operator()(const messages_persisted& e) const {
        return {conversation, sum(e.thread_id, e.provider_res_id)};
    }
    event_facts operator()(const chat_finished& e) const {
        return {end_of_run, sum(e.conversation_id, e.uuid)};
    }
    event_facts operator()(const chat_failed& e) const {
        return {end_of_run, sum(e.error, e.code, e.details)};
    }
    event_facts operator()(const server_error& e) const {
        return {session, sum(e.error, e.code, e.details)};
    }
    event_facts operator()(const message_skipped& e) const { return {session, sum(e.detail)}; }
    event_facts operator()(const connection_lost& e) const { return {session, sum(e.cause)}; }
    event_facts operator()(const reconnecting& e) const { return {session, sum(e.cause)}; }
    event_facts operator()(const connection_restored&) const { return {session, 0}; }
    event_facts operator()(const connection_failed& e) const { return {session, sum(e.cause)}; }
    event_facts operator()(const ticket_renewed&) const { return {session, 0}; }
    event_facts operator()(const ticket_renewal_failed& e) const { return {session, sum(e.cause)}; }
    event_facts operator()(const handler_failed& e) const { return {session, sum(e.message)}; }
};

} // namespace

event_facts facts_of(const event& happened) { return std::visit(table(), happened); }

} // namespace parley
