#pragma once

#include "dialect/parley/frame_fields.hpp"
#include "dialect/parley/frame_rules.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace parley::wire {

/// How a frame was spelled, all but one string of it. What begins and ends likewise, and has a
/// valid string between, is the same frame with another string.
class frame_pattern {
public:
    /// `token` is the string within `frame`, a good one; `id` what each such frame has for an id.
    void learn(std::string_view frame, std::string_view token, std::string_view id);

    /// The string of a frame like the one that was learnt, with its quotes; empty for any other.
    std::string_view token_of(std::string_view frame) const noexcept;
    /// Its id, with its quotes; empty when it has none.
    std::string_view id() const noexcept { return id_; }

private:
    static constexpr std::size_t longest = 256; // a session keeps no more

    std::string before_; ///< up to the quote that opens the string
    std::string behind_; ///< from the one that closes it
    std::string id_;
};

/// Text deltas formatted like the previous one bypass the JSON parser. One per session.
class familiar_frames {
public:
    /// The fields are those of `frame`, which is of that kind and good.
    void learn(frame_kind kind, std::string_view frame, const frame_fields& fields);

    /// The kind of a frame like one before it; its fields are put into `out`, which is empty. Seven
    /// bytes behind the frame can be read.
    std::optional<frame_kind> recognise(std::string_view frame, frame_fields& out) const;

private:
    static constexpr std::size_t kinds = 3;
    std::array<frame_pattern, kinds> patterns_;
};

} // namespace parley::wire
