#include "wire/field.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace parley::wire {

namespace {

// Every member of every frame comes through here. A name is looked up by its first eight bytes, as
// one number, and what is left of a longer one is compared with its quote: no length is needed.

constexpr std::array<std::string_view, static_cast<std::size_t>(field::none)> names{
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

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::size_t slots = 128;
constexpr std::size_t longest = 17;

/// The first eight bytes of a text, or all there are and zeros.
constexpr std::uint64_t word_of(std::string_view text) {
    std::array<char, word> bytes{};
    for (std::size_t i = 0; i < std::min(text.size(), word); ++i)
        bytes[i] = text[i];
    return std::bit_cast<std::uint64_t>(bytes);
}

/// A multiplier under which no two beginnings of names meet; found by trying.
constexpr std::size_t slot_of(std::uint64_t beginning) noexcept {
    return beginning * 0xF6AC'B6E3'9481'3B73u >> 57;
}

constexpr auto beginnings = [] {
    std::array<std::uint64_t, names.size()> all{};
    for (std::size_t i = 0; i < names.size(); ++i)
        all[i] = word_of(names[i]);
    return all;
}();

/// The name in each slot. The only two of one beginning are in it as the first of them.
constexpr auto table = [] {
    std::array<field, slots> all{};
    all.fill(field::none);
    for (auto i = names.size(); i-- > 0;)
        all[slot_of(word_of(names[i]))] = static_cast<field>(i);
    return all;
}();

constexpr bool one_name_in_each_slot = [] {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (static_cast<field>(i) != field::tool_names &&
            table[slot_of(word_of(names[i]))] != static_cast<field>(i))
            return false;
    return word_of("toolName") == word_of("toolNames");
}();
static_assert(std::endian::native != std::endian::little || one_name_in_each_slot);

std::uint64_t load(const char* at) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, at, word);
    return value;
}

/// Where the first quote is among eight bytes, or 8. Little-endian.
unsigned quote_in(std::uint64_t bytes) noexcept {
    const auto zero_at_quote = bytes ^ 0x2222'2222'2222'2222u;
    const auto found =
        (zero_at_quote - 0x0101'0101'0101'0101u) & ~zero_at_quote & 0x8080'8080'8080'8080u;
    return static_cast<unsigned>(std::countr_zero(found)) / 8;
}

/// Whether a text that begins like this name goes on like it, up to its quote.
bool goes_on(field which, const char* text) noexcept {
    const auto rest = names[static_cast<std::size_t>(which)].substr(word);
    return std::memcmp(text + word, rest.data(), rest.size()) == 0 &&
           text[word + rest.size()] == '"';
}

/// Where the quote of a word cannot be found by arithmetic.
[[maybe_unused]] field slow_field_at(const char* name) noexcept {
    const auto* const end = std::find_if(name, name + longest + 1, [](char c) { return c == '"'; });
    return field_named({name, static_cast<std::size_t>(end - name)});
}

} // namespace

std::string_view name_of(field which) noexcept {
    return which == field::none ? "?" : names[static_cast<std::size_t>(which)];
}

field field_at(const char* name) noexcept {
    if constexpr (std::endian::native != std::endian::little) return slow_field_at(name);
    auto beginning = load(name);
    const auto length = quote_in(beginning);
    if (length < word) beginning &= (std::uint64_t{1} << (8 * length)) - 1;
    const auto which = table[slot_of(beginning)];
    if (which == field::none || beginnings[static_cast<std::size_t>(which)] != beginning)
        return field::none;
    if (length < word || goes_on(which, name)) return which;
    const bool other = which == field::tool_name && goes_on(field::tool_names, name);
    return other ? field::tool_names : field::none;
}

field field_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<field>(i);
    return field::none;
}

} // namespace parley::wire
