#include "message/message_router.hpp"

#include "core/log.hpp"
#include "dialect/parley/decoder.hpp"
#include "dialect/parley/encoder.hpp"
#include "dialect/parley/quoting.hpp"
#include "dialect/parley/server_frame.hpp"
#include "message/tool_registry.hpp"
#include "message/tool_runner.hpp"
#include "policy/reasoning_log.hpp"
#include "policy/surrogate_joiner.hpp"
#include "policy/token_bucket.hpp"

#include <fmt/format.h>

#include <atomic>
#include <new>
#include <utility>
#include <variant>

namespace parley {

namespace {

using counter = std::atomic<std::uint64_t>;

std::uint64_t value_of(const counter& of) { return of.load(std::memory_order_relaxed); }
/// On the strand alone: a store costs nothing, a locked addition as much as decoding a field.
void add_one(counter& to) { to.store(value_of(to) + 1, std::memory_order_relaxed); }

class router final : public message_router {
public:
    router(const asio::any_io_executor& strand, const environment_ptr& environment,
           message_router_options options)
        : strand_(strand), clock_(environment->clock()), options_(std::move(options)),
          gate_(options_.gate ? options_.gate : std::make_shared<const redactor>()),
          log_(options_.log, options_.log_threshold), decoder_(options_.limits) {}

    void attach(std::weak_ptr<message_sink> sink) override {
        sink_ = sink;
        taking_ = sink.lock().get();
    }

    void on_text(std::string_view text) override {
        add_one(received_);
        if (sink_.expired()) return;
        auto frame = decode(text);
        if (const auto ignored = decoder_.ignored(); ignored != 0)
            fields_ignored_.store(value_of(fields_ignored_) + ignored, std::memory_order_relaxed);
        size_ = text.size();
        if (!std::holds_alternative<text_delta>(frame)) wire::quote(frame, *gate_);
        std::visit([this](auto& one) { take(*taking_, std::move(one)); }, frame);
    }

    void on_binary(std::size_t size) override {
        add_one(received_);
        if (!sink_.expired())
            take(*taking_, message_skipped{skip_reason::binary, fmt::format("{} bytes", size)});
    }

    void after_read() override {
        if (runner_) runner_->launch();
    }

    void end_texts() override {
        if (sink_.expired()) return;
        end_text(*taking_);
        end_reasonings(*taking_);
    }

    void add_tools(std::vector<tool> added) override { tools_.add(std::move(added)); }
    void remove_tool(const std::string& name) override { tools_.remove(name); }
    void replace_tools(std::vector<tool> replaced) override { tools_.replace(std::move(replaced)); }
    std::vector<tool> tools() const override { return tools_.all(); }

    bool end_calls() override {
        stopped_ = true;
        end_texts();
        return !runner_ || runner_->end_calls();
    }
    awaitable<void> stop() override {
        stopped_ = true;
        end_texts();
        return runner_ ? runner_->stop() : nothing_runs();
    }
    void restart() override {
        stopped_ = false;
        if (runner_) runner_->restart();
    }
    void forget_answers() override {
        if (runner_) runner_->forget();
    }
    void answer_too_large(std::uint64_t id) override {
        if (runner_) runner_->answer_too_large(id);
    }
    void abandon() override {
        if (runner_) runner_->abandon();
        sink_.reset();
    }

    message_counts counts() const override {
        message_counts counts;
        counts.received = value_of(received_);
        counts.skipped = value_of(skipped_);
        counts.fields_ignored = value_of(fields_ignored_);
        counts.pings = value_of(pings_);
        counts.pings_unanswered = value_of(pings_unanswered_);
        counts.ping_answers = value_of(ping_answers_);
        if (const auto* runner = counted_.load(std::memory_order_acquire)) runner->count(counts);
        return counts;
    }

private:
    static awaitable<void> nothing_runs() { co_return; }

    /// Most sessions never have a tool called.
    tool_runner& runner() {
        if (runner_) return *runner_;
        auto made = std::make_shared<tool_runner>(strand_, clock_, options_.tools, options_.limits,
                                                  log_, gate_);
        made->attach(sink_);
        if (stopped_) made->end_calls();
        runner_ = std::move(made);
        counted_.store(runner_.get(), std::memory_order_release);
        return *runner_;
    }

    server_frame decode(std::string_view text) {
        try {
            return decoder_.decode(text);
        } catch (const std::bad_alloc&) {
            return message_skipped{skip_reason::too_large, "out of memory"};
        }
    }

    void take(message_sink& sink, session_established&&) {
        end_texts(); // of a session that was lost
        sink.on_session_established();
    }
    void take(message_sink& sink, authentication_refused&& refused) {
        sink.on_authentication_refused(gate_->quote(refused.error), gate_->quote(refused.code));
    }
    void take(message_sink& sink, tools_acknowledged&& acknowledged) {
        sink.on_tools_acknowledged(acknowledged.update);
    }
    void take(message_sink& sink, configuration_requested&&) { sink.on_configuration_requested(); }

    void take(message_sink&, tool_requested&& asked) {
        auto called = tools_.find(asked.name);
        runner().request(std::move(asked), std::move(called), size_);
    }

    void take(message_sink& sink, ping_received&& ping) {
        add_one(pings_);
        if (!pongs_.take(clock_->now())) return add_one(pings_unanswered_);
        sink.send_control(encode_heartbeat_pong(clock_->wall_now(), ping));
    }
    void take(message_sink&, ping_acknowledged&&) { add_one(ping_answers_); }

    void take(message_sink& sink, text_delta&& delta) {
        const bool empty = delta.text.empty();
        halves_.join(delta.text);
        if (empty || !delta.text.empty()) sink.on_event(std::move(delta));
    }

    void take(message_sink& sink, reasoning_started&& started) {
        pass_on(sink, reasonings_.start(clock_->now(), std::move(started.id)));
    }
    void take(message_sink& sink, reasoning_delta&& delta) {
        const bool empty = delta.text.empty();
        if (reasonings_.grow(delta.id, delta.text)) {
            if (empty || !delta.text.empty()) sink.on_event(std::move(delta));
            return;
        }
        pass_on(sink, reasonings_.delta(clock_->now(), std::move(delta.id), std::move(delta.text)));
    }
    void take(message_sink& sink, reasoning_finished&& finished) {
        pass_on(sink, reasonings_.end(clock_->now(), finished.id));
    }

    void take(message_sink& sink, chat_finished&& finished) {
        end_texts();
        sink.on_event(std::move(finished));
    }
    void take(message_sink& sink, chat_failed&& failed) {
        end_texts();
        sink.on_event(std::move(failed));
    }

    void take(message_sink& sink, message_skipped&& skipped) {
        add_one(skipped_);
        log_skipped(skipped);
        sink.on_event(std::move(skipped));
    }

    template <class Event> // what goes to the user as it is
    void take(message_sink& sink, Event&& happened) {
        sink.on_event(std::forward<Event>(happened));
    }

    void end_text(message_sink& sink) {
        if (halves_.holds()) sink.on_event(text_delta{std::string(halves_.end())});
    }
    void end_reasonings(message_sink& sink) {
        if (reasonings_.open() != 0) pass_on(sink, reasonings_.end_all(clock_->now()));
    }

    static void pass_on(message_sink& sink, std::vector<event> events) {
        for (auto& one : events)
            sink.on_event(std::move(one));
    }

    // Each is an event, but a server that sends nothing else does not fill the log.
    void log_skipped(const message_skipped& skipped) {
        if (!log_.enabled(log_level::warning)) return;
        if (!lines_.take(clock_->now())) {
            ++lines_left_out_;
            return;
        }
        const auto others = std::exchange(lines_left_out_, 0);
        log_.write(log_level::warning,
                   fmt::format("a frame was skipped: {} ({}){}", to_string(skipped.reason),
                               skipped.detail,
                               others ? fmt::format("; {} more before it", others) : ""));
    }

    const asio::any_io_executor strand_;
    const std::shared_ptr<clock_source> clock_;
    const message_router_options options_;
    const std::shared_ptr<const redactor> gate_;
    const logger log_;
    decoder decoder_;
    tool_registry tools_;
    std::shared_ptr<tool_runner> runner_;              // once a tool was called
    std::atomic<const tool_runner*> counted_{nullptr}; // the same, for any thread
    bool stopped_ = false;                             // no call is taken
    std::weak_ptr<message_sink> sink_;
    message_sink* taking_ = nullptr; // while sink_ has not expired

    surrogate_joiner halves_; // of the answer
    reasoning_log reasonings_;
    token_bucket pongs_{10, 10}; // at once, and a second
    token_bucket lines_{10, 1};  // likewise
    std::uint64_t lines_left_out_ = 0;
    std::size_t size_ = 0; // of the frame that is being taken

    counter received_{0}, skipped_{0}, fields_ignored_{0}, pings_{0}, pings_unanswered_{0},
        ping_answers_{0};
};

} // namespace

std::shared_ptr<message_router> message_router::make(asio::any_io_executor strand,
                                                     environment_ptr environment,
                                                     message_router_options options) {
    return std::make_shared<router>(strand, environment, std::move(options));
}

} // namespace parley
