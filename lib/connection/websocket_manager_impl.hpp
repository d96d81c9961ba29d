#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>
#include <parley/status.hpp>
#include <parley/websocket_manager.hpp>

#include "async/condition.hpp"
#include "async/shared_awaitable.hpp"
#include "connection/session.hpp"
#include "connection/session_layer.hpp"
#include "connection/status_board.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "core/url.hpp"
#include "policy/reconnect_fsm.hpp"
#include "policy/send_queue.hpp"
#include "transport/environment.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

inline constexpr unsigned normal_closure = 1000; // RFC 6455 section 7.4.1

/// The settings of a connection.
struct connection_options {
    std::string server_url;
    std::shared_ptr<const connection_config> config = std::make_shared<const connection_config>();
    std::chrono::milliseconds answer_lifetime{60'000}; ///< of an undelivered tool answer
    /// Every error of the connection goes through it; it learns the tickets. Null: one of its own.
    std::shared_ptr<redactor> gate;
    log_sink log;
    log_level log_threshold = log_level::info;
    std::shared_ptr<parley::telemetry> telemetry; ///< null: none
};

enum class send_progress { writing, written };

/// The connection of websocket_manager and chat_client: one attempt at a time, one live session,
/// and the reconnect loop that carries out what reconnect_fsm decides. Strand only, but for
/// `status`. It keeps itself and its session layer alive while a task of its runs.
class websocket_manager::impl : public std::enable_shared_from_this<websocket_manager::impl>,
                                private session_owner {
public:
    /// Throws `client_error` for what is wrong in the options.
    impl(asio::any_io_executor strand, environment_ptr environment, connection_options options);
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    virtual ~impl();

    /// Once, before anything else.
    void attach(std::weak_ptr<session_layer> layer) { layer_ = std::move(layer); }

    /// Opens a session: the first attempt (`init`). Returns when the layer has called
    /// `session_ready`; throws otherwise, and nothing of the attempt is left. On a ready session it
    /// returns at once; after an end it starts afresh. Concurrent calls share one attempt, which is
    /// given up when the last of them is cancelled.
    awaitable<void> open(time_point deadline);

    /// The layer's verdict on the opening. `session_failed` ends the attempt with that error;
    /// `session_rejected` counts as a rejection of the ticket (doc/protocol.md 3.2). Both may also
    /// come on a ready session, which they end. Without a session they do nothing.
    void session_ready();
    void session_rejected(error_info why);
    void session_failed(error_info why);

    /// Queues a message; see websocket_manager::send. `progress` may be empty; it is called on the
    /// strand, by the writer itself, when it takes the frame (`writing`) and when the whole frame
    /// is handed over (`written`), before anything that the server says to it can be read.
    awaitable<void> send(std::string frame, time_point deadline,
                         std::function<void(send_progress)> progress);
    /// The same in two halves: queues it, which may have written it already; throws when there is
    /// no session. Then waits until it is settled: not awaited, it stays queued.
    std::shared_ptr<outgoing> begin_send(std::string frame,
                                         std::function<void(send_progress)> progress);
    awaitable<void> finish_send(std::shared_ptr<outgoing> begun, time_point deadline);
    /// Overtakes the messages; belongs to the session that is on (also while it opens), and goes
    /// with it.
    void send_control(std::string frame);
    /// Overtakes the messages; kept for the next ready session for `answer_lifetime`.
    /// `id`: for `session_layer::on_answer_too_large`; 0 for none.
    void send_answer(std::string frame, std::uint64_t id = 0);

    /// Gives the session up and opens another: `connection_lost` (requested), then
    /// `connection_restored`. Returns when it is ready, throws when it ended for good or at the
    /// deadline (the reconnecting goes on). Not connected: `not_connected`.
    awaitable<void> reconnect(time_point deadline);

    /// Drains for a third of `limit`, closes, ends every task. Idempotent, in every state;
    /// concurrent calls all return when it is over. Not to be cancelled: the caller shares
    /// it (shared_awaitable).
    awaitable<void> close(std::chrono::milliseconds limit);
    /// The same without the drain and the close frame: for a destructor.
    void abandon();

    void notify_network_change();

    const std::shared_ptr<const connection_config>& config() const { return config_; }
    bool ready() const;
    /// A session has been ready, is over, and is to be replaced.
    bool comes_back() const { return state_ == state::open && !ready(); }
    /// Opening, ready, or coming back.
    bool active() const {
        return state_ == state::opening || state_ == state::open || state_ == state::draining;
    }
    /// The error of a deadline that passes while the session is coming back: `timed_out`, with
    /// the error of the last attempt.
    error_info late(std::string_view sentence) const;
    websocket_status status() const { return board_->snapshot(); } ///< any thread

private:
    /// What the connection does as a whole. `fsm_` has the state of its attempts, and a session
    /// that of one live connection.
    enum class state {
        idle,     ///< nothing runs
        opening,  ///< the loop runs, and no session has been ready since `open`
        open,     ///< the loop runs, and a session has been ready
        ending,   ///< failed for good, or `open` was cancelled; idle once nothing runs
        draining, ///< `close` waits until the queue is written: a lost session is not replaced
        closing,  ///< `close` ends whatever runs
        abandoned ///< the owner is gone, for good
    };

    class queued_message;

    // session_owner
    session_layer* active_layer() const override {
        return state_ == state::abandoned ? nullptr : listening_;
    }
    void on_written() override;
    void on_over(const session& one) override;
    std::shared_ptr<const void> self() const override { return shared_from_this(); }
    std::shared_ptr<session_layer> kept() const override { return layer_.lock(); }

    // opening and ending
    awaitable<void> await_opening(unsigned before);
    awaitable<void> await_return(time_point deadline);
    awaitable<void> drain(time_point until);
    void start_loop(std::shared_ptr<session_layer> layer, time_point deadline);
    void end_loop(state as);
    void loop_ended(const std::exception_ptr& thrown) noexcept;
    void fail_inside() noexcept;
    void abort_superseded() noexcept;
    void settle() noexcept;
    [[noreturn]] void throw_ended() const;

    // the loop
    awaitable<void> reconnect_loop(std::shared_ptr<session_layer> layer, time_point deadline);
    awaitable<void> attempt(unsigned number, bool fresh);
    awaitable<void> back_off(time_point until);
    void decide(const reconnect_event& happened);
    void dial(const ticket& held, time_point deadline);
    close_verdict verdict_on(const error_info& why, bool was_ready) const;
    void attempt_failed(error_info why, unsigned number, ticket_use used);
    bool leaving() const;
    void leave();
    void session_ended(const session& ended);
    unsigned take_unconfirmed() const;
    void lost(loss_reason reason, error_info why, unsigned unconfirmed, bool will_reconnect);
    void announce(const reconnect_action::wait& asked);
    void fail(error_info why);
    void emit(connection_event happened);
    void describe(error_info& why, unsigned number) const;
    std::shared_ptr<session> release_session();
    void end_session(error_info why);

    // the ticket of an attempt
    std::optional<ticket> ticket_at_hand(bool fresh) const;
    ticket_use use_of(const ticket& got, bool fresh) const;
    awaitable<result<ticket>> fetch_ticket(bool fresh, time_point deadline);

    // sending
    void enqueue(std::shared_ptr<outgoing> added);
    bool unsent() const { return !queue_->empty() || session_->writing(); }

    time_point now() const { return clock_->now(); }
    bool being_closed() const { return state_ == state::draining || state_ == state::closing; }
    bool idle() const { // but for sessions that are closing
        return !listening_ && (!session_ || session_->over());
    }

    const asio::any_io_executor strand_;
    const environment_ptr environment_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<const connection_config> config_; // the transports have the same
    const std::shared_ptr<redactor> gate_;
    const server_url url_;
    const std::shared_ptr<transport_factory> transports_;
    const logger log_;
    const std::shared_ptr<status_board> board_;
    const std::shared_ptr<send_queue> queue_;
    condition changed_; // anything that a coroutine here waits for
    std::weak_ptr<session_layer> layer_;

    state state_ = state::idle;
    reconnect_fsm fsm_;
    reconnect_action_t next_;            // its last decision
    session_layer* listening_ = nullptr; // the layer, while the loop runs, which keeps it alive
    unsigned openers_ = 0;               // callers that wait in `open`
    unsigned sessions_ = 0;              // ready ones, ever
    bool dial_now_ = false;              // asked of a session that is ready, or of a wait
    time_point opening_deadline_{};
    std::chrono::steady_clock::duration attempt_limit_{};
    std::shared_ptr<const error_info> ended_with_; // the last end for good

    std::shared_ptr<session> session_;                 // the one that is on
    std::vector<std::shared_ptr<session>> superseded_; // those that are closing beside it
    std::shared_ptr<shared_awaitable<ticket>> asking_; // the layer, for a ticket
    ticket held_;                                      // of the last attempt
    std::optional<ticket> tried_;                      // the last one that the server saw
};

} // namespace parley
