#pragma once

#include <parley/export.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

/// Valid JSON (RFC 8259), owned, and passed through byte for byte: no number is reformatted and no
/// key reordered. A default one is `null`, and so is one that was moved from.
///
/// @code
/// json_text weather_in(const json_text& parameters) {
///     const auto city = parameters.string_at("/city").value_or("nowhere");
///     return json_object().set("city", city).set("temperature", 21);
/// }
/// @endcode
/// Distinct objects may be used from distinct threads; the const members of one from many.
class PARLEY_EXPORT json_text {
public:
    json_text() : text_("null") {}
    /// Copies the text.
    json_text(const json_text&) = default;
    /// Copies the text.
    json_text& operator=(const json_text&) = default;
    /// Takes the text; `from` is `null` afterwards.
    json_text(json_text&& from) noexcept : json_text() { text_.swap(from.text_); }
    /// Takes the text; `from` is `null` afterwards.
    json_text& operator=(json_text&& from) noexcept {
        json_text taken(std::move(from));
        text_.swap(taken.text_);
        return *this;
    }
    ~json_text() = default;

    /// Throws `client_error` with `errc::invalid_json` and the offset of the first fault; deeper
    /// than 64 levels is one.
    static json_text parse(std::string text);

    /// The JSON string that stands for `text`. Throws `errc::invalid_utf8`.
    static json_text from_string(std::string_view text);

    /// The text, valid as long as this object.
    std::string_view view() const noexcept { return text_; }
    /// Whether it is `null`.
    bool is_null() const noexcept;
    /// Whether it is an object.
    bool is_object() const noexcept;
    /// Whether it is an array.
    bool is_array() const noexcept;
    /// Whether it is a string.
    bool is_string() const noexcept;

    /// The member that an RFC 6901 pointer names (`""` is the whole), when it is there and has that
    /// type; else nullopt. `text_at` gives any value, as it is spelled. The first of two equal keys
    /// wins.
    std::optional<std::string> string_at(std::string_view pointer) const;
    /// The integer at the pointer; nullopt for a fraction and for what does not fit too.
    std::optional<std::int64_t> int_at(std::string_view pointer) const;
    /// The number at the pointer.
    std::optional<double> double_at(std::string_view pointer) const;
    /// The truth value at the pointer.
    std::optional<bool> bool_at(std::string_view pointer) const;
    /// Any value at the pointer, as it is spelled.
    std::optional<json_text> text_at(std::string_view pointer) const;

    /// Byte for byte.
    friend bool operator==(const json_text&, const json_text&) = default;

private:
    friend class json_object;
    friend class json_array;
    friend class trusted_json; // of the decoder, which has checked the text already

    std::string text_;
};

/// Builds an object, in the order of the calls.
class PARLEY_EXPORT json_object {
public:
    json_object() = default;

    /// Adds a member that is a string. Throws `errc::invalid_utf8`.
    json_object& set(std::string_view key, std::string_view text);
    /// Adds a member that is a string.
    json_object& set(std::string_view key, const char* text) {
        return set(key, std::string_view(text));
    }
    /// Adds a member that is a string.
    json_object& set(std::string_view key, const std::string& text) {
        return set(key, std::string_view(text));
    }
    /// Adds a member that is any JSON.
    json_object& set(std::string_view key, const json_text& value);
    /// Adds a member that is an object.
    json_object& set(std::string_view key, const json_object& value) {
        return set(key, json_text(value));
    }
    /// Adds a member that is an array.
    json_object& set(std::string_view key, const class json_array& value);
    /// Adds a member that is `null`.
    json_object& set(std::string_view key, std::nullptr_t);
    /// Adds a member that is true or false.
    template <std::same_as<bool> T>
    json_object& set(std::string_view key, T value) {
        return set_literal(key, value ? "true" : "false");
    }
    /// Adds a member that is an integer.
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    json_object& set(std::string_view key, T value) {
        return set_literal(key, std::to_string(value));
    }
    /// Throws `errc::invalid_json` for what JSON cannot say: infinities and NaN.
    json_object& set(std::string_view key, double value);
    /// Leaves an absent value out.
    template <class T>
    json_object& set_if(std::string_view key, const std::optional<T>& value) {
        return value ? set(key, *value) : *this;
    }

    /// The object so far.
    operator json_text() const;

private:
    json_object& set_literal(std::string_view key, std::string_view literal);
    std::string members_;
};

/// Builds an array.
class PARLEY_EXPORT json_array {
public:
    json_array() = default;

    /// Adds a string. Throws `errc::invalid_utf8`.
    json_array& add(std::string_view text);
    /// Adds a string.
    json_array& add(const char* text) { return add(std::string_view(text)); }
    /// Adds a string.
    json_array& add(const std::string& text) { return add(std::string_view(text)); }
    /// Adds any JSON.
    json_array& add(const json_text& value);
    /// Adds `null`.
    json_array& add(std::nullptr_t);
    /// Adds true or false.
    template <std::same_as<bool> T>
    json_array& add(T value) {
        return add_literal(value ? "true" : "false");
    }
    /// Adds an integer.
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    json_array& add(T value) {
        return add_literal(std::to_string(value));
    }
    /// Adds a number. Throws `errc::invalid_json` for infinities and NaN.
    json_array& add(double value);

    /// The array so far.
    operator json_text() const;

private:
    json_array& add_literal(std::string_view literal);
    std::string elements_;
};

} // namespace parley
