#include "dialect/parley/json_writer.hpp"

#include <parley/error.hpp>

#include "core/json_string.hpp"
#include "core/text.hpp"

#include <fmt/core.h>

namespace parley::wire {

void append_text(std::string& out, std::string_view value, std::string_view name) {
    if (!append_json_string(out, value))
        throw_error(error_info(errc::invalid_utf8, fmt::format("{} is not valid UTF-8.", name)));
}

void object_writer::begin(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    out_ += '"';
    out_ += name; // one of ours, which needs no escape
    out_ += "\":";
}

object_writer& object_writer::text(std::string_view name, std::string_view value) {
    begin(name);
    append_text(out_, value, name);
    return *this;
}

object_writer& object_writer::repaired_text(std::string_view name, std::string_view value) {
    begin(name);
    if (!append_json_string(out_, value)) append_json_string(out_, to_valid_utf8(value));
    return *this;
}

object_writer& object_writer::text_if(std::string_view name,
                                      const std::optional<std::string>& value) {
    return value ? text(name, *value) : *this;
}

object_writer& object_writer::text_or_null(std::string_view name,
                                           const std::optional<std::string>& value) {
    return value ? text(name, *value) : raw(name, "null");
}

object_writer& object_writer::raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
    return *this;
}

std::string object_writer::take() {
    if (out_.empty()) out_ = '{';
    out_ += '}';
    return std::exchange(out_, {});
}

} // namespace parley::wire
