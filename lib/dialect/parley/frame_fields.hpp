#pragma once

#include <parley/json_text.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::wire {

/// The top of a frame, or its `data`.
enum class level : std::uint8_t { top, data };

/// The fields of a frame by their names on the wire, as views of its text: nothing is decoded yet.
/// Of two fields of one name the first counts.
class frame_fields {
public:
    void clear() noexcept { fields_.clear(); }

    /// Both texts must outlive this.
    void put(level where, std::string_view name, std::string_view raw) {
        if (!find(where, name)) fields_.push_back({where, name, raw});
    }

    /// From now on it is absent.
    void drop(level where, std::string_view name) noexcept {
        std::erase_if(fields_, [&](const field& each) { return each.is(where, name); });
    }

    /// The value's text; empty when there is none.
    std::string_view raw(level where, std::string_view name) const noexcept {
        const auto* found = find(where, name);
        return found ? found->raw : std::string_view();
    }

    /// Missing, or `null`: an optional field takes both for the same.
    bool absent(level where, std::string_view name) const noexcept {
        const auto value = raw(where, name);
        return value.empty() || value == "null";
    }

    // The value of a field whose shape has been checked; the type's default when it is absent.

    std::string text(level where, std::string_view name) const;
    /// Appends a piece of a longer text, by `append_unescaped_piece`.
    void piece(level where, std::string_view name, std::string& to) const;
    /// A string says what it says, a number is as it is spelled.
    std::optional<std::string> spelled(level where, std::string_view name) const;
    std::optional<std::int64_t> integer(level where, std::string_view name) const noexcept;
    bool boolean(level where, std::string_view name) const noexcept {
        return raw(where, name) == "true";
    }
    json_text json(level where, std::string_view name) const;
    std::optional<json_text> optional_json(level where, std::string_view name) const;

private:
    struct field {
        level where;
        std::string_view name;
        std::string_view raw;

        bool is(level in, std::string_view wanted) const noexcept {
            return where == in && name == wanted;
        }
    };

    const field* find(level where, std::string_view name) const noexcept {
        for (const auto& each : fields_)
            if (each.is(where, name)) return &each;
        return nullptr;
    }

    std::vector<field> fields_; // few
};

} // namespace parley::wire
