// What is encoded says what was meant: each frame of the client's is read back, each frame of a
// server's is decoded to what was written. Text that is not UTF-8 is refused before.

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "core/json_check.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"
#include "core/trusted_json.hpp"
#include "dialect/parley/decoder.hpp"
#include "dialect/parley/encoder.hpp"
#include "fuzz/lines.hpp"
#include "fuzz/target.hpp"
#include "support/frame_spelling.hpp"
#include "support/frame_writer.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace parley::fuzz {

namespace {

/// JSON, of whatever the line holds.
json_text json_of(std::string_view line) {
    if (!check_json(line)) return trusted_json::make(std::string(trim_json(line)));
    return valid_utf8(line) ? json_text::from_string(line) : json_text();
}

json_text object_of(std::string_view line) {
    auto value = json_of(line);
    if (value.is_object()) return value;
    return trusted_json::make(R"({"value":)" + std::string(value.view()) + '}');
}

/// The frame, when its texts are UTF-8.
std::optional<json_text> encoded(const std::function<std::string()>& encode, bool clean) {
    try {
        auto frame = encode();
        require(clean, "what is not UTF-8 is refused");
        require(!check_json(frame), "a frame is JSON");
        return trusted_json::make(std::move(frame));
    } catch (const client_error& thrown) {
        require(thrown.code() == errc::invalid_utf8 && !clean, "only what is not UTF-8 is refused");
        return std::nullopt;
    }
}

void take_message(lines& in) {
    const auto content = in.text();
    const auto media = in.text();
    const auto id = in.text();
    const auto server = in.text();
    const auto key = in.text();
    const auto value = in.text();
    chat_message message(content);
    message.media({media, content}).mcp_headers({{server, {{key, value}}}});
    if (!id.empty()) message.provider_res_id(id);
    const bool clean = valid_utf8(content) && valid_utf8(media) && valid_utf8(id) &&
                       valid_utf8(server) && valid_utf8(key) && valid_utf8(value);
    const auto frame = encoded([&] { return encode_chat_message(message); }, clean);
    if (!frame) return;
    require(frame->string_at("/type") == "chat_message", "a message is one");
    require(frame->string_at("/content") == content, "the content comes back");
    require(frame->string_at("/media/0") == media, "the media come back");
    require(frame->string_at("/providerResId").value_or("") == id, "the id comes back");
    const auto servers = frame->text_at("/mcpHeaders").value_or(json_text());
    const auto headers = member(servers.view(), server);
    require(headers.has_value(), "the server comes back");
    const auto header = member(*headers, key);
    require(header && trusted_json::make(std::string(*header)).string_at("") == value,
            "the header comes back");
}

void take_answer(lines& in) {
    const auto id = in.text();
    const auto error = in.text();
    const auto result = json_of(in.next());
    const auto good = encoded([&] { return encode_tool_result(id, result); }, true);
    require(good->string_at("/callId") == to_valid_utf8(id), "the call comes back");
    require(good->text_at("/result") == result, "the result comes back");
    require(!good->text_at("/error"), "a result has no error");
    const auto bad = encoded([&] { return encode_tool_error(id, error); }, true);
    require(bad->string_at("/error") == to_valid_utf8(error), "the error comes back");
    require(!bad->text_at("/result"), "an error has no result");
}

void take_configuration(lines& in) {
    const auto held = object_of(in.next());
    const auto merge = object_of(in.next());
    const auto merged = merge_helpers(held, merge);
    require(!check_json(merged.view()), "merged helpers are JSON");
    require(merge_helpers(merged, merge) == merged, "to merge the same again changes nothing");
    const auto frame = encoded([&] { return encode_context_helpers(merged); }, true);
    require(frame->text_at("/contextHelpers") == merged, "the helpers come back");

    const auto name = in.text();
    const auto description = in.text();
    const tool described(name, description, json_of(in.next()), {});
    try {
        const auto schemas = tool_schemas({described});
        require(!check_json(schemas.view()), "the tools' schemas are JSON");
        require(schemas.string_at("/0/name") == name, "the tool's name comes back");
        require(schemas.text_at("/0/parameters")->is_array(), "parameters are an array");
        const auto whole =
            encoded([&] { return encode_configure_tools(schemas, merged, json_text()); }, true);
        require(whole->text_at("/toolSchemas") == schemas, "the schemas come back");
    } catch (const client_error& thrown) {
        require(thrown.code().value() / 100 == 5 || thrown.code() == errc::invalid_utf8,
                "a tool is refused for what is wrong with it");
    }
}

void take_pong(lines& in) {
    decoder one;
    const auto token = in.text();
    const std::string ping = testing::frames::heartbeat_ping(token, token) + std::string(64, ' ');
    const auto frame = one.decode(std::string_view(ping).substr(0, ping.size() - 64));
    const auto* received = std::get_if<ping_received>(&frame);
    if (!received) return;
    const auto pong = encoded([&] { return encode_heartbeat_pong(wall_time(), *received); }, true);
    if (check_json(token) || json_of(token).is_null()) return; // two fields in one, or none
    constexpr std::size_t longest = 4'096;
    if (trim_json(token).size() > longest) return;
    require(pong->text_at("/originalTimestamp")->view() == trim_json(token),
            "the timestamp goes back as it was spelled");
    const auto kind = kind_of(trim_json(token));
    const bool time = kind == json_kind::number || kind == json_kind::string;
    const auto said = pong->text_at("/pingTime");
    require(said.has_value() == time, "a time is a number or a string");
    require(!time || said->view() == trim_json(token), "the time goes back as it was spelled");
}

std::optional<std::string> text_or_none(std::string text) {
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<json_text> json_or_none(std::string_view line) {
    auto value = json_of(line);
    return value.is_null() ? std::nullopt : std::optional(std::move(value));
}

server_frame frame_of(lines& in) {
    const auto which = in.choice(16);
    auto one = in.text();
    auto two = in.text();
    auto three = in.next();
    const auto number = static_cast<std::int64_t>(three.size()) - 5;
    switch (which) {
    case 0:
        return tools_acknowledged{!one.empty(), number};
    case 1:
        return tool_requested{one, two, object_of(three), true, false};
    case 2:
        return text_delta{one};
    case 3:
        return reasoning_started{one};
    case 4:
        return reasoning_delta{one, two};
    case 5:
        return reasoning_finished{one, {}, {}};
    case 6:
        return server_tool_started{one, two, json_or_none(three)};
    case 7:
        return server_tool_finished{one, two, json_or_none(three)};
    case 8:
        return ui_component{one, two, json_of(three),
                            static_cast<ui_component::state>(three.size() % 3)};
    case 9:
        return thread_created{one, two, three.empty(), std::string(three)};
    case 10:
        return messages_persisted{one, text_or_none(two)};
    case 11:
        return chat_finished{text_or_none(one), number};
    case 12:
        return chat_failed{one, two, json_or_none(three)};
    case 13:
        return server_error{one, text_or_none(two), json_or_none(three)};
    case 14:
        return configuration_requested{};
    default:
        return session_established{};
    }
}

void take_server_frame(lines& in) {
    const auto meant = frame_of(in);
    std::string frame;
    try {
        frame = test::written(meant);
    } catch (const client_error& thrown) {
        require(thrown.code() == errc::invalid_utf8, "only what is not UTF-8 is refused");
        return;
    }
    const auto size = frame.size();
    frame.append(64, '"');
    decoder one;
    const auto decoded = one.decode(std::string_view(frame).substr(0, size));
    const auto* const skipped = std::get_if<message_skipped>(&decoded);
    if (skipped && skipped->reason == skip_reason::too_large) return;
    require(test::spelling(decoded) == test::spelling(meant), "what was meant is decoded");
}

} // namespace

void take_round_trip(std::string_view input) {
    lines in(input);
    switch (in.choice(5)) {
    case 0:
        return take_message(in);
    case 1:
        return take_answer(in);
    case 2:
        return take_configuration(in);
    case 3:
        return take_pong(in);
    default:
        return take_server_frame(in);
    }
}

} // namespace parley::fuzz
