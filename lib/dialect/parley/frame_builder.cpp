#include "dialect/parley/frame_builder.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/trusted_json.hpp"

#include <utility>
#include <variant>

namespace parley::wire {

namespace {

using enum level;

/// The words of a failure. Of an object they are its `message`, or else its JSON.
std::string words(const frame_fields& in, field which) {
    const auto value = in.raw(top, which);
    if (value.empty() || value.front() != '{') return in.text(top, which);
    const auto message = member(value, "message");
    const bool says = message && kind_of(*message) == json_kind::string;
    return says ? unescape_json_string(*message) : std::string(value);
}

authentication_refused refusal(const frame_fields& in) {
    return {words(in, field::error), in.spelled(top, field::code).value_or("")};
}

tools_acknowledged acknowledgement(const frame_fields& in, bool update) {
    return {update, in.integer(data, field::tool_count)};
}

/// Nearly every frame is one: its text is written where it stays.
server_frame piece(const frame_fields& in, field which) {
    server_frame out(std::in_place_type<parley::text_delta>);
    in.piece(data, which, std::get<parley::text_delta>(out).text);
    return out;
}

std::string reasoning_id(const frame_fields& in) {
    return in.spelled(data, field::id).value_or("reasoning"); // doc/protocol.md 2.2
}

reasoning_delta thought(const frame_fields& in) {
    reasoning_delta out{reasoning_id(in), {}};
    in.piece(data, field::text, out.text);
    return out;
}

chat_finished finish(const frame_fields& in) {
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
Failure failure(const frame_fields& in) {
    return {words(in, field::error), in.spelled(data, field::error_code),
            in.optional_json(data, field::details)};
}

thread_created new_thread(const frame_fields& in) {
    return {in.spelled(data, field::thread_id).value_or(""),
            in.spelled(data, field::provider_res_id).value_or(""),
            in.boolean(data, field::can_update_metadata), in.text(data, field::update_endpoint)};
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

tool_requested request(const frame_fields& in) {
    tool_requested out;
    out.name = in.text(top, field::tool_name);
    out.call_id = in.spelled(top, field::call_id).value_or("");
    out.numeric_id = in.raw(top, field::call_id).front() != '"';
    out.parameters = parameters(in);
    out.parameters_valid = out.parameters.is_object();
    return out;
}

ui_component component(const frame_fields& in) {
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

} // namespace

server_frame build_frame(frame_kind kind, const frame_fields& in) {
    switch (kind) {
    case frame_kind::session_established:
        return session_established{};
    case frame_kind::authentication_error:
        return refusal(in);
    case frame_kind::tools_configured:
        return acknowledgement(in, false);
    case frame_kind::client_tools_updated:
        return acknowledgement(in, true);
    case frame_kind::configure_tools:
        return configuration_requested{};
    case frame_kind::content_delta:
        return piece(in, field::delta);
    case frame_kind::text_delta:
        return piece(in, field::text_delta);
    case frame_kind::reasoning_start:
        return reasoning_started{reasoning_id(in)};
    case frame_kind::reasoning_delta:
        return thought(in);
    case frame_kind::reasoning_end:
        return reasoning_finished{reasoning_id(in), {}, {}};
    case frame_kind::server_tool_call:
        return server_tool_started{in.text(data, field::tool_name),
                                   in.spelled(data, field::tool_call_id).value_or(""),
                                   in.optional_json(data, field::args)};
    case frame_kind::server_tool_result:
    case frame_kind::latitude_tool_result:
        return server_tool_finished{in.text(data, field::tool_name),
                                    in.spelled(data, field::tool_call_id).value_or(""),
                                    in.optional_json(data, field::result)};
    case frame_kind::chat_finished:
        return finish(in);
    case frame_kind::chat_error:
        return failure<chat_failed>(in);
    case frame_kind::messages_persisted:
        return messages_persisted{in.spelled(data, field::thread_id),
                                  in.spelled(data, field::provider_res_id)};
    case frame_kind::thread_created:
        return new_thread(in);
    case frame_kind::tool_call_request:
        return request(in);
    case frame_kind::ui_component:
        return component(in);
    case frame_kind::heartbeat_ping:
        return ping_received{token(in, field::timestamp), token(in, field::ping_time)};
    case frame_kind::heartbeat_ack:
        return ping_acknowledged{token(in, field::timestamp), token(in, field::original_timestamp)};
    case frame_kind::error:
        return failure<server_error>(in);
    }
    return message_skipped{skip_reason::unknown_type, ""};
}

} // namespace parley::wire
