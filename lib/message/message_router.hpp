#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/fwd.hpp>
#include <parley/tool.hpp>

#include "core/clock.hpp"
#include "core/redactor.hpp"
#include "transport/environment.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// What a router has for others. Called on the strand.
class message_sink {
public:
    virtual void on_session_established() = 0;
    /// `error` and `code` of `authentication_error`.
    virtual void on_authentication_refused(quotation error, quotation code) = 0;
    virtual void on_tools_acknowledged(bool of_update) = 0;
    virtual void on_configuration_requested() = 0;
    virtual void on_event(event&& happened) = 0;
    virtual void send_control(std::string frame) = 0; ///< heartbeat answers
    /// The answer to a tool call. `id` names it for `answer_too_large`.
    virtual void send_answer(std::string frame, std::uint64_t id) = 0;

protected:
    ~message_sink() = default;
    message_sink() = default;
    message_sink(const message_sink&) = default;
    message_sink& operator=(const message_sink&) = default;
};

struct message_router_options {
    tool_config tools;
    limits_config limits;
    log_sink log;
    log_level log_threshold = log_level::info;
    /// What the server says for a person to read, and what a tool throws, goes through it. Null:
    /// there are no secrets.
    std::shared_ptr<const redactor> gate = {};
};

inline constexpr std::size_t tool_outcomes = 1 + static_cast<std::size_t>(tool_outcome::shut_down);

/// Counters of one router, for the metrics; any thread.
struct message_counts {
    std::uint64_t received = 0;
    std::uint64_t skipped = 0;
    std::uint64_t fields_ignored = 0;
    std::uint64_t tool_calls = 0;
    std::uint64_t tool_calls_repeated = 0;
    std::uint64_t tool_calls_failed = 0;
    /// First answers by their `tool_outcome`.
    std::array<std::uint64_t, tool_outcomes> tool_calls_by_outcome{};
    std::chrono::milliseconds tool_time{};         ///< of all runs together
    std::chrono::milliseconds tool_time_longest{}; ///< of one
    std::uint64_t tool_answers_forgotten = 0;      ///< for lack of room: a repeat would run again
    std::uint64_t pings = 0;
    std::uint64_t pings_unanswered = 0; ///< there were too many
    std::uint64_t ping_answers = 0;     ///< `heartbeat_ack`
};

/// From a frame to an event (doc/architecture.md, Journeys): decodes, routes, answers heartbeats,
/// joins what was cut within a character, runs tools, once per call. The error boundary: nothing
/// that a frame holds or a tool throws comes out. Strand only, but for `counts`. It and its sink
/// are kept alive by the tools that run.
class message_router : public std::enable_shared_from_this<message_router> {
public:
    static std::shared_ptr<message_router>
    make(asio::any_io_executor strand, environment_ptr environment, message_router_options options);
    message_router(const message_router&) = delete;
    message_router& operator=(const message_router&) = delete;
    virtual ~message_router() = default;

    /// Once, before anything else.
    virtual void attach(std::weak_ptr<message_sink> sink) = 0;

    // The caller keeps the sink alive meanwhile.
    virtual void on_text(std::string_view text) = 0; ///< followed by `message_padding` bytes
    virtual void on_binary(std::size_t size) = 0;
    /// What one read brought has been routed: the tools that it asked for start.
    virtual void after_read() = 0;
    /// The session is over: what it left open goes out as events.
    virtual void end_texts() = 0;

    /// Throw `tool_configuration_error`: all of them or none is added.
    virtual void add_tools(std::vector<tool> added) = 0;
    virtual void remove_tool(const std::string& name) = 0;
    virtual void replace_tools(std::vector<tool> replaced) = 0;
    virtual std::vector<tool> tools() const = 0; ///< in order of registration

    /// Cancels the tools (terminal), answers their calls with `Client is shutting down`, and takes
    /// no more. False: some have not ended yet. Later `restart` takes calls again.
    virtual bool end_calls() = 0;
    /// The same, and returns when none runs.
    virtual awaitable<void> stop() = 0;
    /// The same without waiting: for a destructor.
    virtual void abandon() = 0;
    virtual void restart() = 0;
    /// Answers are not given again any more: a repeated call is a new one.
    virtual void forget_answers() = 0;
    /// The server has closed with 1009 because of that answer.
    virtual void answer_too_large(std::uint64_t id) = 0;

    virtual message_counts counts() const = 0; ///< any thread

protected:
    message_router() = default;
};

} // namespace parley
