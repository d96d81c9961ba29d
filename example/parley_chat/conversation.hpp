#pragma once

#include <parley/chat_client.hpp>

#include "bell.hpp"
#include "exit_status.hpp"
#include "output.hpp"
#include "side_task.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace parley_chat {

/// One chat session from `init` to `disconnect`: shows every event in its order, and knows where
/// the answer to a message ends. Its functions are called on the program's one thread.
class conversation {
public:
    struct settings {
        std::chrono::milliseconds answer_timeout{};
        std::optional<std::string> provider_res_id; ///< goes with every message
    };
    enum class answer { finished, failed, withdrawn };

    /// Throws for an invalid configuration.
    conversation(asio::any_io_executor executor, parley::chat_client_config config, output& shown,
                 bell& changed, settings chosen);
    conversation(const conversation&) = delete;
    conversation& operator=(const conversation&) = delete;
    ~conversation();

    /// `init`, and from then on the events.
    awaitable<void> open();

    /// Sends a message and waits for the end of its answer. Throws what sending throws,
    /// `answer_timeout` for a silent answer, `sent_unconfirmed` as soon as it is lost with the
    /// connection, and what `wait` throws.
    awaitable<answer> say(std::string text);

    /// Whether a message waits for a connection that can take it.
    bool message_waits() const { return sending_; }
    /// Takes that message back; `say` returns `withdrawn` unless it has been sent meanwhile.
    void withdraw() { withdrawing_.emit(asio::cancellation_type::terminal); }

    /// Until the condition holds; it is asked again whenever something has happened. Throws `ended`
    /// after `leave`, and `connection_over` when the connection has ended for good. False when the
    /// time is over.
    awaitable<bool> wait(std::function<bool()> condition,
                         bell::time_point until = bell::time_point::max());

    /// Disconnects, and shows what still happens. Does not throw for a second time what ended the
    /// events.
    awaitable<void> close();

    /// Ends the program with that status, after a clean close.
    void leave(exit_status status);
    std::optional<exit_status> leaving() const { return leaving_; }

    bool is_open() const { return open_; }
    bool answer_is_awaited() const { return awaiting_; }
    unsigned tickets_renewed() const { return tickets_renewed_; }
    unsigned connections_restored() const { return connections_restored_; }

    parley::chat_client& client() { return client_; }
    bell& changed() { return changed_; }
    const asio::any_io_executor& executor() const { return executor_; }

private:
    class noted;

    awaitable<bool> send(parley::chat_message message);
    awaitable<void> show_events();
    void begin_close();
    void check();
    bell::time_point answer_deadline() const;

    asio::any_io_executor executor_;
    output& shown_;
    settings settings_;
    std::vector<std::string> tool_names_;
    bell& changed_;
    parley::chat_client client_;
    side_task events_;
    side_task closing_;

    bool open_ = false;
    bool over_ = false;                       // no more events
    bool closed_ = false;                     // begun
    std::optional<parley::error_info> cause_; // of a connection that ended for good
    std::optional<exit_status> leaving_;

    bool awaiting_ = false;
    bool sending_ = false;
    asio::cancellation_signal withdrawing_;
    bool answer_lost_ = false; // the message was sent, and the connection lost before its answer
    unsigned answers_ = 0;
    answer last_answer_ = answer::finished;
    unsigned running_tools_ = 0;
    std::chrono::steady_clock::time_point last_sign_; // of the answer
    unsigned tickets_renewed_ = 0;
    unsigned connections_restored_ = 0;
};

} // namespace parley_chat
