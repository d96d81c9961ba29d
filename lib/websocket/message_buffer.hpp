#pragma once

#include <parley/fwd.hpp>

#include "core/padding.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace parley {

/// Where a message is put together that does not lie whole where it was read to. It grows with the
/// message, to a byte more than the longest, which says that there is one too many.
class message_buffer {
public:
    /// One that has held a larger message is not worth keeping.
    static constexpr std::size_t keep_below = 256 * 1024;

    explicit message_buffer(std::size_t longest) : most_(longest + 1) {}

    /// Room behind what there is: for so many bytes, or for as many as are left of the longest.
    asio::mutable_buffer space(std::size_t wanted) {
        if (capacity_ - size_ < std::min(wanted, most_ - size_)) grow(wanted);
        return asio::buffer(bytes_.get() + size_, capacity_ - size_);
    }
    void add(std::size_t count) noexcept { size_ += count; }
    void append(std::string_view piece) {
        if (piece.empty() && bytes_) return; // an empty message is padded too
        const auto room = space(std::max<std::size_t>(piece.size(), 1));
        if (!piece.empty()) std::memcpy(room.data(), piece.data(), piece.size());
        add(piece.size());
    }

    std::size_t size() const noexcept { return size_; }
    std::string_view view() const noexcept { return {bytes_.get(), size_}; }
    /// It is complete, and the next one begins; it lasts until something else is done with this.
    /// The padding is zero: a decoder may look at it.
    std::string_view take() noexcept {
        std::memset(bytes_.get() + size_, 0, message_padding);
        return {bytes_.get(), std::exchange(size_, 0)};
    }

    /// What there was of a message is gone.
    void release() noexcept {
        bytes_.reset();
        capacity_ = 0;
        size_ = 0;
    }
    void release_large() noexcept {
        if (capacity_ > keep_below) release();
    }

private:
    static constexpr std::size_t least = 1024;

    void grow(std::size_t wanted) {
        const std::size_t larger = std::max({size_ + wanted, 2 * capacity_, least});
        capacity_ = std::min(larger, most_);
        std::unique_ptr<char[]> moved(new char[capacity_ + message_padding]); // touched as used
        if (size_ > 0) std::memcpy(moved.get(), bytes_.get(), size_);
        bytes_ = std::move(moved);
    }

    std::size_t most_;
    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0; ///< of what there is of the message
};

} // namespace parley
