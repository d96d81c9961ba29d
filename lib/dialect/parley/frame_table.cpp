#include "dialect/parley/frame_table.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/trusted_json.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace parley::wire {

namespace {

using enum presence;
using enum level;

// doc/protocol.md 2.2 and 2.4, row by row. A frame that ends or opens something has optional fields
// only: it always does its work. So has a tool call, but for its id: it is answered.
constexpr rule authentication_error_rules[]{{top, field::error, shape::words, optional},
                                            {top, field::code, shape::scalar, optional}};
constexpr rule tools_rules[]{{top, field::data, shape::object, optional},
                             {data, field::tool_count, shape::integer, optional},
                             {data, field::tool_names, shape::names, optional}};
constexpr rule content_delta_rules[]{{top, field::data, shape::object, required},
                                     {data, field::delta, shape::text, required}};
constexpr rule text_delta_rules[]{{data, field::text_delta, shape::text, required}};
constexpr rule reasoning_rules[]{{data, field::id, shape::scalar, optional}};
constexpr rule reasoning_delta_rules[]{{data, field::id, shape::scalar, optional},
                                       {data, field::text, shape::text, required}};
constexpr rule tool_start_rules[]{{data, field::tool_name, shape::name, required},
                                  {data, field::tool_call_id, shape::scalar, required},
                                  {data, field::args, shape::value, optional}};
constexpr rule tool_end_rules[]{{data, field::tool_name, shape::name, required},
                                {data, field::tool_call_id, shape::scalar, required},
                                {data, field::result, shape::value, optional}};
constexpr rule chat_finished_rules[]{{top, field::uuid, shape::scalar, optional},
                                     {top, field::data, shape::object, optional},
                                     {data, field::conversation_id, shape::scalar, optional},
                                     {data, field::message_count, shape::integer, optional}};
constexpr rule failure_rules[]{{top, field::error, shape::words, optional},
                               {top, field::data, shape::object, optional},
                               {data, field::error_code, shape::scalar, optional},
                               {data, field::details, shape::value, optional}};
constexpr rule persisted_rules[]{{top, field::data, shape::object, optional},
                                 {data, field::thread_id, shape::scalar, optional},
                                 {data, field::provider_res_id, shape::scalar, optional}};
constexpr rule thread_created_rules[]{{top, field::data, shape::object, required},
                                      {data, field::provider_res_id, shape::scalar, required},
                                      {data, field::thread_id, shape::scalar, required},
                                      {data, field::can_update_metadata, shape::boolean, optional},
                                      {data, field::update_endpoint, shape::name, optional}};
constexpr rule tool_call_rules[]{{top, field::tool_name, shape::text, optional},
                                 {top, field::call_id, shape::identifier, required},
                                 {top, field::parameters, shape::parameters, optional}};
constexpr rule component_rules[]{{top, field::tool_call_id, shape::scalar, required},
                                 {top, field::component_name, shape::name, required},
                                 {top, field::props, shape::value, required},
                                 {top, field::status, shape::component_status, optional}};
constexpr rule ping_rules[]{{top, field::timestamp, shape::stamp, optional},
                            {top, field::ping_time, shape::scalar, optional}};
constexpr rule ack_rules[]{{top, field::timestamp, shape::scalar, optional},
                           {top, field::original_timestamp, shape::scalar, optional}};

/// The words of a failure. Of an object they are its `message`, or else its JSON.
std::string words(const frame_fields& in, field which) {
    const auto value = in.raw(top, which);
    if (value.empty() || value.front() != '{') return in.text(top, which);
    const auto message = member(value, "message");
    const bool says = message && kind_of(*message) == json_kind::string;
    return says ? unescape_json_string(*message) : std::string(value);
}

server_frame refusal(const frame_fields& in) {
    return authentication_refused{words(in, field::error),
                                  in.spelled(top, field::code).value_or("")};
}

template <bool OfUpdate>
server_frame acknowledgement(const frame_fields& in) {
    return tools_acknowledged{OfUpdate, in.integer(data, field::tool_count)};
}

/// Nearly every frame is one: its text is written where it stays.
template <field Which>
server_frame piece(const frame_fields& in) {
    server_frame out(std::in_place_type<text_delta>);
    in.piece(data, Which, std::get<text_delta>(out).text);
    return out;
}

std::string reasoning_id(const frame_fields& in) {
    return in.spelled(data, field::id).value_or("reasoning"); // doc/protocol.md 2.2
}

server_frame thought_begins(const frame_fields& in) { return reasoning_started{reasoning_id(in)}; }

server_frame thought_ends(const frame_fields& in) {
    return reasoning_finished{reasoning_id(in), {}, {}};
}

server_frame thought(const frame_fields& in) {
    reasoning_delta out{reasoning_id(in), {}};
    in.piece(data, field::text, out.text);
    return out;
}

server_frame finish(const frame_fields& in) {
    // doc/protocol.md 2.2: `data.conversationId`, else `uuid`. An empty id names nothing.
    chat_finished out;
    out.message_count = in.integer(data, field::message_count);
    auto id = in.spelled(data, field::conversation_id).value_or("");
    auto uuid = in.spelled(top, field::uuid).value_or("");
    if (id.empty()) id = uuid;
    if (!id.empty()) out.conversation_id = std::move(id);
    if (!uuid.empty()) out.uuid = std::move(uuid);
    return out;
}

template <class Failure>
server_frame failure(const frame_fields& in) {
    return Failure{words(in, field::error), in.spelled(data, field::error_code),
                   in.optional_json(data, field::details)};
}

server_frame new_thread(const frame_fields& in) {
    return thread_created{in.spelled(data, field::thread_id).value_or(""),
                          in.spelled(data, field::provider_res_id).value_or(""),
                          in.boolean(data, field::can_update_metadata),
                          in.text(data, field::update_endpoint)};
}

bool is_object(std::string_view text) noexcept {
    return kind_of(trim_json(text)) == json_kind::object && !check_json(text);
}

/// The parameters of a call, null when they are no object. A model that has none to give says
/// nothing, `null` or `[]`, and some servers pass the model's own JSON on in a string.
json_text parameters(const frame_fields& in) {
    const auto given = in.raw(top, field::parameters);
    if (in.absent(top, field::parameters)) return trusted_json::make("{}");
    switch (kind_of(given)) {
    case json_kind::object:
        if (check_json(given)) return {};
        return in.json(top, field::parameters);
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
    out.name = in.text(top, field::tool_name);
    out.call_id = in.spelled(top, field::call_id).value_or("");
    out.numeric_id = in.raw(top, field::call_id).front() != '"';
    out.parameters = parameters(in);
    out.parameters_valid = out.parameters.is_object();
    return out;
}

server_frame component(const frame_fields& in) {
    ui_component out{in.spelled(top, field::tool_call_id).value_or(""),
                     in.text(top, field::component_name), in.json(top, field::props),
                     ui_component::state::complete};
    const auto status = in.raw(top, field::status);
    if (status == R"("streaming")") out.status = ui_component::state::streaming;
    if (status == R"("error")") out.status = ui_component::state::error;
    return out;
}

/// As it was spelled: a pong says it back (doc/pitfalls.md P48).
std::string token(const frame_fields& in, field which) {
    return in.absent(top, which) ? std::string() : std::string(in.raw(top, which));
}

server_frame server_tool_call(const frame_fields& in) {
    return server_tool_started{in.text(data, field::tool_name),
                               in.spelled(data, field::tool_call_id).value_or(""),
                               in.optional_json(data, field::args)};
}

server_frame server_tool_result(const frame_fields& in) {
    return server_tool_finished{in.text(data, field::tool_name),
                                in.spelled(data, field::tool_call_id).value_or(""),
                                in.optional_json(data, field::result)};
}

server_frame stored(const frame_fields& in) {
    return messages_persisted{in.spelled(data, field::thread_id),
                              in.spelled(data, field::provider_res_id)};
}

server_frame ping(const frame_fields& in) {
    return ping_received{token(in, field::timestamp), token(in, field::ping_time)};
}

server_frame ping_answer(const frame_fields& in) {
    return ping_acknowledged{token(in, field::timestamp), token(in, field::original_timestamp)};
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
    {naming::event, "content-delta", content_delta_rules, piece<field::delta>, field::delta},
    {naming::provider_event, "text-delta", text_delta_rules, piece<field::text_delta>,
     field::text_delta},
    {naming::provider_event, "reasoning-start", reasoning_rules, thought_begins},
    {naming::provider_event, "reasoning-delta", reasoning_delta_rules, thought, field::text},
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

/// The events that are no frame of a server.
template <class Event>
concept event_of_client =
    (std::same_as<Event, tool_started> || std::same_as<Event, tool_finished> ||
     std::same_as<Event, tool_answer_repeated> || std::same_as<Event, connection_lost> ||
     std::same_as<Event, reconnecting> || std::same_as<Event, connection_restored> ||
     std::same_as<Event, connection_failed> || std::same_as<Event, ticket_renewed> ||
     std::same_as<Event, ticket_renewal_failed> || std::same_as<Event, handler_failed>);

class quoting {
public:
    explicit quoting(const redactor& gate) : gate_(gate) {}

    // Message by message: what is not named is payload. A message that is forgotten here does not
    // compile.
    void operator()(session_established&) const {}
    void operator()(authentication_refused&) const {} // goes on as quotations only
    void operator()(tools_acknowledged&) const {}     // nobody is shown the names
    void operator()(configuration_requested&) const {}
    void operator()(tool_requested&) const {} // the name: tool_runner, for a tool that there is not
    void operator()(ping_received&) const {}
    void operator()(ping_acknowledged&) const {}
    void operator()(text_delta&) const {}
    void operator()(reasoning_started&) const {}
    void operator()(reasoning_delta&) const {}
    void operator()(reasoning_finished&) const {}
    void operator()(server_tool_started& frame) const { name(frame.name); }
    void operator()(server_tool_finished& frame) const { name(frame.name); }
    void operator()(ui_component& frame) const { name(frame.name); }
    void operator()(thread_created& frame) const { name(frame.update_endpoint); }
    void operator()(messages_persisted&) const {}
    void operator()(chat_finished&) const {}
    void operator()(chat_failed& frame) const { failure(frame); }
    void operator()(server_error& frame) const { failure(frame); }
    void operator()(message_skipped& frame) const { word(frame.detail); }
    template <class Event>
        requires event_of_client<Event>
    void operator()(Event&) const {} // never a frame

private:
    void word(std::string& text) const { fit(text, longest_quotation); }
    void sentence(std::string& text) const { fit(text, longest_sentence); }
    void name(std::string& text) const { fit(text, longest_name); }

    template <class Failure>
    void failure(Failure& frame) const {
        sentence(frame.error);
        if (frame.code) word(*frame.code);
        // Half a document is none: what tells a secret is left out as a whole.
        if (frame.details && gate_.tells_a_secret(frame.details->view()))
            frame.details = trusted_json::make(R"("***")");
    }

    void fit(std::string& text, std::size_t max) const {
        if (!text.empty()) text = gate_.quote(text, max).text();
    }

    const redactor& gate_;
};

} // namespace

std::span<const frame_row> frame_table() noexcept { return rows; }

void quote(server_frame& frame, const redactor& gate) { std::visit(quoting(gate), frame); }

} // namespace parley::wire
