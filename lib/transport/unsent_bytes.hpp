#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>

namespace parley {

/// What is left to be sent of a message that was begun at once. While little is sent the room for
/// it is kept.
class unsent_bytes {
public:
    bool empty() const noexcept { return bytes_.empty(); }
    asio::const_buffer data() const noexcept { return asio::buffer(bytes_); }
    std::string& bytes() noexcept { return bytes_; }
    void forget() noexcept { bytes_ = std::string(); }

    /// As much as the socket takes. What it says against it, the next write will hear.
    template <class Stream>
    void send_some(Stream& to) {
        boost::system::error_code failed;
        const auto count = to.write_some(data(), failed);
        if (failed) return;
        bytes_.erase(0, count);
        if (bytes_.empty() && count > keep_below) forget();
    }

private:
    static constexpr std::size_t keep_below = 1024;

    std::string bytes_;
};

} // namespace parley
