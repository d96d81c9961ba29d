#pragma once

#include <parley/json_text.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::wire {

/// Writes one object, member by member. Unlike json_object it takes JSON of any depth as it is, and
/// its errors name the field.
///
///     return object_writer{}.text("type", "stop_run").text("conversationUuid", id).take();
class object_writer {
public:
    object_writer() = default;
    /// For about so many bytes.
    explicit object_writer(std::size_t expected) { out_.reserve(expected); }

    /// Throws `client_error` (`invalid_utf8`), naming the field.
    object_writer& text(std::string_view name, std::string_view value);
    /// What is not UTF-8 becomes U+FFFD.
    object_writer& repaired_text(std::string_view name, std::string_view value);
    /// Leaves an absent value out.
    object_writer& text_if(std::string_view name, const std::optional<std::string>& value);
    /// An absent value is `null`.
    object_writer& text_or_null(std::string_view name, const std::optional<std::string>& value);
    object_writer& raw(std::string_view name, std::string_view json);
    object_writer& boolean(std::string_view name, bool value) {
        return raw(name, value ? "true" : "false");
    }
    object_writer& integer(std::string_view name, std::int64_t value) {
        return raw(name, std::to_string(value));
    }

    /// The whole object; the writer is empty afterwards.
    std::string take();

private:
    void begin(std::string_view name);

    std::string out_;
};

/// Appends a text; throws as object_writer::text does.
void append_text(std::string& out, std::string_view value, std::string_view name);

} // namespace parley::wire
