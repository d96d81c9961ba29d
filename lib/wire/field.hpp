#pragma once

#include "wire/word.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::wire {

/// Every name of a field that PROTOCOL.md 2.2 knows, at the top or in `data`.
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

/// The fields by the first letter of their names; those that most frames have come first.
class fields_by_letter {
public:
    constexpr fields_by_letter() {
        std::size_t count = 0;
        for (std::size_t letter = 0; letter < letters; ++letter) {
            begin_[letter] = static_cast<std::uint8_t>(count);
            for (const auto each : {field::type, field::text_delta})
                if (starts(each, letter)) order_[count++] = each;
            for (std::size_t i = 0; i < field_names.size(); ++i) {
                const auto each = static_cast<field>(i);
                const bool done = each == field::type || each == field::text_delta;
                if (!done && starts(each, letter)) order_[count++] = each;
            }
        }
        begin_[letters] = static_cast<std::uint8_t>(count);
    }

    field find(const char* name) const noexcept {
        const std::size_t letter = static_cast<unsigned char>(*name) & (letters - 1);
        for (std::size_t i = begin_[letter]; i < begin_[letter + 1]; ++i)
            if (field_words[static_cast<std::size_t>(order_[i])].begins(name)) return order_[i];
        return field::none;
    }

private:
    static constexpr std::size_t letters = 32;
    static constexpr bool starts(field which, std::size_t letter) {
        const char first = field_names[static_cast<std::size_t>(which)].front();
        return (static_cast<unsigned char>(first) & (letters - 1)) == letter;
    }

    std::array<std::uint8_t, letters + 1> begin_{};
    std::array<field, field_names.size()> order_{};
};
inline constexpr fields_by_letter by_letter;

} // namespace detail

/// The field whose name begins at `name` and ends at a quote, or `none`: one that is spelled with
/// escapes is not recognised. 24 bytes from `name` on can be read, whatever they are.
inline field field_at(const char* name) noexcept { return detail::by_letter.find(name); }

} // namespace parley::wire
