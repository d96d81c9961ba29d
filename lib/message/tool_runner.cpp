#include "message/tool_runner.hpp"

#include "core/text.hpp"
#include "dialect/parley/encoder.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace parley {

namespace {

tool_limits limits_of(const tool_config& config) {
    tool_limits limits;
    limits.max_running = config.max_running;
    limits.max_waiting = config.max_waiting;
    return limits;
}

constexpr std::size_t max_error = 1'000;
constexpr std::size_t longest_unknown_name = 256;

// The text of an exception goes to the server and to the model. It is redacted before it is cut,
// so that no half of a secret is left.
std::string error_text(std::string_view thrown, const redactor& gate) {
    const auto what = gate.redact(thrown);
    if (what.size() <= max_error) return to_valid_utf8(what);
    auto end = max_error;
    while (end > max_error - 3 && (static_cast<unsigned char>(what[end]) & 0xC0) == 0x80)
        --end; // between two characters
    return to_valid_utf8(std::string_view(what).substr(0, end)) + "…";
}

} // namespace

tool_runner::tool_runner(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                         const tool_config& config, const limits_config& limits, logger log,
                         std::shared_ptr<const redactor> gate, std::shared_ptr<telemetry::impl> to)
    : clock_(clock), strand_(detail::strand::of(strand)),
      where_(config.executor ? config.executor : strand_.executor()), timeout_(config.timeout),
      max_result_(limits.queue_bytes), owner_strand_(std::make_shared<closable_strand>(strand_)),
      log_(log), gate_(gate ? std::move(gate) : std::make_shared<const redactor>()),
      telemetry_(std::move(to)), fsm_(limits_of(config)), changed_(strand_, clock) {}

tool_runner::~tool_runner() { owner_strand_->close(); }

void tool_runner::request(tool_requested asked, std::shared_ptr<const tool> called,
                          std::size_t bytes) {
    calls_.fetch_add(1, std::memory_order_relaxed);
    tool_input::requested input;
    input.id = ++last_;
    input.call_id = asked.call_id;
    input.numeric_id = asked.numeric_id;
    input.name = asked.name;
    input.identity =
        call_identity(asked.call_id, asked.numeric_id, asked.name, asked.parameters.view());
    // The name of an unknown tool is text of the server.
    if (!called) input.name = gate_->quote(asked.name, longest_unknown_name).text();
    input.known = called != nullptr;
    input.valid = asked.parameters_valid;
    input.timeout = called ? called->timeout().value_or(timeout_) : timeout_;
    if (called && called->max_running()) input.max_running = *called->max_running();
    if (called) input.max_waiting = called->max_waiting();
    input.bytes = bytes;
    all_.push_back(tool_request{input.id, waiting_call{std::move(called), std::move(asked)}});
    perform(fsm_.resume(clock_->now(), std::move(input)));
}

void tool_runner::resume(tool_input_t input) {
    perform(fsm_.resume(clock_->now(), std::move(input)));
    if (!starting_.empty())
        strand_.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->launch();
        });
    watch_deadlines();
}

void tool_runner::perform(tool_actions actions) {
    for (auto& action : actions)
        std::visit([this](auto& one) { perform(one); }, action);
    forgotten_.store(fsm_.forgotten(), std::memory_order_relaxed);
    changed_.notify_all();
}

void tool_runner::perform(const tool_action::run& action) {
    auto& state = find(action.id)->state;
    auto [called, asked] = std::move(std::get<waiting_call>(state));
    tool_started happened{asked.name, asked.call_id, asked.parameters};
    tool_call call(std::move(asked.name), std::move(asked.call_id), std::move(asked.parameters),
                   action.deadline);
    const auto& where = called->executor() ? called->executor() : where_;
    const auto execution = std::make_shared<tool_execution>(
        where, owner_strand_, called, std::move(call), weak_from_this(), action.id);
    state = execution;
    if (const auto sink = sink_.lock()) sink->on_event(std::move(happened));
    if (execution->where().executor() == strand_.executor())
        starting_.push_back(execution);
    else
        execution->post();
}

std::vector<tool_runner::tool_request>::iterator tool_runner::find(tool_request_id id) {
    return std::find_if(all_.begin(), all_.end(), [id](const auto& one) { return one.id == id; });
}

void tool_runner::forget_waiting(tool_request_id id) {
    const auto found = find(id);
    if (found != all_.end() && std::holds_alternative<waiting_call>(found->state))
        all_.erase(found);
}

void tool_runner::perform(tool_action::answer& action) {
    forget_waiting(action.id);
    auto& [outcome, result, error] = action.what;
    count_answer(action);
    if (log_.enabled(log_level::debug))
        log_.write(log_level::debug,
                   fmt::format("tool {}: {}{} after {} ms", shorten_and_escape(action.name),
                               to_string(outcome),
                               action.turn == answer_turn::again ? ", again," : "",
                               action.duration.count()));
    const auto sink = sink_.lock();
    if (!sink) return;
    sink->send_answer(result ? encode_tool_result(action.call_id, *result, action.numeric_id)
                             : encode_tool_error(action.call_id, error, action.numeric_id),
                      action.id);
    if (action.turn == answer_turn::again)
        return sink->on_event(
            tool_answer_repeated{std::move(action.name), std::move(action.call_id)});
    sink->on_event(tool_finished{std::move(action.name), std::move(action.call_id), outcome,
                                 std::move(result), std::move(error), action.duration});
}

void tool_runner::count_answer(const tool_action::answer& given) noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    if (given.turn == answer_turn::again) repeated_.fetch_add(1, relaxed);
    if (given.turn != answer_turn::first) return;
    if (telemetry_) telemetry_->observe_tool(given.name, given.what.outcome, given.duration);
    if (!given.what.result) failed_.fetch_add(1, relaxed);
    outcomes_[static_cast<std::size_t>(given.what.outcome)].fetch_add(1, relaxed);
    const auto took = given.duration.count();
    time_.fetch_add(took, relaxed);
    longest_.store(std::max(longest_.load(relaxed), took), relaxed); // written on the strand only
}

void tool_runner::perform(const tool_action::cancel& action) {
    const auto found = find(action.id);
    if (found == all_.end()) return;
    if (const auto execution = std::get<running_call>(found->state).lock()) execution->cancel();
}

void tool_runner::perform(const tool_action::join& action) {
    forget_waiting(action.id);
    repeated_.fetch_add(1, std::memory_order_relaxed);
}

void tool_runner::ended(tool_request_id id, tool_answer answer) {
    if (const auto found = find(id); found != all_.end()) all_.erase(found);
    if (!answer.result) answer.error = error_text(answer.error, *gate_);
    if (answer.result && answer.result->view().size() > max_result_)
        answer = tool_answer(tool_outcome::failed,
                             fmt::format("The result is larger than {} bytes", max_result_));
    tool_input::ended input;
    input.id = id;
    input.answer = std::move(answer);
    resume(std::move(input));
}

// After an exception (out of memory) the remaining executions wait for the next launch.
void tool_runner::launch() {
    while (!starting_.empty()) {
        const auto next = std::move(starting_.front());
        starting_.pop_front();
        next->launch();
    }
    watch_deadlines();
}

void tool_runner::watch_deadlines() {
    const auto due = fsm_.next_deadline();
    if (due == time_point::max()) return alarm_.reset();
    if (alarm_ && alarm_at_ == due) return;
    const auto expire = [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->alarm_at_ = time_point::max();
        take_all(self->log_, [&self] { self->resume(tool_input::time_passed()); });
    };
    const auto set = [&] {
        if (!alarm_) alarm_ = clock_->make_alarm(strand_);
        alarm_->call_at(alarm_at_ = due, expire);
    };
    take_all(log_, set); // out of memory: no call ends at its deadline until the next one
}

bool tool_runner::any_left() const {
    return std::any_of(all_.begin(), all_.end(), [](const auto& one) {
        const auto* running = std::get_if<running_call>(&one.state);
        return running && !running->expired();
    });
}

bool tool_runner::end_calls() {
    resume(tool_input::stopping());
    return !any_left();
}

awaitable<void> tool_runner::stop() { return stop(shared_from_this()); }

awaitable<void> tool_runner::stop(std::shared_ptr<tool_runner> self) {
    if (self->end_calls()) co_return;
    const auto limit = after(self->clock_->now(), patience);
    while (self->any_left() && self->clock_->now() < limit)
        co_await self->changed_.wait_until(limit);
}

void tool_runner::abandon() {
    const auto stop_calls = [this] { resume(tool_input::stopping()); };
    const auto leave = [this] { owner_strand_->close(); };
    const auto end_stop = [this] { // `stop` returns
        all_.clear();
        changed_.notify_all();
    };
    take_all(log_, stop_calls, leave, end_stop);
}

void tool_runner::forget() { resume(tool_input::forgotten()); }

void tool_runner::answer_too_large(tool_request_id id) {
    tool_input::too_large input;
    input.id = id;
    auto actions = fsm_.resume(clock_->now(), input);
    if (!actions.empty())
        log_.write(log_level::warning, "the server closed because a tool's result is too large");
    perform(std::move(actions));
}

void tool_runner::restart() { resume(tool_input::restarted()); }

void tool_runner::count(metrics_snapshot& into) const noexcept {
    const auto ended_with = [this](tool_outcome outcome) {
        return outcomes_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
    };
    into.tool_calls = calls_;
    into.tool_calls_repeated = repeated_;
    into.tool_calls_failed = failed_;
    into.tool_calls_threw = ended_with(tool_outcome::failed);
    into.tool_calls_not_found = ended_with(tool_outcome::not_found);
    into.tool_calls_timed_out = ended_with(tool_outcome::timed_out);
    into.tool_calls_busy = ended_with(tool_outcome::busy);
    into.tool_calls_invalid = ended_with(tool_outcome::invalid_parameters);
    into.tool_calls_shut_down = ended_with(tool_outcome::shut_down);
    into.tool_answers_forgotten = forgotten_;
    into.tool_time = std::chrono::milliseconds(time_.load());
    into.tool_time_longest = std::chrono::milliseconds(longest_.load());
}

} // namespace parley
