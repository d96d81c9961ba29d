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

/// What a server sends, from the head of its answer to the upgrade on (RFC 6455 section 5): bytes
/// go in, messages and control frames come out. No I/O.
///
/// A socket read of many frames fills it once. Most messages are one frame that is there whole:
/// they are handed out from where they lie. What is compressed, in fragments or larger than the
/// buffer is put together elsewhere; of a large frame the rest is read to there directly.
///
/// It refuses what the RFC forbids, and what a peer must not do to us: more than the longest
/// message, too many small fragments, too many control frames in a second (doc/pitfalls.md P35).
class frame_reader {
public:
    static constexpr std::size_t capacity = 32 * 1024;
    static constexpr std::size_t small_capacity = 512; ///< of one that expects little
    /// Of those that cost more than they carry; larger ones are bounded with their message.
    static constexpr unsigned max_small_fragments = 10'000;
    static constexpr std::uint64_t small_fragment = 64; ///< is shorter
    static constexpr unsigned max_controls_per_second = 1'000;

    enum class kind { nothing, text, binary, ping, pong, close };

    /// A message, followed by `message_padding` bytes that may be read, or the payload of a control
    /// frame. It lasts until the next call of anything that is not const.
    struct item {
        kind what = kind::nothing;
        std::string_view payload;
    };

    /// What a sound close frame says; 0 when it has no code (RFC 6455 section 5.5.1).
    struct close_reason {
        explicit close_reason(std::string_view payload);
        unsigned code = 0;
        std::string text;
    };

    /// How a fault of the peer's ends the session.
    struct complaint {
        unsigned close_code; ///< RFC 6455 section 7.4.1
        std::string_view reason;
    };
    static constexpr unsigned too_large = 1009;

    /// For messages of no more than `longest` bytes.
    explicit frame_reader(std::size_t longest) : longest_(longest), message_(longest) {}

    /// Where bytes from the socket go; never empty while nothing can be taken.
    asio::mutable_buffer space();
    /// That many have arrived there.
    void commit(std::size_t count, time_point now);

    /// The answer to the upgrade.
    const answer_head& head() const noexcept { return head_; }
    /// It has been accepted, and frames follow; `inflater` where compression was agreed.
    void begin(permessage_deflate* inflater, time_point now);

    /// What is there whole. Nothing: see `objection`, or more has to arrive.
    item next(time_point now);
    /// The last of these found nothing, and nothing has arrived since.
    bool hungry() const noexcept { return hungry_ && !objection_; }
    const std::optional<complaint>& objection() const noexcept { return objection_; }
    /// What comes next is a close frame.
    bool closes_next() const noexcept { return in_frame_ && frame_.opcode == 8; }

    /// A data message has begun and its last byte has not arrived.
    bool message_open() const noexcept;

    /// Whether the next `space` is to be as large as it may be.
    void expect(bool much);
    /// Room for nothing, until the next `space`. False: something is held, or begun.
    bool rest() noexcept;

private:
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
    std::size_t checked_ = 0; ///< bytes of the message that are whole characters

    answer_head head_;
    permessage_deflate* inflater_ = nullptr;
    std::optional<complaint> objection_;

    header frame_;           ///< the present one
    std::uint64_t left_ = 0; ///< of its payload, not taken yet
    bool begun_ = false;     ///< frames have
    bool in_frame_ = false;
    bool in_message_ = false; ///< one has begun whose last frame has not
    bool text_ = false;       ///< the message is
    bool compressed_ = false; ///< likewise
    bool hungry_ = false;
    bool direct_ = false; ///< the last space was the message's

    unsigned small_fragments_ = 0; ///< of the present message
    unsigned controls_ = 0;
    time_point controls_since_{};
};

} // namespace parley
