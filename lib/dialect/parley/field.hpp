#pragma once

#include "dialect/parley/word.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::wire {

/// Every name of a field that doc/protocol.md 2.2 knows, at the top or in `data`.
enum class field : std::uint8_t {
    id,
    args,
    code,
    data,
    text,
    type,
    uuid,
    delta,
    error,
    event_name,
    props,
    call_id,
    result,
    status,
    details,
    ping_time,
    thread_id,
    tool_name,
    error_code,
    text_delta,
    timestamp,
    tool_count,
    tool_names,
    parameters,
    tool_call_id,
    message_count,
    component_name,
    provider_res_id,
    conversation_id,
    update_endpoint,
    can_update_metadata,
    original_timestamp,
    none
};

/// `toolCallId`, as it is on the wire.
std::string_view name_of(field which) noexcept;

/// Of a name that was unescaped.
field field_named(std::string_view name) noexcept;

namespace detail {

inline constexpr std::array<std::string_view, static_cast<std::size_t>(field::none)> field_names{
    "id",
    "args",
    "code",
    "data",
    "text",
    "type",
    "uuid",
    "delta",
    "error",
    "event",
    "props",
    "callId",
    "result",
    "status",
    "details",
    "pingTime",
    "threadId",
    "toolName",
    "errorCode",
    "textDelta",
    "timestamp",
    "toolCount",
    "toolNames",
    "parameters",
    "toolCallId",
    "messageCount",
    "componentName",
    "providerResId",
    "conversationId",
    "updateEndpoint",
    "canUpdateMetadata",
    "originalTimestamp"};

/// Of each name its word.
inline constexpr auto field_words = [] {
    std::array<quoted_word, field_names.size()> all{};
    for (std::size_t i = 0; i < field_names.size(); ++i)
        all[i] = quoted_word(field_names[i]);
    return all;
}();

/// The fields by their names, in a table without collisions.
class fields_by_name {
public:
    constexpr fields_by_name() {
        fields_.fill(field::none);
        for (std::size_t i = 0; i < field_names.size(); ++i) {
            auto& slot = fields_[slot_of(field_names[i])];
            distinct_ = distinct_ && slot == field::none;
            slot = static_cast<field>(i);
        }
    }

    constexpr bool distinct() const { return distinct_; }

    field find(std::string_view name) const noexcept {
        if (name.empty()) return field::none;
        const auto found = fields_[slot_of(name)];
        if (found == field::none) return found;
        return field_words[static_cast<std::size_t>(found)].begins(name.data()) ? found
                                                                                : field::none;
    }

private:
    static constexpr std::size_t slots = 128;
    // The first letter, the last and the length tell all of them apart; the factors were searched
    // for.
    static constexpr std::size_t slot_of(std::string_view name) noexcept {
        const auto first = static_cast<unsigned char>(name.front());
        const auto last = static_cast<unsigned char>(name.back());
        return (first * 18u + last * 8u + name.size()) % slots;
    }

    std::array<field, slots> fields_{};
    bool distinct_ = true;
};
inline constexpr fields_by_name by_name;
static_assert(by_name.distinct());

} // namespace detail

/// The field of that name, or `none`: one that is spelled with escapes is not recognised. A quote
/// follows the name, and 24 bytes from its first on can be read, whatever they are.
inline field field_at(std::string_view name) noexcept { return detail::by_name.find(name); }

} // namespace parley::wire
