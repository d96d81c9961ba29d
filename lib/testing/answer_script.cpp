#include <parley/testing/answer_script.hpp>

#include "testing/frames.hpp"

#include <algorithm>
#include <cctype>

namespace parley::testing {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

} // namespace

std::optional<std::string> received_message::tool_named_like(std::string_view part) const {
    const std::string wanted = lower(part);
    for (const std::string& name : tool_names) {
        if (lower(name).find(wanted) != std::string::npos) {
            return name;
        }
    }
    return std::nullopt;
}

answer_script::answer_script() = default;

answer_script& answer_script::text(std::string piece) {
    steps_.emplace_back(step::text{std::move(piece), false});
    return *this;
}

answer_script& answer_script::text(std::vector<std::string> pieces) {
    for (std::string& piece : pieces) {
        text(std::move(piece));
    }
    return *this;
}

answer_script& answer_script::provider_text(std::string piece) {
    steps_.emplace_back(step::text{std::move(piece), true});
    return *this;
}

answer_script& answer_script::reasoning(std::vector<std::string> pieces, std::string id) {
    steps_.emplace_back(step::reasoning{std::move(id), std::move(pieces)});
    return *this;
}

answer_script& answer_script::call_tool(std::string name, std::string parameters,
                                        std::string call_id) {
    steps_.emplace_back(
        step::tool_request{std::move(name), std::move(parameters), std::move(call_id), true});
    return *this;
}

answer_script& answer_script::request_tool(std::string name, std::string parameters,
                                           std::string call_id) {
    steps_.emplace_back(
        step::tool_request{std::move(name), std::move(parameters), std::move(call_id), false});
    return *this;
}

answer_script& answer_script::then(answer_continuation make) {
    steps_.emplace_back(step::continuation{std::move(make)});
    return *this;
}

answer_script& answer_script::server_tool(std::string name, std::string call_id, std::string args,
                                          std::string result) {
    raw(frames::server_tool_call(name, call_id, frames::unless_empty(args)));
    return result.empty() ? *this : raw(frames::server_tool_result(name, call_id, result));
}

answer_script& answer_script::latitude_tool(std::string name, std::string call_id) {
    return raw(frames::latitude_tool_result(name, call_id));
}

answer_script& answer_script::ui_component(std::string call_id, std::string name, std::string props,
                                           std::string status) {
    return raw(frames::ui_component(call_id, name, frames::unless_empty(props),
                                    frames::unless_empty(status)));
}

answer_script& answer_script::raw(std::string text) {
    steps_.emplace_back(step::raw_text{std::move(text)});
    return *this;
}

answer_script& answer_script::binary(std::string bytes) {
    steps_.emplace_back(step::raw_binary{std::move(bytes)});
    return *this;
}

answer_script& answer_script::bytes(std::string bytes) {
    steps_.emplace_back(step::raw_bytes{std::move(bytes)});
    return *this;
}

answer_script& answer_script::pause(std::chrono::milliseconds duration) {
    steps_.emplace_back(step::pause{duration});
    return *this;
}

answer_script& answer_script::chat_error(std::string error, std::string code) {
    steps_.emplace_back(step::chat_error{std::move(error), std::move(code)});
    return *this;
}

answer_script& answer_script::finish() {
    steps_.emplace_back(step::finish{});
    return *this;
}

answer_script& answer_script::never_finish() {
    steps_.emplace_back(step::never_finish{});
    return *this;
}

answer_script& answer_script::drop() {
    steps_.emplace_back(step::drop{});
    return *this;
}

answer_script& answer_script::close(std::uint16_t code, std::string reason) {
    steps_.emplace_back(step::close{code, std::move(reason)});
    return *this;
}

} // namespace parley::testing
