#pragma once

#include <parley/config.hpp>

#include "dialect/parley/delta_formats.hpp"
#include "dialect/parley/server_frame.hpp"

#include <cstddef>
#include <string_view>

namespace parley {

/// Decodes the text of a frame. One per session; the memory of the parser is per thread.
///
/// Every text becomes a frame, `message_skipped` when it cannot be used. Parts that are not read
/// are not validated.
class decoder {
public:
    explicit decoder(const limits_config& limits = {}) : longest_(limits.message_bytes) {}
    decoder(const decoder&) = delete;
    decoder& operator=(const decoder&) = delete;
    ~decoder() = default;

    /// `text` is followed by 64 bytes that may be read (`message_padding`).
    /// Nothing of it is kept. Throws `std::bad_alloc` only.
    server_frame decode(std::string_view text);

    /// Optional fields of the last frame that had another type, and so counted as absent.
    unsigned ignored() const noexcept { return ignored_; }

private:
    const std::size_t longest_;
    unsigned ignored_ = 0;
    wire::delta_formats formats_;
};

} // namespace parley
