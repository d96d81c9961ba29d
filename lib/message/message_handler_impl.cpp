#include "message/message_handler_impl.hpp"

#include "dialect/parley/encoder.hpp"
#include "dialect/parley/frame_table.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>
#include <variant>

namespace parley {

namespace {

awaitable<void> nothing_runs() { co_return; }

} // namespace

message_handler::impl::impl(const asio::any_io_executor& strand, const environment_ptr& environment,
                            const message_handler_options& options,
                            std::shared_ptr<const redactor> gate, event_queue::before_first unread)
    : telemetry_source(telemetry::impl::of(options.telemetry)), strand_(strand),
      clock_(environment->clock()), tool_settings_(options.tools), limits_(options.limits),
      gate_(gate ? std::move(gate) : std::make_shared<const redactor>()),
      log_(options.log, options.log_threshold), decoder_(limits_),
      events_(strand_, clock_, limits_, unread), tools_(counted().get()) {
    enter();
}

void message_handler::impl::attach(std::weak_ptr<message_sink> sink) {
    sink_ = sink.lock().get();
    attached_ = std::move(sink);
}

void message_handler::impl::on_text(std::string_view text) {
    add(received_);
    if (attached_.expired()) return;
    auto frame = decode(text);
    if (const auto ignored = decoder_.ignored(); ignored != 0) add(fields_ignored_, ignored);
    frame_size_ = text.size();
    if (!std::holds_alternative<text_delta>(frame)) wire::quote(frame, *gate_);
    std::visit([this](auto& one) { take(std::move(one)); }, frame);
}

void message_handler::impl::on_binary(std::size_t size) {
    add(received_);
    if (!attached_.expired())
        take(message_skipped{skip_reason::binary, fmt::format("{} bytes", size)});
}

server_frame message_handler::impl::decode(std::string_view text) {
    try {
        return decoder_.decode(text);
    } catch (const std::bad_alloc&) {
        return message_skipped{skip_reason::too_large, "out of memory"};
    }
}

void message_handler::impl::after_read() {
    if (runner_) runner_->launch();
}

void message_handler::impl::end_texts() {
    if (attached_.expired()) return;
    if (halves_.holds()) sink_->on_event(text_delta{std::string(halves_.end())});
    if (reasonings_.open() != 0) pass_on(reasonings_.end_all(clock_->now()));
}

bool message_handler::impl::end_calls() {
    takes_calls_ = false;
    end_texts();
    return !runner_ || runner_->end_calls();
}

awaitable<void> message_handler::impl::stop_calls() {
    takes_calls_ = false;
    end_texts();
    return runner_ ? runner_->stop() : nothing_runs();
}

void message_handler::impl::restart() {
    takes_calls_ = true;
    events_.reopen();
    if (runner_) runner_->restart();
}

void message_handler::impl::abandon() noexcept {
    const auto end_tools = [this] {
        if (runner_) runner_->abandon();
    };
    const auto end_events = [this] { events_.abort(); };
    take_all(log_, end_tools, end_events);
    attached_.reset();
}

void message_handler::impl::forget_answers() {
    if (runner_) runner_->forget();
}

void message_handler::impl::answer_too_large(std::uint64_t id) {
    if (runner_) runner_->answer_too_large(id);
}

/// Made at the first call: most sessions have none.
tool_runner& message_handler::impl::runner() {
    if (runner_) return *runner_;
    auto made = std::make_shared<tool_runner>(strand_, clock_, tool_settings_, limits_, log_, gate_,
                                              counted());
    made->attach(attached_);
    if (!takes_calls_) made->end_calls();
    runner_ = std::move(made);
    counted_.store(runner_.get(), std::memory_order_release);
    return *runner_;
}

void message_handler::impl::take(session_established&&) {
    end_texts(); // of a session that was lost
    sink_->on_session_established();
}

void message_handler::impl::take(authentication_refused&& refused) {
    sink_->on_authentication_refused(gate_->quote(refused.error), gate_->quote(refused.code));
}

void message_handler::impl::take(tools_acknowledged&& acknowledged) {
    sink_->on_tools_acknowledged(acknowledged.update);
}

void message_handler::impl::take(configuration_requested&&) { sink_->on_configuration_requested(); }

void message_handler::impl::take(tool_requested&& asked) {
    auto called = tools_.find(asked.name);
    runner().request(std::move(asked), std::move(called), frame_size_);
}

void message_handler::impl::take(ping_received&& ping) {
    add(pings_);
    if (!pongs_.take(clock_->now())) return add(pings_unanswered_);
    sink_->send_control(encode_heartbeat_pong(clock_->wall_now(), ping));
}

void message_handler::impl::take(ping_acknowledged&&) { add(ping_answers_); }

void message_handler::impl::take(text_delta&& delta) {
    const bool empty = delta.text.empty();
    halves_.join(delta.text);
    if (empty || !delta.text.empty()) sink_->on_event(std::move(delta));
}

void message_handler::impl::take(reasoning_started&& started) {
    pass_on(reasonings_.start(clock_->now(), std::move(started.id)));
}

void message_handler::impl::take(reasoning_delta&& delta) {
    const bool empty = delta.text.empty();
    if (!reasonings_.grow(delta.id, delta.text))
        pass_on(reasonings_.delta(clock_->now(), std::move(delta.id), std::move(delta.text)));
    else if (empty || !delta.text.empty())
        sink_->on_event(std::move(delta));
}

void message_handler::impl::take(reasoning_finished&& finished) {
    pass_on(reasonings_.end(clock_->now(), finished.id));
}

void message_handler::impl::take(chat_finished&& finished) {
    end_texts();
    sink_->on_event(std::move(finished));
}

void message_handler::impl::take(chat_failed&& failed) {
    end_texts();
    sink_->on_event(std::move(failed));
}

void message_handler::impl::take(message_skipped&& skipped) {
    add(skipped_);
    if (counted()) counted()->count<metric::messages_skipped>(1, skipped.reason);
    log_skipped(skipped);
    sink_->on_event(std::move(skipped));
}

void message_handler::impl::pass_on(std::vector<event> events) {
    for (auto& one : events)
        sink_->on_event(std::move(one));
}

// Every skipped frame is an event; the log lines are limited.
void message_handler::impl::log_skipped(const message_skipped& skipped) {
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

// Only the strand writes: a load and a store are cheaper than an atomic addition.
void message_handler::impl::add(counter& to, std::uint64_t more) {
    to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

void message_handler::impl::add_counters(metric_readings& to) const noexcept {
    to.add<metric::fields_ignored>(fields_ignored_);
    to.add<metric::events_dropped>(events_.dropped());
}

void message_handler::impl::count(metrics_snapshot& into) const {
    into.messages_received = received_;
    into.messages_skipped = skipped_;
    into.fields_ignored = fields_ignored_;
    into.heartbeat_pings = pings_;
    into.heartbeat_pings_unanswered = pings_unanswered_;
    into.heartbeat_acks = ping_answers_;
    into.events_dropped = events_.dropped();
    if (const auto* runner = counted_.load(std::memory_order_acquire)) runner->count(into);
}

} // namespace parley
