#pragma once

#include <parley/json_text.hpp>

#include "dialect/parley/field.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::wire {

/// The top of a frame, or its `data`.
enum class level : std::uint8_t { top, data };

/// Where in a frame's text the fields are that somebody may read: views, nothing is decoded yet. Of
/// two of one name the first counts.
class frame_fields {
public:
    void clear() noexcept { seen_ = {}; }

    void put(level where, field which, std::string_view raw) noexcept {
        const auto bit = std::uint64_t{1} << static_cast<unsigned>(which);
        auto& seen = seen_[static_cast<std::size_t>(where)];
        if ((seen & bit) != 0) return;
        seen |= bit;
        raw_[static_cast<std::size_t>(where)][static_cast<std::size_t>(which)] = raw;
    }

    /// From now on it is absent.
    void drop(level where, field which) noexcept {
        const auto bit = std::uint64_t{1} << static_cast<unsigned>(which);
        seen_[static_cast<std::size_t>(where)] &= ~bit;
    }

    /// The value's text; empty when there is none.
    std::string_view raw(level where, field which) const noexcept {
        const auto bit = std::uint64_t{1} << static_cast<unsigned>(which);
        if ((seen_[static_cast<std::size_t>(where)] & bit) == 0) return {};
        return raw_[static_cast<std::size_t>(where)][static_cast<std::size_t>(which)];
    }

    /// Missing, or `null`: an optional field takes both for the same.
    bool absent(level where, field which) const noexcept {
        const auto value = raw(where, which);
        return value.empty() || value == "null";
    }

    // The value of a field whose shape has been checked; the type's default when it is absent.

    std::string text(level where, field which) const;
    /// Appends it.
    void text(level where, field which, std::string& to) const;
    /// Appends a piece of a longer text, by `append_unescaped_piece`.
    void piece(level where, field which, std::string& to) const;
    /// A string says what it says, a number is as it is spelled.
    std::optional<std::string> spelled(level where, field which) const;
    std::optional<std::int64_t> integer(level where, field which) const noexcept;
    bool boolean(level where, field which) const noexcept { return raw(where, which) == "true"; }
    json_text json(level where, field which) const;
    std::optional<json_text> optional_json(level where, field which) const;

private:
    static constexpr auto count = static_cast<std::size_t>(field::none);

    std::string unescaped(std::string_view token) const;
    void append(std::string_view token, std::string& to) const;

    std::array<std::uint64_t, 2> seen_{};
    std::array<std::array<std::string_view, count>, 2> raw_{};
};

} // namespace parley::wire
