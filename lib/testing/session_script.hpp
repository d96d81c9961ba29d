#pragma once

#include "testing/outgoing.hpp"
#include "testing/server_context.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::testing {

/// Carries out the answers of one session, one run after the other. No I/O, no clock.
class session_script {
public:
    using time_point = std::chrono::steady_clock::time_point;

    session_script(server_context& context, std::string conversation);

    /// A message of the client: its run begins when those before it have ended.
    void message(received_message message);
    /// The client's answer to a tool call.
    void tool_answered(tool_answer answer);
    /// Ends the run that is on.
    void stop();

    /// What to send now, if anything.
    std::optional<outgoing> next(time_point now);
    /// Until when an answer pauses.
    std::optional<time_point> paused_until() const { return resume_at_; }

private:
    struct run {
        explicit run(received_message from) : message(std::move(from)) {}

        received_message message;
        std::deque<answer_step> steps;
        std::string conversation;
        std::string waiting_for; ///< a callId, or empty
        std::string called;      ///< the name of the tool last called
        tool_answer last;
        bool ended{false}; ///< the client has got the end
        bool open{false};  ///< is not ended by the end of its steps
    };

    void begin();
    void carry_out(time_point now);
    void finish();
    void fail(std::string_view error, std::string_view code);
    void say(std::string frame) { said_.push_back(outgoing::text(std::move(frame))); }
    std::string thread_of(const std::string& conversation) const {
        return "thread-" + conversation;
    }

    void perform(step::text& text, time_point now);
    void perform(step::reasoning& reasoning, time_point now);
    void perform(step::tool_request& request, time_point now);
    void perform(step::continuation& next, time_point now);
    void perform(step::raw_text& raw, time_point now);
    void perform(step::raw_binary& raw, time_point now);
    void perform(step::raw_bytes& raw, time_point now);
    void perform(step::pause& pause, time_point now);
    void perform(step::chat_error& error, time_point now);
    void perform(step::finish& finish, time_point now);
    void perform(step::never_finish& open, time_point now);
    void perform(step::drop& drop, time_point now);
    void perform(step::close& close, time_point now);

    server_context& context_;
    const std::string conversation_; ///< of messages that name none
    std::deque<received_message> waiting_;
    std::optional<run> run_;
    std::deque<outgoing> said_;
    std::optional<time_point> resume_at_;
    std::size_t runs_{0};
};

} // namespace parley::testing
