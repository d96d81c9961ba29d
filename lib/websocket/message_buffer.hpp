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

/// Assembles a message that is not complete in the read buffer. It grows with the message, up to
/// one byte more than the limit, which shows that the limit is exceeded.
class message_buffer {
public:
    /// A larger buffer is freed after its message.
    static constexpr std::size_t keep_below = 256 * 1024;

    explicit message_buffer(std::size_t longest) : most_(longest + 1) {}

    /// Space behind the message: `wanted` bytes, or what is left up to the limit.
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
    /// Completes the message, and begins the next. The view is valid until the next call. The
    /// padding is zero.
    std::string_view take() noexcept {
        std::memset(bytes_.get() + size_, 0, message_padding);
        return {bytes_.get(), std::exchange(size_, 0)};
    }

    /// Drops the message and frees the buffer.
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
    std::size_t size_ = 0; ///< of the message so far
};

} // namespace parley
