#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/tool.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Settings of a message_handler.
struct message_handler_options {
    tool_config tools;              ///< how tool calls run
    limits_config limits;           ///< of which `event_count` and `event_bytes` are used
    std::vector<tool> client_tools; ///< that the server may call

    /// Sends the reply frames: heartbeats and tool results. Called on the handler's strand.
    /// Empty: replies are dropped, for a program that only listens.
    std::function<void(std::string frame)> send;
    log_sink log;                              ///< default: nothing is logged
    log_level log_threshold = log_level::info; ///< less severe lines are not logged

    /// Counts what the handler does, beside others that were given the same one; default: nothing
    /// is counted.
    std::shared_ptr<parley::telemetry> telemetry;
};

/// From a frame to an event: parses, routes, answers heartbeats, runs tool calls.
///
/// @code
/// awaitable<void> read(asio::any_io_executor executor, std::vector<std::string> frames) {
///     message_handler_options options;
///     options.send = [](std::string answer) { std::cout << "> " << answer << '\n'; };
///     message_handler handler(executor, std::move(options));
///     // It waits while the event queue is full: an endless program takes the events in a
///     // coroutine of their own.
///     for (const std::string& frame : frames)
///         co_await handler.handle(frame);
///     co_await handler.stop(); // no event follows the queued ones
///     while (const auto happened = co_await handler.next_event())
///         if (const auto* piece = std::get_if<text_delta>(&*happened)) std::cout << piece->text;
/// }
/// @endcode
///
/// The error boundary is here: no invalid frame and no exception of a tool leaves it as an
/// exception; each becomes an event.
///
/// Thread safety: every member may be called from any thread. Awaitables resume on the caller's
/// executor. Destroying it never blocks. Destroy it before its execution context.
class PARLEY_EXPORT message_handler {
public:
    /// Throws `tool_configuration_error` for a wrong or duplicate tool; `client_error`
    /// (`invalid_configuration`) for an empty executor and for a setting out of its bounds, which
    /// it names.
    message_handler(asio::any_io_executor executor, message_handler_options options,
                    environment_ptr environment = nullptr);
    message_handler(const message_handler&) = delete;
    message_handler& operator=(const message_handler&) = delete;
    ~message_handler();

    /// Processes one text frame. Waits while the event queue is full; never throws for its content.
    /// A tool that it requests has begun by then, or is posted to an executor of its own.
    ///
    /// @par Cancellation  any type while it waits; the frame is then dropped
    awaitable<void> handle(std::string frame);

    /// The next event; nullopt once stopped and drained.
    ///
    /// @par Cancellation  any type; no event is lost
    awaitable<std::optional<event>> next_event();

    /// Throws `tool_configuration_error` for a wrong tool or a name that is taken.
    void add_tool(tool added);
    /// Throws `tool_configuration_error` (`tool_unknown`).
    void remove_tool(const std::string& name);

    /// Cancels the tools that run, answers their calls, ends the events. Idempotent.
    awaitable<void> stop();

    class impl; ///< also a part of chat_client; internal

private:
    class standalone;
    std::shared_ptr<standalone> impl_;
};

} // namespace parley
