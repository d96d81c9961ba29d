#pragma once

#include "async/bare_condition.hpp"
#include "async/flight.hpp"
#include "async/task_group.hpp"
#include "connection/connection.hpp"
#include "connection/link.hpp"
#include "connection/status_board.hpp"
#include "core/log.hpp"
#include "policy/reconnect_fsm.hpp"
#include "policy/send_queue.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

inline constexpr unsigned normal_closure = 1000; // RFC 6455 section 7.4.1

/// The class behind connection::make: `loop` carries out what reconnect_fsm decides, first within
/// `open`; everything else sets a flag, calls `stir`, and lets the loop see to it. While a session
/// is live there is no loop, but for the sake of everybody else it runs.
class connection_impl final : public connection, private link_owner {
    struct token {};

public:
    static std::shared_ptr<connection_impl>
    make(asio::any_io_executor strand, environment_ptr environment, connection_options&& options);
    connection_impl(token, asio::any_io_executor strand, environment_ptr environment,
                    connection_options&& options);
    ~connection_impl() override;

    void attach(std::weak_ptr<session_layer> layer) override { layer_ = std::move(layer); }
    awaitable<void> open(time_point deadline) override;
    void session_ready() override;
    void session_rejected(error_info why) override;
    void session_failed(error_info why) override;
    awaitable<void> send(std::string frame, time_point deadline,
                         std::function<void(send_progress)> progress) override;
    std::shared_ptr<outgoing> begin_send(std::string frame,
                                         std::function<void(send_progress)> progress) override;
    awaitable<void> finish_send(std::shared_ptr<outgoing> begun, time_point deadline) override;
    void send_control(std::string frame) override;
    void send_answer(std::string frame, std::uint64_t id) override;
    awaitable<void> reconnect(time_point deadline) override;
    awaitable<void> close(std::chrono::milliseconds limit) override;
    void abandon() override;
    void notify_network_change() override;
    const std::shared_ptr<const connection_config>& config() const override { return config_; }
    bool ready() const override;
    error_info late(std::string_view sentence) const override;
    websocket_status status() const override { return board_->snapshot(); }

private:
    using self_ptr = std::shared_ptr<connection_impl>;

    /// What the loop is doing.
    enum class stage { idle, dialing, live, leaving, waiting };
    /// Why it is to end, beyond what the policy says.
    enum class stop { none, given_up, closing, abandoned };

    class queued_message;
    struct ticket_request;
    struct course;

    // link_owner
    void on_phase(phase step) override;
    void on_open() override;
    void on_text(std::string_view text) override;
    void on_binary(std::size_t size) override;
    void after_read() override;
    bool has_room() const override;
    awaitable<void> wait_for_room() override;
    static awaitable<void> wait_for_room(std::shared_ptr<session_layer> layer);
    std::string heartbeat() override;
    void on_written() override;
    void on_over(const link& one) override;
    std::shared_ptr<const void> self() const override { return shared_from_this(); }
    std::shared_ptr<const void> kept() const override { return layer_.lock(); }

    // opening and ending
    static awaitable<void> open(self_ptr self, time_point deadline);
    static awaitable<void> rejoin(self_ptr self, time_point deadline);
    static awaitable<void> reconnect(self_ptr self, time_point deadline);
    static awaitable<void> shut_down(self_ptr self, std::chrono::milliseconds limit);
    static awaitable<void> drain(self_ptr self, time_point until);
    bool idle() const; // nothing of it runs
    void halt(stop why);
    void reset_after_close();
    [[noreturn]] void throw_ended() const;

    // the loop
    static awaitable<void> resume(self_ptr self, std::shared_ptr<session_layer> layer);
    static awaitable<void> loop(self_ptr self);
    void stir();
    void go_on_at_once();
    void end_loop(bool failed) noexcept;
    void fail_inside() noexcept;
    void abort_retired() noexcept;
    bool leaving() const;
    void come_back();
    task_group& tasks();
    void log_thrown(const std::exception_ptr& thrown) const noexcept;
    reconnect_action_t leave();
    static awaitable<void> attempt(self_ptr self, course* at, unsigned number, bool fresh);
    std::optional<ticket> ticket_at_hand(bool fresh) const;
    static awaitable<bool> fetch_and_begin(self_ptr self, course* at, unsigned number, bool fresh,
                                           time_point deadline);
    bool begin_attempt(course* at, unsigned number, result<ticket> held, time_point deadline);
    ticket_use use_of(const result<ticket>& got, const ticket& last, bool fresh) const;
    void announce(const reconnect_action::wait& asked);
    static awaitable<void> back_off(self_ptr self, course* at, time_point until);
    static awaitable<result<ticket>> fetch_ticket(self_ptr self, bool fresh, time_point deadline);
    static awaitable<void> ask_layer(self_ptr self, std::shared_ptr<session_layer> layer,
                                     std::shared_ptr<ticket_request> request);
    close_verdict verdict_on(const error_info& why, bool was_ready) const;
    reconnect_action_t attempt_failed(error_info why, unsigned number, ticket_use used);
    reconnect_action_t decide(const reconnect_event& happened);
    void dial(const ticket& held, time_point deadline);
    unsigned take_unconfirmed() const;
    reconnect_action_t session_ended(const link& ended);
    void lost(loss_reason reason, error_info why, unsigned unconfirmed, bool will_reconnect);
    void fail(error_info why);
    void emit(connection_event happened);
    void describe(error_info& why, unsigned number) const;
    std::shared_ptr<link> release_link();
    void end_session(error_info why);

    // sending
    static awaitable<void> send(self_ptr self, std::string frame, time_point deadline,
                                std::function<void(send_progress)> progress);
    static awaitable<void> finish_send(self_ptr self, std::shared_ptr<queued_message> one,
                                       time_point deadline);
    void enqueue(std::shared_ptr<outgoing> added);
    bool accepts_messages() const;
    bool unsent() const { return !queue_->empty() || link_->writing(); }

    time_point now() const { return clock_->now(); }
    bool coming_back() const { return running_ && was_ready_ && stop_ == stop::none; }

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
    std::unique_ptr<task_group> tasks_; // once there was one
    bare_condition changed_;            // anything that somebody here waits for
    std::weak_ptr<session_layer> layer_;

    reconnect_fsm fsm_;
    stage stage_ = stage::idle;
    stop stop_ = stop::none;
    session_layer* listening_ = nullptr; // the layer, while the loop runs, which keeps it alive
    bool running_ = false;               // the loop
    bool opening_ = false;               // it has not had its first ready session
    bool session_ready_ = false;
    bool was_ready_ = false; // since `open`
    bool draining_ = false;  // `close` was called, and is not over
    bool requested_ = false;
    bool network_changed_ = false;
    unsigned sessions_ = 0;  // ready ones, ever
    unsigned announced_ = 0; // the attempt of the last `reconnecting`
    time_point opening_deadline_{};
    std::chrono::steady_clock::duration attempt_limit_{};
    std::unique_ptr<const error_info> ended_with_; // the last end for good
    std::unique_ptr<error_info> inside_;           // for an end that there is no memory for

    std::shared_ptr<link> link_;                 // the one that is on
    std::vector<std::shared_ptr<link>> retired_; // those that still say good-bye
    std::optional<ticket> tried_;                // the last one that the server saw
};

} // namespace parley
