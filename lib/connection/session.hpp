#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "async/shared_awaitable.hpp"
#include "connection/session_layer.hpp"
#include "connection/status_board.hpp"
#include "core/clock.hpp"
#include "policy/liveness_fsm.hpp"
#include "policy/send_queue.hpp"
#include "transport/transport.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

class session;

/// The interface of a session to its owner.
class session_owner {
public:
    virtual session_layer* active_layer() const = 0; ///< null when it is not to be told any more
    virtual void on_written() = 0;                   ///< a message was written, or could not be
    virtual void on_over(const session& one) = 0;    ///< nothing of it runs any more
    virtual std::shared_ptr<const void> self() const = 0;
    /// Kept alive while a task of the session runs.
    virtual std::shared_ptr<session_layer> kept() const = 0;

protected:
    ~session_owner() = default;
    session_owner() = default;
    session_owner(const session_owner&) = default;
    session_owner& operator=(const session_owner&) = default;
};

/// The error of a failure inside the client, such as a lack of memory. The first call makes it;
/// later calls allocate nothing. Any thread.
std::shared_ptr<const error_info> internal_error();

/// The parts that the sessions of one connection share.
struct session_parts {
    asio::any_io_executor strand;
    std::shared_ptr<clock_source> clock;
    std::shared_ptr<send_queue> queue;
    std::shared_ptr<status_board> board;
    std::function<void(std::exception_ptr)> on_error;
};

/// One live connection, from the lookup to the close: a reader, a watchdog, and a flush while the
/// socket does not take what is written, over one transport (doc/pitfalls.md P30).
///
/// It ends with one reason: our own verdict if there is one, else the transport's error. From then
/// on the layer is told nothing but `after_read`, and the owner `on_over`, when every operation of
/// the transport has returned and the transport is gone. Strand only. The owner detaches before it
/// is destroyed.
class session : public std::enable_shared_from_this<session>, private transport_listener {
public:
    /// For make_shared. `deadline` bounds the connecting, and the opening of the session.
    session(session_parts parts, const liveness_limits& limits, session_owner& owner,
            transport_factory& transports, bool secure, time_point deadline);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    virtual ~session() = default;

    /// Begins to connect. The owner may be told of it before this returns.
    void start(std::shared_ptr<const connect_request> request);

    void detach() noexcept { owner_ = nullptr; }

    /// The opening is done: messages may be written, and the heartbeat begins.
    void become_ready(std::chrono::milliseconds heartbeat_interval);
    /// Writes what is due, as far as the socket takes it.
    void write();
    /// Pings the peer now.
    void probe();

    /// Ends it with that reason by the closing handshake, and aborts it at `until`.
    void close(error_info why, unsigned code, time_point until);
    /// Ends it now.
    void abort(error_info why);
    /// The same for a failure inside the client, which takes no memory.
    void abort_at_once() noexcept;

    /// Its opening is under way.
    bool opening() const noexcept { return state_ == state::opening; }
    /// Neither closing nor aborted.
    bool live() const noexcept { return state_ < state::closing; }
    bool over() const noexcept { return state_ == state::over; }
    const error_info& reason() const { return *reason_; } ///< once it is over
    /// When it ended, no message of either side was under way.
    bool was_quiet() const noexcept { return quiet_; }
    phase reached() const noexcept { return phase_; }
    /// The server may have seen the ticket.
    bool showed_ticket() const noexcept { return phase_ >= phase::upgrade; }
    bool writing() const noexcept { return writing_ != nullptr; }

private:
    enum class state {
        connecting,
        opening, ///< the WebSocket is open
        ready,   ///< the layer has called session_ready
        closing, ///< our close frame is due, or sent, and the peer's awaited
        aborted, ///< the socket is closed; its operations have to return
        over     ///< they have
    };
    /// The frame that is being written.
    enum class writer {
        idle, ///< none
        message,
        ping,
        close,
        done ///< and there will be none: a close frame was written, or a write has failed
    };

    void on_phase(phase now) override;
    void on_bytes(std::size_t count, bool message_open) override;
    void on_pong() override;
    void on_close_started() override;
    void on_text(std::string_view text) override;
    void on_binary(std::string_view message) override;
    bool wants_more() const override;

    std::shared_ptr<session_layer> kept() const { return owner_ ? owner_->kept() : nullptr; }
    session_layer* active_layer() const { return owner_ ? owner_->active_layer() : nullptr; }
    void spawn(awaitable<void> body);
    awaitable<void> run();
    awaitable<void> await_room();
    awaitable<void> ask_for_room();
    awaitable<void> flush();

    void opened();
    bool write_frames();
    bool choose_frame();
    result<bool> begin_frame();
    void frame_ended(const error_info* failed);
    void settle_message(bool whole);
    void watch(time_point until);
    void check();
    void notice(const liveness_event& happened);
    void perform(const liveness_action_t& action);
    void ask_for_ping();
    void write_failed(error_info why);
    void end(error_info why);
    void fail(const std::exception_ptr& thrown) noexcept;
    void abort_transport();
    void task_done(std::shared_ptr<const void> kept);
    void end_for(error_info why);
    static error_info verdict(errc why, phase step);
    time_point now() const { return parts_.clock->now(); }
    bool aborted() const noexcept { return state_ >= state::aborted; }

    session_parts parts_;
    session_owner* owner_;
    std::unique_ptr<alarm> watchdog_; // until it is over
    condition reader_wake_;
    std::unique_ptr<transport> transport_;
    std::shared_ptr<const connect_request> request_;
    liveness_fsm liveness_;

    state state_ = state::connecting;
    writer writer_ = writer::idle;
    phase phase_ = phase::none;
    send_queue::message writing_;

    // On the heap, as most sessions never have one.
    std::shared_ptr<const error_info> reason_;
    std::unique_ptr<const error_info> fallback_; // if the transport knows none that is better
    time_point abort_at_ = time_point::max();
    time_point watchdog_at_ = time_point::max();
    unsigned close_code_ = 0; // of the close frame that is due; 0: none is
    unsigned running_ = 0;    // tasks
    bool ping_due_ = false;
    bool message_ended_ = false;                   // since the last bytes
    bool quiet_ = false;                           // once it has ended
    std::shared_ptr<shared_awaitable<void>> room_; // the question for room
};

} // namespace parley
