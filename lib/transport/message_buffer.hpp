#pragma once

#include "transport/transport.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace parley {

/// Where a message is put together that does not lie whole in the gate.
///
/// One buffer for the whole message and a byte more: inflating into one that fills up exactly ends
/// in a false error before Boost 1.90 (PITFALLS P36). Only its used pages cost memory.
class message_buffer {
public:
    /// One that has held a larger message is not worth keeping.
    static constexpr std::size_t keep_below = 256 * 1024;

    /// For messages of no more than `longest` bytes.
    explicit message_buffer(std::size_t longest) : capacity_(longest + 1) {}

    asio::mutable_buffer space() {
        if (!bytes_) bytes_.reset(new char[capacity_ + message_padding]);
        return asio::buffer(bytes_.get() + size_, capacity_ - size_);
    }
    void add(std::size_t count) noexcept { size_ += count; }

    /// It is complete, and the next one begins; it lasts until something else is done with this.
    std::string_view take() noexcept { return {bytes_.get(), std::exchange(size_, 0)}; }

    /// What there was of a message is gone.
    void release() noexcept {
        bytes_.reset();
        size_ = 0;
    }

private:
    std::size_t capacity_;
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0; ///< of what there is of the message
};

} // namespace parley
