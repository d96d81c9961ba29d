#pragma once

#include <parley/message_handler.hpp>
#include <parley/metrics.hpp>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/decoder.hpp"
#include "dialect/parley/server_frame.hpp"
#include "message/event_queue.hpp"
#include "message/message_sink.hpp"
#include "message/tool_registry.hpp"
#include "message/tool_runner.hpp"
#include "policy/reasoning_log.hpp"
#include "policy/surrogate_joiner.hpp"
#include "policy/token_bucket.hpp"
#include "telemetry/telemetry_impl.hpp"
#include "transport/environment.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// From a frame to an event (doc/architecture.md, Journeys): decodes, routes, answers heartbeats,
/// joins characters that were cut, runs each tool call once, and queues events. It is the error
/// boundary: nothing in a frame and no exception of a tool comes out. Strand only, except for
/// `count` and `events().next()`. Running tools keep this and its sink alive.
class message_handler::impl : public std::enable_shared_from_this<message_handler::impl>,
                              private telemetry_source {
public:
    /// `options.client_tools` and `options.send` are not used here. Server texts that a person
    /// reads, and what a tool throws, go through the redactor. Null: there are no secrets.
    impl(const asio::any_io_executor& strand, const environment_ptr& environment,
         const message_handler_options& options, std::shared_ptr<const redactor> gate,
         event_queue::before_first unread);
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    virtual ~impl() { leave(); }

    /// Once, before anything else. The sink decides which events are queued.
    void attach(std::weak_ptr<message_sink> sink);
    event_queue& events() noexcept { return events_; }
    tool_registry& tools() noexcept { return tools_; }
    const tool_registry& tools() const noexcept { return tools_; }

    // The caller keeps the sink alive meanwhile.
    void on_text(std::string_view text); ///< followed by `message_padding` bytes
    void on_binary(std::size_t size);
    /// Everything that one read brought has been routed: the tools that it asked for start.
    void after_read();
    /// The session is over: texts and reasonings that are still open end as events.
    void end_texts();

    /// Cancels the tools (terminal), answers their calls with `Client is shutting down`, and takes
    /// no more. False: some have not ended yet.
    bool end_calls();
    /// The same, and returns when none runs.
    awaitable<void> stop_calls();
    /// Takes calls and queues events again.
    void restart();
    /// Ends the tools and the events without waiting: for a destructor.
    void abandon() noexcept;
    /// Answers are not given again any more: a repeated call is a new one.
    void forget_answers();
    /// The server has closed with 1009 because of that answer.
    void answer_too_large(std::uint64_t id);

    void count(metrics_snapshot& into) const; ///< any thread

private:
    using counter = std::atomic<std::uint64_t>;
    void add_counters(metric_readings& to) const noexcept override;
    void add_gauges(metric_readings&) const noexcept override {}
    static void add(counter& to, std::uint64_t more = 1);

    tool_runner& runner();
    server_frame decode(std::string_view text);

    void take(session_established&&);
    void take(authentication_refused&& refused);
    void take(tools_acknowledged&& acknowledged);
    void take(configuration_requested&&);
    void take(tool_requested&& asked);
    void take(ping_received&& ping);
    void take(ping_acknowledged&&);
    void take(text_delta&& delta);
    void take(reasoning_started&& started);
    void take(reasoning_delta&& delta);
    void take(reasoning_finished&& finished);
    void take(chat_finished&& finished);
    void take(chat_failed&& failed);
    void take(message_skipped&& skipped);
    template <class Event> // every other one goes to the sink as it is
    void take(Event&& happened) {
        sink_->on_event(std::forward<Event>(happened));
    }
    void pass_on(std::vector<event> events);
    void log_skipped(const message_skipped& skipped);

    const asio::any_io_executor strand_;
    const std::shared_ptr<clock_source> clock_;
    const tool_config tool_settings_;
    const limits_config limits_;
    const std::shared_ptr<const redactor> gate_;
    const logger log_;
    decoder decoder_;
    event_queue events_;
    tool_registry tools_;
    std::shared_ptr<tool_runner> runner_;              // once a tool was called
    std::atomic<const tool_runner*> counted_{nullptr}; // the same, for any thread
    bool takes_calls_ = true;
    std::weak_ptr<message_sink> attached_;
    message_sink* sink_ = nullptr; // while attached_ has not expired

    surrogate_joiner halves_; // of the answer
    reasoning_log reasonings_;
    token_bucket pongs_{10, 10}; // at once, and a second
    token_bucket lines_{10, 1};  // likewise
    std::uint64_t lines_left_out_ = 0;
    std::size_t frame_size_ = 0; // of the frame that is being taken

    counter received_{0}, skipped_{0}, fields_ignored_{0}, pings_{0}, pings_unanswered_{0},
        ping_answers_{0};
};

} // namespace parley
