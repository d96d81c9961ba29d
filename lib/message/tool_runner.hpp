#pragma once

#include <parley/config.hpp>
#include <parley/fwd.hpp>
#include <parley/metrics.hpp>
#include <parley/telemetry.hpp>
#include <parley/tool.hpp>

#include "async/condition.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/server_frame.hpp"
#include "message/message_sink.hpp"
#include "message/tool_execution.hpp"
#include "policy/tool_call_fsm.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <variant>
#include <vector>

namespace parley {

/// Runs the tools that the server calls, as tool_call_fsm decides, on the executor of the tools and
/// not within the reading. That executor must outlive the tools. Each request is answered and
/// becomes events. Strand only, except for `count`.
class tool_runner : public std::enable_shared_from_this<tool_runner> {
public:
    tool_runner(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                const tool_config& config, const limits_config& limits, logger log,
                std::shared_ptr<const redactor> gate,
                std::shared_ptr<telemetry::impl> to = nullptr);
    tool_runner(const tool_runner&) = delete;
    tool_runner& operator=(const tool_runner&) = delete;
    ~tool_runner();

    void attach(std::weak_ptr<message_sink> sink) { sink_ = std::move(sink); }

    /// `called` is null when there is no such tool. `bytes`: of the frame. To be followed by
    /// `launch`.
    void request(tool_requested asked, std::shared_ptr<const tool> called, std::size_t bytes);

    /// Cancels the tools, answers their calls, and takes no more. False: some have not ended yet.
    bool end_calls();
    /// The same, and waits for these. It waits no longer than `patience` for a handler that ignores
    /// its cancellation, and drops what that one still returns.
    awaitable<void> stop();
    void abandon();
    void restart();
    void forget(); ///< a later repeat is a new call
    /// The server closed with 1009 because of that answer: an error replaces it. 0: no answer.
    void answer_too_large(tool_request_id id);

    /// Starts the tools of the strand that have been asked for since. Not while a frame is being
    /// taken.
    void launch();

    static constexpr std::chrono::milliseconds patience{500};

    /// The answer of an execution.
    void ended(tool_request_id id, tool_answer answer);

    /// Adds to the counters of tools; any thread.
    void count(metrics_snapshot& into) const noexcept;

private:
    struct waiting_call {
        std::shared_ptr<const tool> called;
        tool_requested asked;
    };
    using running_call = std::weak_ptr<tool_execution>;
    struct tool_request {
        tool_request_id id;
        std::variant<waiting_call, running_call> state;
    };

    static awaitable<void> stop(std::shared_ptr<tool_runner> self);
    void resume(tool_input_t input);
    void perform(tool_actions actions);
    void perform(const tool_action::run& action);
    void perform(tool_action::answer& action);
    void perform(const tool_action::cancel& action);
    void perform(const tool_action::join& action);
    std::vector<tool_request>::iterator find(tool_request_id id);
    void forget_waiting(tool_request_id id);
    void watch_deadlines();
    bool any_left() const;
    void count_answer(const tool_action::answer& given) noexcept;

    const std::shared_ptr<clock_source> clock_;
    const detail::strand strand_;
    const asio::any_io_executor where_;
    const std::chrono::milliseconds timeout_;
    const std::size_t max_result_;
    const std::shared_ptr<closable_strand> owner_strand_;
    const logger log_;
    const std::shared_ptr<const redactor> gate_;
    const std::shared_ptr<telemetry::impl> telemetry_;
    std::weak_ptr<message_sink> sink_;

    tool_call_fsm fsm_;
    tool_request_id last_ = 0;
    std::vector<tool_request> all_;                       // that wait or run
    std::list<std::shared_ptr<tool_execution>> starting_; // on the strand itself
    condition changed_;
    std::unique_ptr<alarm> alarm_; // while calls run, for the first of their deadlines
    time_point alarm_at_{};

    std::atomic<std::uint64_t> calls_{0}, repeated_{0}, failed_{0}, forgotten_{0};
    std::array<std::atomic<std::uint64_t>, 1 + static_cast<std::size_t>(tool_outcome::shut_down)>
        outcomes_{}; // first answers
    std::atomic<std::chrono::milliseconds::rep> time_{0}, longest_{0};
};

} // namespace parley
