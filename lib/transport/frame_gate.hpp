#pragma once

#include "core/clock.hpp"
#include "transport/upgrade_check.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace parley {

/// The bytes between the socket and the WebSocket, handed out aligned: first the head of the answer
/// to the upgrade and not a byte more (PITFALLS P38), then one frame at a time.
///
/// A socket read of many frames fills it once; what it says of the next frame lets the reader take
/// whole frames without a trip through the scheduler (PERFORMANCE.md, 1). It only looks at frame
/// headers (RFC 6455 section 5.2): what is wrong in them is for the WebSocket to find. What ours
/// does not find it refuses itself: too many small fragments, too many control frames in a second
/// (PITFALLS P35), and close codes beyond 4999, which Beast would answer in kind. A text message
/// in which there is nothing to find need not pass through the WebSocket at all.
class frame_gate {
public:
    static constexpr std::size_t capacity = 32 * 1024;
    static constexpr std::size_t small_capacity = 512; ///< of one that expects little
    static constexpr std::size_t padding = 64;         ///< that may be read behind what it holds
    /// Of those that cost more than they carry; larger ones are bounded with their message.
    static constexpr unsigned max_small_fragments = 10'000;
    static constexpr std::uint64_t small_fragment = 64; ///< is shorter
    static constexpr unsigned max_controls_per_second = 1'000;

    static constexpr unsigned last_close_code = 4999; ///< RFC 6455 section 7.4.2

    enum class fault {
        none,
        answer_refused,
        too_many_fragments,
        too_many_controls,
        bad_close_code,
    };

    /// How a fault ends the session.
    struct complaint {
        unsigned close_code;
        std::string_view reason;
    };

    /// Where bytes from the socket go; never empty while nothing can be taken.
    asio::mutable_buffer space();
    /// That many have arrived there.
    void commit(std::size_t count, time_point now);

    /// Something can be taken. False with a fault: nothing will be any more.
    bool ready() const noexcept;
    /// Moves as many bytes as fit and belong to the same frame.
    std::size_t take(asio::mutable_buffer into, time_point now);

    /// A text message that is there whole and plain: one frame, not masked, no reserved bit, its
    /// length in the shortest form and not above `longest`, valid UTF-8. It is gone from the gate;
    /// the view, followed by `padding` bytes, lasts until the next `space`. Nothing when anything
    /// else is next, which is then for the WebSocket to take.
    std::optional<std::string_view> take_text(std::size_t longest, time_point now);

    /// Nothing is held, and what comes next begins a message or is a control frame.
    bool between_messages() const noexcept;

    /// Nothing is held: the next `space` is to be as large as it may be, or not.
    void expect(bool much) noexcept;
    /// Nothing is held: nor is room for anything, until the next `space`.
    void rest() noexcept;

    /// What of the present frame has not arrived when nothing is held: it may be read past the
    /// gate.
    std::size_t direct_limit() const noexcept;
    /// That many were.
    void skip(std::size_t count, time_point now);

    /// The next thing is the whole rest of a data frame with which a reader gets on: it can be read
    /// without waiting, and no control frame has to be answered.
    bool whole_data_frame() const noexcept;
    /// A data message has begun and its last byte has not arrived.
    bool message_open() const noexcept;

    fault failed() const noexcept { return fault_; }
    /// Nothing without a fault of the session's.
    std::optional<complaint> objection() const noexcept;
    /// The answer to the upgrade.
    const answer_head& head() const noexcept { return head_; }

private:
    std::size_t held() const noexcept { return end_ - begin_; }
    void read_head();
    void next_frame(time_point now);
    void count_fragment(bool small, bool last);
    void count_control(time_point now);

    std::unique_ptr<unsigned char[]> bytes_;
    std::size_t capacity_ = small_capacity;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;

    answer_head head_;
    std::size_t head_taken_ = 0;

    std::uint64_t frame_left_ = 0;  ///< of the present frame, header included, not taken yet
    std::uint8_t plain_header_ = 0; ///< its size, if `take_text` may look at the frame
    bool data_frame_ = false;       ///< the present frame is one, and moves a reader on
    bool fragmented_ = false;       ///< a message has begun whose last frame has not
    bool data_ = false;             ///< the present frame belongs to a message
    unsigned small_fragments_ = 0;  ///< of the present message
    unsigned controls_ = 0;
    time_point controls_since_{};
    fault fault_ = fault::none;
};

} // namespace parley
