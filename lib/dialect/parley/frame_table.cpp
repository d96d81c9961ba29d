#include "dialect/parley/frame_table.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/trusted_json.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace parley::wire {

namespace {

using enum presence;
using enum level;

// doc/protocol.md 2.2 and 2.4, row by row. A frame that ends or opens something has optional fields
// only: it always does its work. So has a tool call, but for its id: it is answered.
constexpr rule authentication_error_rules[]{{top, "error", shape::words, optional},
                                            {top, "code", shape::scalar, optional}};
constexpr rule tools_rules[]{{top, "data", shape::object, optional},
                             {data, "toolCount", shape::integer, optional},
                             {data, "toolNames", shape::names, optional}};
constexpr rule content_delta_rules[]{{top, "data", shape::object, required},
                                     {data, "delta", shape::text, required}};
constexpr rule text_delta_rules[]{{data, "textDelta", shape::text, required}};
constexpr rule reasoning_rules[]{{data, "id", shape::scalar, optional}};
constexpr rule reasoning_delta_rules[]{{data, "id", shape::scalar, optional},
                                       {data, "text", shape::text, required}};
constexpr rule tool_start_rules[]{{data, "toolName", shape::name, required},
                                  {data, "toolCallId", shape::scalar, required},
                                  {data, "args", shape::value, optional}};
constexpr rule tool_end_rules[]{{data, "toolName", shape::name, required},
                                {data, "toolCallId", shape::scalar, required},
                                {data, "result", shape::value, optional}};
constexpr rule chat_finished_rules[]{{top, "uuid", shape::scalar, optional},
                                     {top, "data", shape::object, optional},
                                     {data, "conversationId", shape::scalar, optional},
                                     {data, "messageCount", shape::integer, optional}};
constexpr rule failure_rules[]{{top, "error", shape::words, optional},
                               {top, "data", shape::object, optional},
                               {data, "errorCode", shape::scalar, optional},
                               {data, "details", shape::value, optional}};
constexpr rule persisted_rules[]{{top, "data", shape::object, optional},
                                 {data, "threadId", shape::scalar, optional},
                                 {data, "providerResId", shape::scalar, optional}};
constexpr rule thread_created_rules[]{{top, "data", shape::object, required},
                                      {data, "providerResId", shape::scalar, required},
                                      {data, "threadId", shape::scalar, required},
                                      {data, "canUpdateMetadata", shape::boolean, optional},
                                      {data, "updateEndpoint", shape::name, optional}};
constexpr rule tool_call_rules[]{{top, "toolName", shape::text, optional},
                                 {top, "callId", shape::identifier, required},
                                 {top, "parameters", shape::parameters, optional}};
constexpr rule component_rules[]{{top, "toolCallId", shape::scalar, required},
                                 {top, "componentName", shape::name, required},
                                 {top, "props", shape::value, required},
                                 {top, "status", shape::component_status, optional}};
constexpr rule ping_rules[]{{top, "timestamp", shape::stamp, optional},
                            {top, "pingTime", shape::scalar, optional}};
constexpr rule ack_rules[]{{top, "timestamp", shape::scalar, optional},
                           {top, "originalTimestamp", shape::scalar, optional}};

/// The words of a failure. Of an object they are its `message`, or else its JSON.
std::string words(const frame_fields& in, std::string_view name) {
    const auto value = in.raw(top, name);
    if (value.empty() || value.front() != '{') return in.text(top, name);
    const auto message = member(value, "message");
    const bool says = message && kind_of(*message) == json_kind::string;
    return says ? unescape_json_string(*message) : std::string(value);
}

server_frame refusal(const frame_fields& in) {
    return authentication_refused{words(in, "error"), in.spelled(top, "code").value_or("")};
}

template <bool OfUpdate>
server_frame acknowledgement(const frame_fields& in) {
    return tools_acknowledged{OfUpdate, in.integer(data, "toolCount")};
}

/// Nearly every frame is one: its text is written where it stays.
server_frame piece_of(const frame_fields& in, std::string_view name) {
    server_frame out(std::in_place_type<text_delta>);
    in.piece(data, name, std::get<text_delta>(out).text);
    return out;
}

server_frame piece(const frame_fields& in) { return piece_of(in, "delta"); }

server_frame provider_piece(const frame_fields& in) { return piece_of(in, "textDelta"); }

std::string reasoning_id(const frame_fields& in) {
    return in.spelled(data, "id").value_or("reasoning"); // doc/protocol.md 2.2
}

server_frame thought_begins(const frame_fields& in) { return reasoning_started{reasoning_id(in)}; }

server_frame thought_ends(const frame_fields& in) {
    return reasoning_finished{reasoning_id(in), {}, {}};
}

server_frame thought(const frame_fields& in) {
    reasoning_delta out{reasoning_id(in), {}};
    in.piece(data, "text", out.text);
    return out;
}

server_frame finish(const frame_fields& in) {
    // doc/protocol.md 2.2: `data.conversationId`, else `uuid`. An empty id names nothing.
    chat_finished out;
    out.message_count = in.integer(data, "messageCount");
    auto id = in.spelled(data, "conversationId").value_or("");
    auto uuid = in.spelled(top, "uuid").value_or("");
    if (id.empty()) id = uuid;
    if (!id.empty()) out.conversation_id = std::move(id);
    if (!uuid.empty()) out.uuid = std::move(uuid);
    return out;
}

template <class Failure>
server_frame failure(const frame_fields& in) {
    return Failure{words(in, "error"), in.spelled(data, "errorCode"),
                   in.optional_json(data, "details")};
}

server_frame new_thread(const frame_fields& in) {
    return thread_created{in.spelled(data, "threadId").value_or(""),
                          in.spelled(data, "providerResId").value_or(""),
                          in.boolean(data, "canUpdateMetadata"), in.text(data, "updateEndpoint")};
}

bool is_object(std::string_view text) noexcept {
    return kind_of(trim_json(text)) == json_kind::object && !check_json(text);
}

/// The parameters of a call, null when they are no object. A model that has none to give says
/// nothing, `null` or `[]`, and some servers pass the model's own JSON on in a string.
json_text parameters(const frame_fields& in) {
    const auto given = in.raw(top, "parameters");
    if (in.absent(top, "parameters")) return trusted_json::make("{}");
    switch (kind_of(given)) {
    case json_kind::object:
        if (check_json(given)) return {};
        return in.json(top, "parameters");
    case json_kind::array:
        if (!trim_json(given.substr(1)).starts_with(']')) return {};
        return trusted_json::make("{}");
    case json_kind::string:
        if (const auto held = unescape_json_string(given); is_object(held))
            return trusted_json::make(std::string(trim_json(held)));
        return {};
    default:
        return {};
    }
}

server_frame request(const frame_fields& in) {
    tool_requested out;
    out.name = in.text(top, "toolName");
    out.call_id = in.spelled(top, "callId").value_or("");
    out.numeric_id = in.raw(top, "callId").front() != '"';
    out.parameters = parameters(in);
    out.parameters_valid = out.parameters.is_object();
    return out;
}

server_frame component(const frame_fields& in) {
    ui_component out{in.spelled(top, "toolCallId").value_or(""), in.text(top, "componentName"),
                     in.json(top, "props"), ui_component::state::complete};
    const auto status = in.raw(top, "status");
    if (status == R"("streaming")") out.status = ui_component::state::streaming;
    if (status == R"("error")") out.status = ui_component::state::error;
    return out;
}

/// As it was spelled: a pong says it back (doc/pitfalls.md P48).
std::string token(const frame_fields& in, std::string_view name) {
    return in.absent(top, name) ? std::string() : std::string(in.raw(top, name));
}

server_frame server_tool_call(const frame_fields& in) {
    return server_tool_started{in.text(data, "toolName"),
                               in.spelled(data, "toolCallId").value_or(""),
                               in.optional_json(data, "args")};
}

server_frame server_tool_result(const frame_fields& in) {
    return server_tool_finished{in.text(data, "toolName"),
                                in.spelled(data, "toolCallId").value_or(""),
                                in.optional_json(data, "result")};
}

server_frame stored(const frame_fields& in) {
    return messages_persisted{in.spelled(data, "threadId"), in.spelled(data, "providerResId")};
}

server_frame ping(const frame_fields& in) {
    return ping_received{token(in, "timestamp"), token(in, "pingTime")};
}

server_frame ping_answer(const frame_fields& in) {
    return ping_acknowledged{token(in, "timestamp"), token(in, "originalTimestamp")};
}

template <class Frame>
server_frame empty_frame(const frame_fields&) {
    return Frame{};
}

constexpr frame_row rows[]{
    {naming::type, "session_established", {}, empty_frame<session_established>},
    {naming::type, "authentication_error", authentication_error_rules, refusal},
    {naming::type, "tools_configured", tools_rules, acknowledgement<false>},
    {naming::type, "client_tools_updated", tools_rules, acknowledgement<true>},
    {naming::type, "configure_tools", {}, empty_frame<configuration_requested>},
    {naming::event, "content-delta", content_delta_rules, piece, "delta"},
    {naming::provider_event, "text-delta", text_delta_rules, provider_piece, "textDelta"},
    {naming::provider_event, "reasoning-start", reasoning_rules, thought_begins},
    {naming::provider_event, "reasoning-delta", reasoning_delta_rules, thought, "text"},
    {naming::provider_event, "reasoning-end", reasoning_rules, thought_ends},
    {naming::provider_event, "tool-call", tool_start_rules, server_tool_call},
    {naming::provider_event, "tool-result", tool_end_rules, server_tool_result},
    {naming::latitude_event, "tool-result", tool_end_rules, server_tool_result},
    {naming::type, "chat_finished", chat_finished_rules, finish},
    {naming::type, "chat_error", failure_rules, failure<chat_failed>},
    {naming::type, "messages_persisted", persisted_rules, stored},
    {naming::type, "thread_created", thread_created_rules, new_thread},
    {naming::type, "tool_call_request", tool_call_rules, request},
    {naming::type, "ui_component", component_rules, component},
    {naming::type, "heartbeat_ping", ping_rules, ping},
    {naming::type, "heartbeat_ack", ack_rules, ping_answer},
    {naming::type, "error", failure_rules, failure<server_error>},
};

class quoting {
public:
    explicit quoting(const redactor& gate) : gate_(gate) {}

    // Message by message and field by field: one that is forgotten here does not compile. A field
    // that is named and no more is payload.
    void operator()(session_established&) const {}
    void operator()(authentication_refused& frame) const { // goes on as quotations only
        [[maybe_unused]] auto& [error, code] = frame;
    }
    void operator()(tools_acknowledged& frame) const { // the names are not kept
        [[maybe_unused]] auto& [update, tool_count] = frame;
    }
    void operator()(configuration_requested&) const {}
    void operator()(tool_requested& frame) const { // the name: tool_runner, where there is no tool
        [[maybe_unused]] auto& [name, call_id, parameters, valid, numeric_id] = frame;
    }
    void operator()(ping_received& frame) const {
        [[maybe_unused]] auto& [timestamp, ping_time] = frame;
    }
    void operator()(ping_acknowledged& frame) const {
        [[maybe_unused]] auto& [timestamp, original_timestamp] = frame;
    }
    void operator()(text_delta& frame) const { [[maybe_unused]] auto& [text] = frame; }
    void operator()(reasoning_started& frame) const { [[maybe_unused]] auto& [id] = frame; }
    void operator()(reasoning_delta& frame) const { [[maybe_unused]] auto& [id, text] = frame; }
    void operator()(reasoning_finished& frame) const {
        [[maybe_unused]] auto& [id, text, duration] = frame;
    }
    void operator()(server_tool_started& frame) const {
        auto& [name, call_id, arguments] = frame;
        quote_name(name);
    }
    void operator()(server_tool_finished& frame) const {
        auto& [name, call_id, result] = frame;
        quote_name(name);
    }
    void operator()(ui_component& frame) const {
        auto& [call_id, name, props, status] = frame;
        quote_name(name);
    }
    void operator()(thread_created& frame) const {
        auto& [thread_id, provider_res_id, can_update_metadata, update_endpoint] = frame;
        quote_name(update_endpoint);
    }
    void operator()(messages_persisted& frame) const {
        [[maybe_unused]] auto& [thread_id, provider_res_id] = frame;
    }
    void operator()(chat_finished& frame) const {
        [[maybe_unused]] auto& [conversation_id, message_count, uuid] = frame;
    }
    void operator()(chat_failed& frame) const { quote_failure(frame); }
    void operator()(server_error& frame) const { quote_failure(frame); }
    void operator()(message_skipped& frame) const {
        auto& [reason, detail] = frame;
        fit(detail, longest_quotation);
    }

private:
    void quote_name(std::string& text) const { fit(text, longest_name); }

    template <class Failure>
    void quote_failure(Failure& frame) const {
        auto& [error, code, details] = frame;
        fit(error, longest_sentence);
        if (code) fit(*code, longest_quotation);
        // Half a document is none: what tells a secret is left out as a whole.
        if (details && gate_.tells_a_secret(details->view()))
            details = trusted_json::make(R"("***")");
    }

    void fit(std::string& text, std::size_t max) const {
        if (!text.empty()) text = gate_.quote(text, max).text();
    }

    const redactor& gate_;
};

} // namespace

std::span<const frame_row> frame_table() noexcept { return rows; }

std::string_view field_named(std::string_view name) {
    static const auto names = [] { // by their sizes
        std::array<std::vector<std::string_view>, 32> all;
        const auto add = [&all](std::string_view one) {
            auto& same_size = all.at(one.size());
            if (std::ranges::find(same_size, one) == same_size.end()) same_size.push_back(one);
        };
        add("type");
        add("event");
        for (const auto& row : rows)
            for (const auto& each : row.rules)
                add(each.name);
        return all;
    }();
    if (name.size() < names.size())
        for (const auto known : names[name.size()])
            if (known == name) return known;
    return {};
}

void quote(server_frame& frame, const redactor& gate) { std::visit(quoting(gate), frame); }

} // namespace parley::wire
