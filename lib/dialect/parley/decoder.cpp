#include "dialect/parley/decoder.hpp"

#include "core/padding.hpp"
#include "dialect/parley/delta_formats.hpp"
#include "dialect/parley/frame_rules.hpp"
#include "dialect/parley/frame_scanner.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace parley {

namespace {

// The promise of decode: so much may be read behind the text, and the parser needs no more.
static_assert(simdjson::SIMDJSON_PADDING <= message_padding);

/// A parser keeps five bytes or more for each byte of the largest frame it has seen: what a large
/// frame needed is given back.
constexpr std::size_t kept_capacity = 64u << 10;

/// simdjson's first stage by itself. On-demand, which is built on it, walks the same tokens one
/// call after another and cannot say whether the values that it skips are valid.
class token_finder {
public:
    /// Where the tokens of a text begin; none when it cannot be JSON. Throws `std::bad_alloc`.
    std::span<const std::uint32_t> find(std::string_view text, const simdjson::implementation* by) {
        if (by != made_by_ || text.size() > capacity_) make_room(text.size(), by);
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
        const auto fault = stage_->stage1(bytes, text.size(), simdjson::stage1_mode::regular);
        if (fault) return {};
        return {stage_->structural_indexes.get(), stage_->n_structural_indexes};
    }

    void give_back() noexcept {
        if (capacity_ > kept_capacity) release();
    }

private:
    void release() noexcept {
        stage_.reset();
        capacity_ = 0;
    }

    /// In steps, so that frames which grow do not each cost an allocation.
    void make_room(std::size_t size, const simdjson::implementation* by) {
        release();
        const auto capacity = std::bit_ceil(std::max<std::size_t>(size, 1'024));
        constexpr std::size_t depth = 1; // what nests is counted by who walks the tokens
        if (by->create_dom_parser_implementation(capacity, depth, stage_)) throw std::bad_alloc();
        capacity_ = capacity;
        made_by_ = by;
    }

    decltype(simdjson::dom::parser::implementation) stage_;
    std::size_t capacity_ = 0;
    const simdjson::implementation* made_by_ = nullptr;
};

/// What is used within `decode` alone: one for each thread, because an idle session would hold its
/// kilobytes for nothing.
struct workspace {
    token_finder finder;
    wire::frame_fields fields;
};

workspace& thread_workspace() {
    static thread_local workspace one;
    return one;
}

/// The message with these fields, all of them good; null, and the fault in `why`.
const wire::frame_row* usable_row(wire::frame_fields& fields, message_skipped& why,
                                  unsigned& ignored) {
    const auto* row = wire::identify(fields, why);
    if (!row) return nullptr;
    auto skipped = wire::check_fields(*row, fields, ignored);
    if (!skipped) return row;
    why = std::move(*skipped);
    return nullptr;
}

} // namespace

class decoder::impl {
public:
    explicit impl(const limits_config& limits) : longest_(limits.message_bytes) {
        simdjson::get_active_implementation()->name(); // the first use chooses one
        active_ = simdjson::get_active_implementation();
    }

    server_frame decode(std::string_view text) {
        ignored_ = 0;
        if (text.size() > longest_)
            return message_skipped{skip_reason::too_large, fmt::format("{} bytes", text.size())};
        auto& [finder, fields] = thread_workspace();
        fields.clear();
        if (const auto* row = formats_.match(text, fields)) return row->build(fields);
        const bool scanned = wire::scan_frame(text, finder.find(text, active_), fields);
        finder.give_back();
        if (!scanned) return wire::skipped_for(text);
        message_skipped why;
        const auto* row = usable_row(fields, why, ignored_);
        if (!row) return why;
        if (ignored_ == 0) formats_.learn(*row, text, fields); // else the next would not count
        return row->build(fields);
    }

    unsigned ignored() const noexcept { return ignored_; }

private:
    std::size_t longest_;
    unsigned ignored_ = 0;
    wire::delta_formats formats_;
    const simdjson::implementation* active_ = nullptr; // tests compare them
};

decoder::decoder(const limits_config& limits) : impl_(std::make_unique<impl>(limits)) {}
decoder::~decoder() = default;

server_frame decoder::decode(std::string_view text) { return impl_->decode(text); }
unsigned decoder::ignored() const noexcept { return impl_->ignored(); }

} // namespace parley
