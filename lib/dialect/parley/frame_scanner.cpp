#include "dialect/parley/frame_scanner.hpp"

#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/padding.hpp"
#include "dialect/parley/frame_table.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

namespace parley::wire {

namespace {

namespace ondemand = simdjson::ondemand;

// The promise of scan_frame: so much may be read behind the text, and the parser needs no more.
static_assert(simdjson::SIMDJSON_PADDING <= message_padding);

/// One for each thread, because an idle session would hold its kilobytes for nothing.
class frame_parser {
public:
    /// False: not JSON.
    bool parse(std::string_view text, ondemand::document& out) {
        const simdjson::implementation* active = simdjson::get_active_implementation();
        if (text.size() > parser_.capacity() || active != made_by_) make_room(text.size());
        made_by_ = active; // tests compare them
        return !parser_.iterate(text.data(), text.size(), text.size() + message_padding).get(out);
    }

    /// A parser keeps five bytes or more for each byte of the largest frame it has seen: what a
    /// large frame needed is given back.
    void give_back() noexcept {
        constexpr std::size_t kept_capacity = 64u << 10;
        if (parser_.capacity() > kept_capacity) parser_ = ondemand::parser();
    }

private:
    /// In steps, so that frames which grow do not each cost an allocation.
    void make_room(std::size_t size) {
        constexpr std::size_t depth = 8; // of what is entered: a frame and its `data`
        parser_ = ondemand::parser();
        if (parser_.allocate(std::bit_ceil(std::max<std::size_t>(size, 1'024)), depth))
            throw std::bad_alloc();
    }

    ondemand::parser parser_;
    const simdjson::implementation* made_by_ = nullptr;
};

/// What separates the members of an object is no value.
bool is_separator(char c) noexcept { return c == ',' || c == ':' || c == '}' || c == ']'; }

class scanner {
public:
    scanner(std::string_view text, frame_fields& out) : text_(text), out_(out) {}

    bool members(level where, ondemand::object object) {
        for (auto each : object) {
            ondemand::field member;
            if (std::move(each).get(member) || !take(where, member)) return false;
        }
        return true;
    }

private:
    bool take(level where, ondemand::field& member) {
        auto& value = member.value();
        auto json = trim_json(value.raw_json_token());
        const char first = json.empty() ? ',' : json.front();
        if (is_separator(first)) return false;
        const auto name = name_between(member.key().raw(), json.data());
        if (name.empty()) return true; // passed over
        if (where == level::top && name == "data" && first == '{' &&
            out_.raw(where, name).empty()) {
            out_.put(where, name, json); // its bracket is enough to tell that it is an object
            ondemand::object data;
            return !value.get_object().get(data) && members(level::data, data);
        }
        const bool nested = first == '{' || first == '[';
        if (nested && simdjson::to_json_string(value).get(json)) return false;
        out_.put(where, name, json);
        return true;
    }

    /// The name that begins at `begin` and ends at the last quote before its value, as the table
    /// has it; empty for a field that is not read.
    std::string_view name_between(const char* begin, const char* value) const {
        const auto at = static_cast<std::size_t>(begin - text_.data());
        const auto end = text_.rfind('"', static_cast<std::size_t>(value - text_.data()) - 1);
        const auto name = text_.substr(at, end - at);
        if (!has_backslash(name)) return field_named(name);
        std::string said;
        if (append_unescaped(said, name) == unescaped::invalid) return {};
        return field_named(said);
    }

    const std::string_view text_;
    frame_fields& out_;
};

} // namespace

bool scan_frame(std::string_view text, frame_fields& out) {
    static thread_local frame_parser parser;
    ondemand::document document;
    ondemand::object frame;
    const bool good = parser.parse(text, document) && !document.get_object().get(frame) &&
                      scanner(text, out).members(level::top, frame) &&
                      document.current_location().error() == simdjson::OUT_OF_BOUNDS; // the end
    parser.give_back();
    return good;
}

} // namespace parley::wire
