#include "wire/decoder.hpp"

#include "wire/frame_builder.hpp"
#include "wire/frame_scanner.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>

namespace parley {

namespace {

// The promise of decode: so much may be read behind the text, and the parser needs no more.
constexpr std::size_t padding = 64;
static_assert(simdjson::SIMDJSON_PADDING <= padding);

/// A parser keeps five bytes or more for each byte of the largest frame it has seen: what a large
/// frame needed is given back.
constexpr std::size_t kept_capacity = 64u << 10;

/// simdjson's first stage by itself. On-demand, which is built on it, walks the same tokens one
/// call after another and cannot say whether the values that it skips are valid.
class token_finder {
public:
    /// Where the tokens of a text begin; none when it cannot be JSON. Throws `std::bad_alloc`.
    std::span<const std::uint32_t> find(std::string_view text, const simdjson::implementation* by) {
        if (by != made_by_ || text.size() > capacity_) make_room(text.size());
        auto& found = *parser_.implementation;
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
        const auto fault = found.stage1(bytes, text.size(), simdjson::stage1_mode::regular);
        if (fault) return {};
        return {found.structural_indexes.get(), found.n_structural_indexes};
    }

    void give_back() {
        if (capacity_ <= kept_capacity) return;
        parser_ = simdjson::dom::parser();
        capacity_ = 0;
    }

private:
    /// In steps, so that frames which grow do not each cost an allocation.
    void make_room(std::size_t size) {
        const auto capacity = std::bit_ceil(std::max<std::size_t>(size, 1'024));
        parser_ = simdjson::dom::parser();
        capacity_ = 0;
        constexpr std::size_t depth = 1; // what nests is counted by who walks the tokens
        if (parser_.allocate(capacity, depth)) throw std::bad_alloc();
        capacity_ = capacity;
        made_by_ = simdjson::get_active_implementation();
    }

    simdjson::dom::parser parser_;
    std::size_t capacity_ = 0;
    const simdjson::implementation* made_by_ = nullptr;
};

/// One for each thread: it is used within `decode` alone, and takes memory that an idle session
/// would hold for nothing.
token_finder& thread_finder() {
    static thread_local token_finder finder;
    return finder;
}

} // namespace

class decoder::impl {
public:
    explicit impl(const limits_config& limits) : longest_(limits.message_bytes) {
        simdjson::get_active_implementation()->name(); // the first use chooses one
        active_ = simdjson::get_active_implementation();
    }

    server_frame decode(std::string_view text) {
        if (text.size() > longest_)
            return message_skipped{skip_reason::too_large, fmt::format("{} bytes", text.size())};
        auto& finder = thread_finder();
        fields_.clear();
        const bool scanned = wire::scan_frame(text, finder.find(text, active_), fields_);
        finder.give_back();
        return scanned ? wire::build_frame(fields_) : server_frame(wire::skipped_for(text));
    }

private:
    std::size_t longest_;
    const simdjson::implementation* active_ = nullptr; // tests compare them
    wire::frame_fields fields_;
};

decoder::decoder(const limits_config& limits) : impl_(std::make_unique<impl>(limits)) {}
decoder::~decoder() = default;

server_frame decoder::decode(std::string_view text) { return impl_->decode(text); }

} // namespace parley
