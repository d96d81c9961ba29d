#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

/// One unmasked frame, final (RFC 6455 section 5.2).
std::string frame(std::string_view payload, std::uint8_t opcode = 1, bool compressed = false);

/// A frame of a client, unmasked.
struct client_frame {
    std::uint8_t opcode = 0;
    bool compressed = false;
    std::string payload;
    std::size_t size = 0; ///< with its header
};

/// The first frame of `bytes`, once it is there whole.
std::optional<client_frame> parse_frame(std::string_view bytes);

/// `Sec-WebSocket-Accept` for a key.
std::string accept_key(std::string_view key);

/// Many messages of one length as frames, encoded ahead: `head` once, then `period` over and over.
///
/// Compressed, each message refers to the one before it (context takeover), so that from the third
/// on they are equal byte for byte.
class burst_frames {
public:
    /// `message` gives the one of a number, from 0 on; to be compressed all are equal.
    burst_frames(const std::function<std::string(std::size_t)>& message, bool compressed);

    const std::string& head() const noexcept { return head_; }
    const std::string& period() const noexcept { return period_; }
    std::size_t head_messages() const noexcept { return head_messages_; }
    std::size_t frame_size() const noexcept { return frame_size_; } ///< within `period`

private:
    std::string head_;
    std::string period_;
    std::size_t head_messages_ = 0;
    std::size_t frame_size_ = 0;
};

} // namespace bench
