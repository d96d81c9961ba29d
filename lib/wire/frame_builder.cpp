#include "wire/frame_builder.hpp"

#include "core/json_check.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"

#include <utility>
#include <variant>

namespace parley::wire {

namespace {

using enum level;

authentication_refused refusal(const frame_fields& in) {
    return {shorten_and_escape(in.text(top, field::error)),
            shorten_and_escape(in.spelled(top, field::code).value_or(""))};
}

tools_acknowledged acknowledgement(const frame_fields& in, bool update) {
    return {update, in.integer(data, field::tool_count), in.texts(data, field::tool_names)};
}

/// Nearly every frame is one: its text is written where it stays.
server_frame piece(const frame_fields& in, field which) {
    server_frame out(std::in_place_type<parley::text_delta>);
    in.text(data, which, std::get<parley::text_delta>(out).text);
    return out;
}

std::string reasoning_id(const frame_fields& in) {
    return in.optional_text(data, field::id).value_or("reasoning"); // PROTOCOL.md 2.2
}

chat_finished finish(const frame_fields& in) {
    // PROTOCOL.md 2.2: `data.conversationId`, else `uuid`. An empty id names nothing.
    chat_finished out{std::nullopt, in.integer(data, field::message_count)};
    auto id = in.text(data, field::conversation_id);
    if (id.empty()) id = in.text(top, field::uuid);
    if (!id.empty()) out.conversation_id = std::move(id);
    return out;
}

template <class Failure>
Failure failure(const frame_fields& in) {
    return {in.text(top, field::error), in.spelled(data, field::error_code),
            in.optional_json(data, field::details)};
}

thread_created new_thread(const frame_fields& in) {
    return {in.text(data, field::thread_id), in.text(data, field::provider_res_id),
            in.boolean(data, field::can_update_metadata), in.text(data, field::update_endpoint)};
}

tool_requested request(const frame_fields& in) {
    tool_requested out{in.text(top, field::tool_name), in.text(top, field::call_id), {}, false};
    const auto parameters = in.raw(top, field::parameters);
    out.parameters_valid = !parameters.empty() && kind_of(parameters) == json_kind::object &&
                           (in.known_valid(top, field::parameters) || !check_json(parameters));
    if (out.parameters_valid) out.parameters = in.json(top, field::parameters);
    return out;
}

ui_component component(const frame_fields& in) {
    ui_component out{in.text(top, field::tool_call_id), in.text(top, field::component_name),
                     in.json(top, field::props), ui_component::state::complete};
    const auto status = in.raw(top, field::status);
    if (status == R"("streaming")") out.status = ui_component::state::streaming;
    if (status == R"("error")") out.status = ui_component::state::error;
    return out;
}

/// As it was spelled: a pong says it back (PITFALLS P48).
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
        return parley::reasoning_delta{reasoning_id(in), in.text(data, field::text)};
    case frame_kind::reasoning_end:
        return reasoning_finished{reasoning_id(in), {}, {}};
    case frame_kind::server_tool_call:
        return server_tool_started{in.text(data, field::tool_name),
                                   in.text(data, field::tool_call_id),
                                   in.optional_json(data, field::args)};
    case frame_kind::server_tool_result:
    case frame_kind::latitude_tool_result:
        return server_tool_finished{in.text(data, field::tool_name),
                                    in.text(data, field::tool_call_id),
                                    in.optional_json(data, field::result)};
    case frame_kind::chat_finished:
        return finish(in);
    case frame_kind::chat_error:
        return failure<chat_failed>(in);
    case frame_kind::messages_persisted:
        return messages_persisted{in.optional_text(data, field::thread_id),
                                  in.optional_text(data, field::provider_res_id)};
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
