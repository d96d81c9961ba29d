// The decoder takes any bytes. What it makes of them does not depend on what lies behind them or on
// what it decoded before; nor, when they are JSON, on which of simdjson's implementations found the
// structure. When they are not, those disagree about where a string begins, in a part that is
// not read, and so about the part that follows.

#include "core/json_check.hpp"
#include "core/json_walk.hpp"
#include "dialect/parley/decoder.hpp"
#include "fuzz/target.hpp"
#include "support/frame_spelling.hpp"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::fuzz {

namespace {

constexpr std::size_t padding = 64;

/// In a buffer that ends where the padding does, so that reading beyond is seen.
std::string decoded(decoder& with, std::string_view input, std::string_view behind) {
    std::vector<char> buffer(input.begin(), input.end());
    for (std::size_t i = 0; i < padding; ++i)
        buffer.push_back(behind[i % behind.size()]);
    return test::spelling(with.decode({buffer.data(), input.size()}));
}

void check_verdict(std::string_view input, const server_frame& frame) {
    const auto* const skipped = std::get_if<message_skipped>(&frame);
    if (check_json(input)) return; // it may still be taken: unread parts are not checked
    const bool object = kind_of(trim_json(input)) == json_kind::object;
    if (skipped && skipped->reason == skip_reason::not_json)
        require(false, "what is JSON is not called invalid");
    if (!object)
        require(skipped && skipped->reason == skip_reason::not_an_object,
                "what is no object is skipped as such");
}

void check_user_json(const json_text& text) {
    require(!check_json(text.view()), "the user's JSON is valid");
}
void check_user_json(const std::optional<json_text>& text) {
    if (text) check_user_json(*text);
}

void check_user_json(const server_frame& frame) {
    if (const auto* one = std::get_if<tool_requested>(&frame)) check_user_json(one->parameters);
    if (const auto* one = std::get_if<server_tool_started>(&frame)) check_user_json(one->arguments);
    if (const auto* one = std::get_if<server_tool_finished>(&frame)) check_user_json(one->result);
    if (const auto* one = std::get_if<ui_component>(&frame)) check_user_json(one->props);
    if (const auto* one = std::get_if<chat_failed>(&frame)) check_user_json(one->details);
    if (const auto* one = std::get_if<server_error>(&frame)) check_user_json(one->details);
}

class active_implementation {
public:
    explicit active_implementation(const simdjson::implementation* wanted)
        : before_(simdjson::get_active_implementation()) {
        simdjson::get_active_implementation() = wanted;
    }
    active_implementation(const active_implementation&) = delete;
    active_implementation& operator=(const active_implementation&) = delete;
    ~active_implementation() { simdjson::get_active_implementation() = before_; }

private:
    const simdjson::implementation* before_;
};

} // namespace

void take_decoder(std::string_view input) {
    static decoder used; // by every input before this one
    decoder fresh;
    std::vector<char> buffer(input.begin(), input.end());
    buffer.resize(input.size() + padding);
    const auto frame = fresh.decode({buffer.data(), input.size()});
    check_verdict(input, frame);
    check_user_json(frame);

    const auto wanted = test::spelling(frame);
    require(decoded(used, input, "\"}],") == wanted, "what was decoded before does not matter");
    require(decoded(fresh, input, "\xFF\\") == wanted, "what lies behind does not matter");
    const bool is_json = !check_json(input);
    for (const auto* each : simdjson::get_available_implementations()) {
        if (!each->supported_by_runtime_system()) continue;
        const active_implementation active(each);
        decoder other;
        const auto also = other.decode({buffer.data(), input.size()});
        check_user_json(also);
        require(!is_json || test::spelling(also) == wanted, "every implementation sees the same");
    }
}

} // namespace parley::fuzz
