#pragma once

#include "core/json_check.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace parley {

// Iteration over text that is valid JSON. Every view points into the text.

/// Without the white space around it.
std::string_view trim_json(std::string_view text) noexcept;

/// The kind of the value at the beginning of a text.
enum class json_kind { object, array, string, number, boolean, null };
inline json_kind kind_of(std::string_view value) noexcept {
    switch (value.empty() ? '\0' : value.front()) {
    case '{':
        return json_kind::object;
    case '[':
        return json_kind::array;
    case '"':
        return json_kind::string;
    case 't':
    case 'f':
        return json_kind::boolean;
    case 'n':
        return json_kind::null;
    default:
        return json_kind::number;
    }
}

/// The members of an object, in order.
///
///     for (json_members each{object}; each.next();)
///         use(each.key(), each.value());
class json_members {
public:
    explicit json_members(std::string_view object) noexcept;
    bool next() noexcept;

    std::string_view key_token() const noexcept { return key_; } ///< with its quotes
    std::string key() const;                                     ///< unescaped
    bool key_is(std::string_view name) const;
    std::string_view value() const noexcept { return value_; }

private:
    json_cursor at_; // before the next key, or at the end
    std::string_view key_;
    std::string_view value_;
};

/// The elements of an array, in order.
class json_elements {
public:
    explicit json_elements(std::string_view array) noexcept;
    bool next() noexcept;

    std::string_view value() const noexcept { return value_; }

private:
    json_cursor at_; // before the next element, or at the end
    std::string_view value_;
};

/// The first member of that name.
std::optional<std::string_view> member(std::string_view object, std::string_view name);

/// The value at an RFC 6901 pointer.
std::optional<std::string_view> value_at(std::string_view text, std::string_view pointer);

} // namespace parley
