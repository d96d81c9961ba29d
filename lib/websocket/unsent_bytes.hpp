#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>

namespace parley {

/// The frames to send, and how much of them has been sent. A small buffer is kept for the next.
class unsent_bytes {
public:
    bool empty() const noexcept { return bytes_.empty(); }
    asio::const_buffer data() const noexcept { return asio::buffer(bytes_) + sent_; }
    /// For appending, while no write of `data` is in progress.
    std::string& bytes() noexcept { return bytes_; }

    void sent(std::size_t count) noexcept {
        sent_ += count;
        if (sent_ < bytes_.size()) return;
        sent_ = 0;
        bytes_.clear();
        if (bytes_.capacity() > keep_below) std::string().swap(bytes_);
    }

    /// Writes as much as the stream takes without a wait. The next write reports an error.
    template <class Stream>
    void send_some(Stream& to) {
        boost::system::error_code failed;
        while (!empty() && !failed)
            sent(to.write_some(data(), failed));
    }

private:
    static constexpr std::size_t keep_below = 1024;

    std::string bytes_;
    std::size_t sent_ = 0;
};

} // namespace parley
