#pragma once

#include "core/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

namespace parley {

// Messages that wait to be written, in three lanes. The control lane belongs to a session
// and goes with it. Answers of tools overtake the messages, outlive a lost session, and expire.
// Data messages keep their order. Nothing is written twice: a message whose writing was cut off by
// the end of the connection is unconfirmed.
//
//   queued --next--> writing --> sent
//      |                |
//      +--> not_sent    +--> unconfirmed

enum class send_lane { control, answer, data };

enum class send_state {
    queued,
    writing,
    sent,        ///< the whole frame was handed over
    not_sent,    ///< and nothing of it was
    unconfirmed, ///< a part of it may have been
    aborted      ///< the connection was destroyed
};

/// One message on its way out.
class outgoing {
public:
    /// `id`: of an answer, for `send_queue::largest_answer`; 0 for none.
    outgoing(send_lane lane, std::string text, std::uint64_t id = 0)
        : lane_(lane), id_(id), text_(std::move(text)) {}
    outgoing(const outgoing&) = delete;
    outgoing& operator=(const outgoing&) = delete;
    virtual ~outgoing() = default;

    send_lane lane() const noexcept { return lane_; }
    const std::string& text() const noexcept { return text_; }
    send_state state() const noexcept { return state_; }
    bool settled() const noexcept { return state_ > send_state::writing; }

private:
    friend class send_queue;
    virtual void on_writing() {} // its writing begins
    virtual void on_settled() {} // once: its outcome is known

    const send_lane lane_;
    const std::uint64_t id_;
    std::string text_;
    send_state state_ = send_state::queued;
    time_point expires_ = time_point::max();
    std::list<std::shared_ptr<outgoing>>::iterator place_;
};

struct send_limits {
    std::chrono::milliseconds answer_lifetime{60'000}; ///< while there is no session to take it
    // Of control and answers that may wait before nothing more is read.
    std::size_t urgent = 256;
    std::size_t urgent_bytes = 8u << 20;
};

class send_queue {
public:
    using message = std::shared_ptr<outgoing>;

    explicit send_queue(const send_limits& limits) : limits_(limits) {}
    send_queue(const send_queue&) = delete;
    send_queue& operator=(const send_queue&) = delete;

    void push(time_point now, message added);

    /// The next to write, from now on in `writing`; null when there is none. Answers and messages
    /// only for a session that is ready.
    message next(time_point now, bool session_ready);
    /// The writing ended.
    void written(const message& one, bool whole);

    /// Removes a message that is not being written yet: it becomes `not_sent`.
    bool remove(const message& one);
    /// The session is gone, and its control messages with it. Its answers are kept for the next.
    void end_session(time_point now);
    /// Settles whatever is not being written; as `not_sent` or `aborted`.
    void drop_all(send_state as);

    /// The answer that was the largest of all messages whose writing began in the session that has
    /// ended; 0 when another message was. If that session ended because a message was too large,
    /// this is the cause.
    std::uint64_t largest_answer() const noexcept { return largest_answer_; }

    std::size_t messages() const noexcept; ///< that are not being written yet
    std::size_t bytes() const noexcept;
    bool empty() const noexcept { return messages() == 0; }
    /// How many messages, answers and control frames apart, were settled as that.
    std::uint64_t settled(send_state as) const noexcept {
        return outcomes_[static_cast<std::size_t>(as) - static_cast<std::size_t>(send_state::sent)];
    }
    /// Too many answers wait for a peer that does not take them: read no more of it.
    bool congested() const noexcept;

private:
    using queue = std::list<message>;

    struct lane {
        queue entries;
        std::size_t bytes = 0;
    };

    lane& lane_of(send_lane which) { return lanes_[static_cast<std::size_t>(which)]; }
    const lane& lane_of(send_lane which) const { return lanes_[static_cast<std::size_t>(which)]; }
    message take(lane& from);
    void drop(lane& from, send_state as);
    void expire(time_point now);
    void settle(const message& one, send_state as);

    send_limits limits_;
    std::array<lane, 3> lanes_;
    bool live_ = false; // a session is ready
    struct {
        std::size_t size = 0;
        std::uint64_t answer = 0; // its id; 0 for another message
    } largest_;                   // written in this session
    std::uint64_t largest_answer_ = 0;
    std::array<std::uint64_t, 4> outcomes_{}; // of the data lane, from `sent` on
};

} // namespace parley
