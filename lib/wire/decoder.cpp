#include "wire/decoder.hpp"

#include "core/json_string.hpp"
#include "wire/frame_builder.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

namespace parley {

namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

// The promise of decode: so much may be read behind the text, and the parser needs no more.
constexpr std::size_t padding = 64;
static_assert(simdjson::SIMDJSON_PADDING <= padding);

/// A parser keeps five bytes or more for each byte of the largest frame it has seen: what a large
/// frame needed is given back.
constexpr std::size_t kept_capacity = 64u << 10;

/// A name that is spelled with escapes, or that nobody knows. It is closed by a quote.
wire::field unusual_key(const char* raw) {
    const char* end = raw;
    bool escaped = false;
    for (; *end != '"'; end += *end == '\\' ? 2 : 1)
        escaped = escaped || *end == '\\';
    if (!escaped) return wire::field::none;
    std::string name;
    append_unescaped(name, {raw, static_cast<std::size_t>(end - raw)});
    return wire::field_named(name);
}

wire::field key_of(ondemand::field& member) {
    const char* raw = member.key().raw();
    const auto known = wire::field_at(raw);
    return known == wire::field::none ? unusual_key(raw) : known;
}

/// Without the white space up to the next token.
std::string_view trimmed(std::string_view raw) noexcept {
    while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ')
        raw.remove_suffix(1);
    return raw;
}

/// The text of a value whose first token is known.
error_code raw_value(ondemand::value value, std::string_view& raw) {
    raw = trimmed(raw);
    if (raw.empty()) return simdjson::TAPE_ERROR; // the text ends where the value should be
    error_code fault = simdjson::SUCCESS;
    if (raw.front() == '{') {
        ondemand::object inner;
        fault = value.get_object().get(inner);
        if (!fault) fault = inner.raw_json().get(raw);
        raw = trimmed(raw);
    } else if (raw.front() == '[') {
        ondemand::array inner;
        fault = value.get_array().get(inner);
        if (!fault) fault = inner.raw_json().get(raw);
        raw = trimmed(raw);
    }
    return fault;
}

error_code scan_data(ondemand::value value, wire::frame_fields& out) {
    ondemand::object inner;
    if (const auto fault = value.get_object().get(inner)) return fault;
    for (auto&& each : inner) {
        ondemand::field member;
        if (const auto fault = std::move(each).get(member)) return fault;
        const auto which = key_of(member);
        if (which == wire::field::none) continue; // the loop skips what is not read
        auto raw = member.value().raw_json_token();
        if (const auto fault = raw_value(member.value(), raw)) return fault;
        out.put(wire::level::data, which, raw);
    }
    return simdjson::SUCCESS;
}

error_code scan(ondemand::object& frame, wire::frame_fields& out) {
    for (auto&& each : frame) {
        ondemand::field member;
        if (const auto fault = std::move(each).get(member)) return fault;
        const auto which = key_of(member);
        if (which == wire::field::none) continue;
        auto raw = member.value().raw_json_token();
        error_code fault = simdjson::SUCCESS;
        if (which == wire::field::data && raw.starts_with('{') &&
            out.raw(wire::level::top, wire::field::data).empty()) {
            raw = raw.substr(0, 1); // enough to tell that it is an object
            fault = scan_data(member.value(), out);
        } else {
            fault = raw_value(member.value(), raw);
        }
        if (fault) return fault;
        out.put(wire::level::top, which, raw);
    }
    return simdjson::SUCCESS;
}

/// One for each thread: it is used within `decode` alone, and takes 16 KiB that an idle session
/// would hold for nothing.
ondemand::parser& thread_parser() {
    static thread_local ondemand::parser parser;
    return parser;
}

} // namespace

class decoder::impl {
public:
    explicit impl(const limits_config& limits) : longest_(limits.message_bytes) {}

    server_frame decode(std::string_view text) {
        if (text.size() > longest_)
            return message_skipped{skip_reason::too_large, fmt::format("{} bytes", text.size())};
        // Newer parsers skip a byte order mark, older ones do not: RFC 8259 section 8.1 has none.
        if (text.empty() || text.starts_with('\xEF')) return wire::skipped_for(text);
        auto& parser = thread_parser();
        make_room(parser, text.size());
        fields_.clear(text.find('\\') != std::string_view::npos);
        const auto fault = read(parser, text);
        if (fault == simdjson::MEMALLOC) throw std::bad_alloc();
        auto frame = fault ? server_frame(wire::skipped_for(text)) : wire::build_frame(fields_);
        if (parser.capacity() > kept_capacity) parser = ondemand::parser();
        return frame;
    }

private:
    error_code read(ondemand::parser& parser, std::string_view text) {
        ondemand::document document;
        const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + padding);
        if (const auto fault = parser.iterate(padded).get(document)) return fault;
        ondemand::object frame;
        if (const auto fault = document.get_object().get(frame)) return fault;
        if (const auto fault = scan(frame, fields_)) return fault;
        const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
        return at_end ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
    }

    /// In steps, so that frames which grow do not each cost an allocation.
    static void make_room(ondemand::parser& parser, std::size_t size) {
        if (parser.capacity() >= size) return;
        if (parser.allocate(std::bit_ceil(std::max<std::size_t>(size, 1'024))))
            throw std::bad_alloc();
    }

    std::size_t longest_;
    wire::frame_fields fields_;
};

decoder::decoder(const limits_config& limits) : impl_(std::make_unique<impl>(limits)) {}
decoder::~decoder() = default;

server_frame decoder::decode(std::string_view text) { return impl_->decode(text); }

} // namespace parley
