#pragma once

#include <parley/chat_client.hpp>
#include <parley/detail/on_strand.hpp>
#include <parley/ticket_manager.hpp>

#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "async/shared_awaitable.hpp"
#include "async/task_group.hpp"
#include "client/pending_ask.hpp"
#include "client/tool_update.hpp"
#include "connection/websocket_manager_impl.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/opening_fsm.hpp"
#include "dialect/parley/run_fsm.hpp"
#include "message/message_handler_impl.hpp"
#include "message/message_sink.hpp"
#include "telemetry/run_recorder.hpp"
#include "ticket/ticket_manager_impl.hpp"
#include "transport/environment.hpp"

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley {

/// The implementation of chat_client: composes tickets, connection and messages on one strand,
/// which alone touches its state.
class chat_client::impl : public std::enable_shared_from_this<chat_client::impl>,
                          public session_layer,
                          public message_sink {
public:
    impl(const asio::any_io_executor& executor, chat_client_config&& config,
         std::shared_ptr<ticket_manager> shared_tickets, environment_ptr environment);
    /// Once, before anything else: the parts need a weak_ptr to this.
    void attach();

    const detail::strand& where() const {
        context_->check("chat_client");
        return strand_;
    }
    event_queue& events() noexcept { return messages_->events(); }
    tool_registry& tools() const noexcept { return messages_->tools(); } // any thread
    static awaitable<void> run(std::shared_ptr<impl> self, event_handlers handlers);

    // session.cpp: from nothing to a ready session, and back
    awaitable<void> init();
    awaitable<void> reconnect();
    awaitable<void> refresh_ticket_and_reconnect();
    awaitable<void> disconnect();
    void abandon();
    static void abandon_later(std::shared_ptr<impl> self) noexcept; // any thread, once
    void notify_network_change() { connection_->notify_network_change(); }
    connection_status status() const; // any thread
    metrics_snapshot metrics() const; // any thread

    // conversation.cpp: messages, runs, events
    static awaitable<void> send(std::shared_ptr<impl> self, chat_message message); // anywhere
    awaitable<void> send_message(chat_message message);
    awaitable<void>
    send_frame(std::string frame); // returns when it is handed over, as send_message
    awaitable<void> stop_run(std::optional<std::string> conversation_id);

    // ask.cpp
    awaitable<answer> ask(chat_message message);
    static awaitable<answer> ask_streaming(std::shared_ptr<impl> self, chat_message message,
                                           text_handler on_text); // on the caller's executor
    void post_handler_failure(std::string what, bool of_failure_handler); // any thread
    void report_handler_failure(std::string what, bool of_failure_handler);

    // configuration.cpp: tools, context helpers, threads
    awaitable<void> add_client_tools(std::vector<tool> added);
    awaitable<void> remove_client_tool(std::string name);
    awaitable<void> update_context_helpers(json_text merge);
    awaitable<void> update_entity(std::string provider_res_id, std::optional<std::string> entity_id,
                                  std::optional<std::string> entity_type);
    awaitable<void> update_metadata(std::string provider_res_id, metadata_patch patch);

private:
    /// doc/architecture.md, States. Whether there is a session is the connection's state.
    enum class state {
        live,    ///< also before the first `init`, and while a lost session is opened again
        closing, ///< `disconnect` is in flight
        ended,   ///< disconnected, or failed for good; `init` makes it live again
        destroyed
    };

    /// A message that `send_message` has begun to send.
    struct message_in_flight {
        std::shared_ptr<outgoing> begun;
        run_fsm::run_id run{};
        time_point deadline{};
        bool sent = false;
        std::exception_ptr error;
    };

    // session_layer
    std::optional<ticket> ticket_at_hand() override;
    awaitable<ticket> next_ticket(std::optional<ticket> rejected, time_point deadline) override;
    std::optional<error_info> ticket_trouble() const override;
    void on_open() override;
    void on_text(std::string_view text) override { messages_->on_text(text); }
    void on_binary(std::size_t size) override { messages_->on_binary(size); }
    void after_read() override { messages_->after_read(); }
    /// The opening needs no room for events: it is read with a full queue too, until an event
    /// comes.
    bool has_room() const override {
        return !messages_->events().full() || (opening_.under_way() && !opening_brought_events_);
    }
    awaitable<void> wait_for_room() override;
    std::string heartbeat() override;
    unsigned take_unconfirmed() override;
    void on_connection_event(connection_event happened) override;
    void on_end() noexcept override;
    void on_answer_too_large(std::uint64_t id) override { messages_->answer_too_large(id); }

    // message_sink
    void on_session_established() override;
    void on_authentication_refused(quotation error, quotation code) override;
    void on_tools_acknowledged(bool of_update) override;
    void on_configuration_requested() override;
    void on_event(event&& happened) override;
    void send_control(std::string frame) override { connection_->send_control(std::move(frame)); }
    void send_answer(std::string frame, std::uint64_t id) override {
        connection_->send_answer(std::move(frame), id);
    }

    task_group& tasks();
    awaitable<void> open();
    awaitable<void> close();
    void watch_opening();
    void lose_opening() {
        opening_.lost();
        watch_opening();
    }
    void perform(const opening_action_t& action);
    error_info why_ended() const;
    void end_session() noexcept; // the session has ended for good: events, renewal, tools
    void start_renewal();
    void fail_asks(const error_info& why);
    void fail_updates(const error_info& why);
    std::shared_ptr<ticket_manager::impl> make_tickets() const;

    std::string encode(const chat_message& message) const;
    void refuse_too_many_runs() const;
    void begin_message(const chat_message& message, message_in_flight& into);
    std::shared_ptr<outgoing> begin_send(std::string frame, run_fsm::run_id run);
    awaitable<void> finish_send(std::shared_ptr<outgoing> begun, run_fsm::run_id run,
                                time_point deadline);
    void drop_run(run_fsm::run_id run);
    void drop_stopped_runs(); ///< whose end is not waited for any more
    void finish_run(bool failed);
    unsigned lose_runs();
    run_fsm::run_id add_run(run_fsm::listener who, const chat_message& message);
    void note_conversation(const event& happened);
    bool taken_by_ask(const event& happened);
    void queue_event(event&& happened); // for next_event and run

    awaitable<void> begin_ask(std::shared_ptr<pending_ask> call, chat_message message);
    awaitable<void> take_turn(std::shared_ptr<pending_ask> call);
    awaitable<void> collect(std::shared_ptr<pending_ask> call);
    awaitable<std::optional<std::string>> next_piece(std::shared_ptr<pending_ask> call);
    void leave_ask(const std::shared_ptr<pending_ask>& call);
    void leave_run(pending_ask& call);
    bool give_to_ask(const event& happened);
    bool give_to_ask(const thread_created& created);
    bool give_to_ask(const messages_persisted& stored);
    pending_ask* ask_of_notice(bool of_storing);
    void note_event(pending_ask& call);

    bool has_configuration() const;
    std::string configuration() const;
    awaitable<void> announce_tools();
    awaitable<void> update_thread(std::string provider_res_id, std::string body);
    void end_thread_updates();

    time_point now() const { return clock_->now(); }
    bool owns_tickets() const { return !tally_; }
    static error_info disconnected(); // for calls that `disconnect` ends
    void check_alive() const;         // throws operation_aborted once the client is gone

    const environment_ptr environment_;
    const std::shared_ptr<clock_source> clock_;
    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_;    // that of the strand
    const std::shared_ptr<chat_client_config> shared_config_; // with the connection
    chat_client_config& config_ = *shared_config_; // `auth` and `context_helpers` as they stand now
    logger log_;
    const std::shared_ptr<ticket_tally> tally_; // with a manager that is shared; else null
    const std::shared_ptr<redactor> gate_;      // of all that the server says
    std::shared_ptr<websocket_manager::impl> connection_;
    std::shared_ptr<message_handler::impl> messages_;
    std::shared_ptr<http_client> http_; // for thread updates, once there are any
    std::unique_ptr<task_group> tasks_; // once there was one
    condition changed_;                 // any state that a coroutine of the client waits for

    state state_ = state::live;
    opening_fsm opening_;
    std::unique_ptr<alarm> opening_watch_; // while it is under way
    unsigned openings_ = 0;                // begun, ever
    bool opening_brought_events_ = false;  // with the queue full
    std::shared_ptr<shared_awaitable<void>> initialising_;
    std::shared_ptr<shared_awaitable<void>> disconnecting_;
    reserved_post last_post_; // of its destructor

    run_fsm runs_;
    std::map<run_fsm::run_id, std::shared_ptr<pending_ask>> asks_; // that collect
    std::list<std::shared_ptr<pending_ask>> turns_; // that wait for the runs before them
    time_point last_run_event_{};
    run_recorder run_recorder_;

    std::list<std::shared_ptr<tool_update>> updates_; // `update_tools` that await acknowledgement
    std::vector<std::shared_ptr<shared_awaitable<void>>> thread_updates_;
    bool tools_changed_ = false; // since the last `configure_tools` of this session

    std::atomic<unsigned> sent_{0}; // messages, or tried
    std::atomic<std::uint64_t> opened_{0}, lost_{0}, attempts_{0}, handlers_failed_{0},
        configurations_unanswered_{0};

    const std::shared_ptr<ticket_manager> shared_tickets_; // null: this client has its own
    const std::shared_ptr<ticket_manager::impl> tickets_;
};

} // namespace parley
