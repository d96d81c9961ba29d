#pragma once

#include "core/clock.hpp"
#include "websocket/message_buffer.hpp"
#include "websocket/upgrade_check.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

class permessage_deflate;

/// Parses what a server sends, from the head of its response to the upgrade on (RFC 6455 section
/// 5): bytes go in, messages and control frames come out. No I/O.
///
/// One read of the socket may bring many frames. A message of one complete frame is returned as a
/// view of the read buffer. Compressed, fragmented and large messages are assembled in a second
/// buffer, into which the rest of a large frame is read directly.
///
/// It refuses what the RFC forbids, and what exhausts a client: a message above the limit, too many
/// small fragments, too many control frames in a second (doc/pitfalls.md P35).
class frame_reader {
public:
    static constexpr std::size_t capacity = 32 * 1024;
    static constexpr std::size_t small_capacity = 512; ///< after `expect(false)`
    /// In one message; larger fragments are bounded by the size of their message.
    static constexpr unsigned max_small_fragments = 10'000;
    static constexpr std::uint64_t small_fragment = 64; ///< bytes; a small fragment has fewer
    static constexpr unsigned max_controls_per_second = 1'000;

    enum class kind { nothing, text, binary, ping, pong, close };

    /// A message, followed by `message_padding` readable bytes, or the payload of a control frame.
    /// Valid until the next call of a non-const member.
    struct item {
        kind what = kind::nothing;
        std::string_view payload;
    };

    /// The contents of a valid close frame; code 0 when it has none (RFC 6455 section 5.5.1).
    struct close_reason {
        explicit close_reason(std::string_view payload);
        unsigned code = 0;
        std::string text;
    };

    /// A violation by the peer, and the close code for it.
    struct complaint {
        unsigned close_code; ///< RFC 6455 section 7.4.1
        std::string_view reason;
    };
    static constexpr unsigned too_large = 1009;

    /// Accepts messages of at most `longest` bytes.
    explicit frame_reader(std::size_t longest) : longest_(longest), message_(longest) {}

    /// The buffer for the next read of the socket; never empty after `next` has returned nothing.
    asio::mutable_buffer space();
    /// Reports the number of bytes read into it.
    void commit(std::size_t count, time_point now);

    /// The response to the upgrade.
    const response_head& head() const noexcept { return head_; }
    /// The upgrade is accepted: frames follow. `inflater` is null without compression.
    void begin(permessage_deflate* inflater, time_point now);

    /// The next complete item. Nothing: there is an `objection`, or more bytes are needed.
    item next(time_point now);
    const std::optional<complaint>& objection() const noexcept { return objection_; }
    /// The next item is a close frame.
    bool closes_next() const noexcept { return in_frame() && frame_.opcode == 8; }

    /// A data message has begun and its last byte has not arrived.
    bool message_open() const noexcept;

    /// Chooses the large or the small buffer for the next `space`.
    void expect(bool much);
    /// Frees the buffers until the next `space`. False, and nothing freed, within a frame or
    /// message.
    bool rest() noexcept;

private:
    /// The part that arrives next.
    enum class state { head, header, payload };

    /// RFC 6455 section 5.2.
    struct header {
        std::uint8_t opcode = 0;
        bool fin = false;
        bool compressed = false;
        std::size_t size = 0;
        std::uint64_t payload = 0;
    };

    std::size_t held() const noexcept { return end_ - begin_; }
    const unsigned char* first() const noexcept { return bytes_.get() + begin_; }
    std::string_view held_text(std::size_t count) const noexcept;
    void read_head();

    void next_frame(time_point now);
    std::optional<header> parse_header();
    bool admit(const header& one, time_point now);
    void admit_data(const header& one);
    void count_fragment(bool small, bool last);
    void count_control(time_point now);

    bool in_frame() const noexcept { return state_ == state::payload; }
    bool is_control() const noexcept { return frame_.opcode >= 8; }
    bool fits_in_place() const noexcept;
    item take_control(time_point now);
    item take_in_place(time_point now);
    bool take_piece();
    bool inflate_piece(std::string_view piece, bool last);
    item take_message(time_point now);
    void frame_over(time_point now);
    bool text_is_sound(bool whole);
    bool close_is_sound(std::string_view payload);
    void object(unsigned code, std::string_view reason);

    const std::size_t longest_;
    std::unique_ptr<unsigned char[]> bytes_;
    std::size_t capacity_ = small_capacity;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    message_buffer message_;
    std::size_t checked_ = 0; ///< bytes of the message that are known to be valid UTF-8

    response_head head_;
    permessage_deflate* inflater_ = nullptr;
    std::optional<complaint> objection_;

    header frame_;           ///< the current one
    std::uint64_t left_ = 0; ///< bytes of its payload that are not taken yet
    state state_ = state::head;
    bool in_message_ = false; ///< the final frame of the current message has not begun
    bool text_ = false;       ///< the current message is text
    bool compressed_ = false; ///< the current message is compressed
    bool direct_ = false;     ///< the last `space` was in the message buffer

    unsigned small_fragments_ = 0; ///< of the current message
    unsigned controls_ = 0;
    time_point controls_since_{};
};

} // namespace parley
