#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "async/shared_awaitable.hpp"
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

class link;

/// Whom a link works for.
class link_owner {
public:
    virtual void on_phase(phase step) = 0;
    virtual void on_open() = 0; ///< the WebSocket is open
    virtual void on_text(std::string_view text) = 0;
    virtual void on_binary(std::size_t size) = 0;
    virtual void after_read() = 0; ///< what was there has been handed up; nothing is half done
    virtual bool has_room() const = 0;
    virtual awaitable<void> wait_for_room() = 0;
    virtual std::string heartbeat() = 0;
    virtual void on_written() = 0;             ///< something was, or could not be
    virtual void on_over(const link& one) = 0; ///< nothing of it runs any more
    virtual std::shared_ptr<const void> self() const = 0;
    virtual std::shared_ptr<const void> kept() const = 0; ///< what lives while anything of it runs

protected:
    ~link_owner() = default;
    link_owner() = default;
    link_owner(const link_owner&) = default;
    link_owner& operator=(const link_owner&) = default;
};

/// What links of one connection have in common.
struct link_parts {
    asio::any_io_executor strand;
    std::shared_ptr<clock_source> clock;
    std::shared_ptr<send_queue> queue;
    std::shared_ptr<status_board> board;
    std::function<void(std::exception_ptr)> on_error;
};

/// The life of one connection, from the lookup to the close: a reader, a watchdog, and a writer
/// while something is to be written, over one transport (doc/pitfalls.md P30).
///
/// It ends with one reason: our own verdict if there is one, else the transport's error. From then
/// on its owner hears nothing but `after_read` and `on_over`, which comes when every operation of
/// the transport has returned and the transport is gone. Strand only. The owner detaches before it
/// goes.
class link : public std::enable_shared_from_this<link>, private transport_listener {
    struct token {};

public:
    /// `deadline` bounds the connecting, and the opening of the session.
    static std::shared_ptr<link> make(link_parts parts, const liveness_limits& limits,
                                      link_owner& owner, transport_factory& transports,
                                      time_point deadline);
    link(token, link_parts parts, const liveness_limits& limits, link_owner& owner,
         time_point deadline);
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    virtual ~link() = default;

    /// Begins to connect. The owner may hear of it before this returns.
    void start(std::shared_ptr<const connect_request> request);

    void detach() noexcept { owner_ = nullptr; }

    /// The opening is done: messages may be written, and the heartbeat begins.
    void session_ready(std::chrono::milliseconds heartbeat_interval);
    /// There is something to write.
    void wake();
    /// Is the peer alive? Asks it now.
    void probe();

    /// Ends it with that reason: closes politely, and aborts at `until`.
    void finish(error_info why, unsigned code, time_point until);
    /// Ends it now.
    void abort(error_info why);
    /// The same for a failure inside the client, which takes no memory.
    void abort_at_once() noexcept;

    bool ended() const noexcept { return reason_ != nullptr; }
    bool over() const noexcept { return over_; }
    const error_info& reason() const { return *reason_; } ///< once it has ended
    /// When it ended, no message of either side was under way.
    bool was_quiet() const noexcept { return quiet_; }
    phase reached() const noexcept { return phase_; }
    /// The peer may have seen the ticket.
    bool asked() const noexcept { return asked_; }
    bool writing() const noexcept { return writing_ || begun_; }

private:
    void on_phase(phase now) override;
    void on_bytes(std::size_t count, bool message_open) override;
    void on_pong() override;
    void on_close_started() override;
    void on_text(std::string_view text) override;
    void on_binary(std::size_t size) override;
    bool wants_more() const override;
    void on_readable(std::shared_ptr<const void> kept, std::exception_ptr thrown) override;

    std::shared_ptr<const void> kept() const { return owner_ ? owner_->kept() : nullptr; }
    void spawn(awaitable<void> body);
    static awaitable<void> run(std::shared_ptr<link> self);
    static awaitable<void> read_all(std::shared_ptr<link> self);
    static awaitable<void> read_on(std::shared_ptr<link> self);
    bool listen();
    void after_read();
    static awaitable<void> read(std::shared_ptr<link> self);
    static awaitable<void> write_all(std::shared_ptr<link> self);
    void start_writer();
    bool close_at_once();
    void watch(time_point until);
    void look();
    static awaitable<void> await_room(std::shared_ptr<link> self);
    static awaitable<void> ask_for_room(std::shared_ptr<link> self);
    static awaitable<void> write_one(std::shared_ptr<link> self, send_queue::message one);
    bool may_write_at_once() const;
    bool write_at_once();
    void written(const send_queue::message& one, bool whole);
    static awaitable<void> write_ping(std::shared_ptr<link> self);
    static awaitable<void> say_goodbye(std::shared_ptr<link> self);

    void opened();
    void notice(const liveness_event& happened);
    void perform(const liveness_action_t& action);
    void ask_for_ping();
    void write_failed(error_info why);
    void end(error_info why);
    void fail(const std::exception_ptr& thrown) noexcept;
    void cut();
    void task_done(std::shared_ptr<const void> kept);
    void end_for(error_info why);
    static error_info verdict(errc why, phase step);
    time_point now() const { return parts_.clock->now(); }

    link_parts parts_;
    link_owner* owner_;
    std::unique_ptr<alarm> watchdog_; // until it is over
    condition reader_wake_;
    std::unique_ptr<transport> transport_;
    std::shared_ptr<const connect_request> request_;
    liveness_fsm liveness_;

    // Elsewhere: most links never have one.
    std::unique_ptr<const error_info> reason_;
    std::unique_ptr<const error_info> fallback_; // if the transport knows none that is better
    std::unique_ptr<error_info> inside_; // the reason of a failure inside the client, beforehand
    time_point cut_at_ = time_point::max();
    time_point armed_ = time_point::max(); // when the watchdog looks again
    unsigned goodbye_code_ = 0;            // 0: none is to be said
    unsigned running_ = 0;                 // tasks
    phase phase_ = phase::none;
    bool over_ = false;
    bool asked_ = false;
    bool open_ = false;
    bool ready_ = false;
    bool cut_ = false;     // the transport is aborted
    bool writer_ = false;  // runs
    bool parting_ = false; // it has begun to say good-bye: nothing is written after that
    bool writing_ = false;
    bool ping_due_ = false;
    bool message_ended_ = false; // since the last bytes
    bool room_granted_ = false;
    bool quiet_ = false;                           // once it has ended
    std::shared_ptr<shared_awaitable<void>> room_; // the question for room
    send_queue::message begun_;                    // at once: the writer does the rest
};

} // namespace parley
