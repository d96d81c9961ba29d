#pragma once

#include "dialect/parley/frame_fields.hpp"
#include "dialect/parley/frame_table.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::wire {

/// The format of a frame: its bytes before and after one string. A frame with the same bytes there
/// and a valid string between them is the same message with another string.
class frame_format {
public:
    /// `token` is the string within `frame`; `id` is the id token of the message, or empty.
    void learn(std::string_view frame, std::string_view token, std::string_view id);

    /// The string of a frame of this format, with its quotes; empty for any other frame.
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
class delta_formats {
public:
    /// The fields are those of `frame`, which is that message and good.
    void learn(const frame_row& row, std::string_view frame, const frame_fields& fields);

    /// The message of a frame like one before it, or null; its fields are put into `out`, which is
    /// empty.
    const frame_row* match(std::string_view frame, frame_fields& out) const;

private:
    using learnt = std::pair<const frame_row*, frame_format>;
    std::vector<learnt> known_; // few
};

} // namespace parley::wire
