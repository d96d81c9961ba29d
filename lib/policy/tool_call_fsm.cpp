#include "policy/tool_call_fsm.hpp"

#include "dialect/parley/encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley {

namespace {

tool_answer refusal(tool_outcome why, const std::string& name) {
    return {why, tool_error_text(why, name)};
}

/// Whether the tool ran. The other outcomes are refusals.
bool is_outcome(const tool_answer& answer) noexcept {
    return answer.outcome == tool_outcome::succeeded || answer.outcome == tool_outcome::failed ||
           answer.outcome == tool_outcome::timed_out;
}

std::chrono::milliseconds whole_milliseconds(time_point from, time_point to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time_between(from, to));
}

} // namespace

std::string call_identity(std::string_view call_id, bool numeric_id, std::string_view name,
                          std::string_view parameters) {
    if (call_id.empty()) return {};
    // With the sizes in front no two calls are spelled alike.
    auto out = fmt::format("{}{}:{}:", numeric_id ? 'n' : 't', call_id.size(), name.size());
    return out.append(call_id).append(name).append(parameters);
}

tool_call_fsm::tool_call_fsm(tool_limits limits) : limits_(limits) {
    limits_.max_running = std::max(limits_.max_running, 1u);
    limits_.remembered = std::max<std::size_t>(limits_.remembered, 1);
}

tool_actions tool_call_fsm::resume(time_point now, tool_input_t input) {
    actions out;
    std::visit([&](auto& in) { on(now, in, out); }, input);
    return out;
}

void tool_call_fsm::on(time_point now, tool_input::requested& request, actions& out) {
    if (const auto known = remembered_.find(request.identity); known != remembered_.end()) {
        order_.splice(order_.end(), order_, known->second);
        known->second->answer.id = request.id;
        out.push_back(known->second->answer);
        return;
    }
    if (!request.identity.empty() && under_way(request.identity)) {
        out.push_back(tool_action::join{request.id});
        return;
    }
    const auto refused = [&](tool_outcome why) { refuse(std::move(request), why, out); };
    if (stopping_) return refused(tool_outcome::shut_down);
    if (!request.known) return refused(tool_outcome::not_found);
    if (!request.valid) return refused(tool_outcome::invalid_parameters);
    if (stuck_.size() >= limits_.max_stuck) return refused(tool_outcome::busy);
    if (may_run(request)) return start(now, std::move(request), out);
    if (!may_wait(request)) return refused(tool_outcome::busy);
    waiting_bytes_ += request.bytes;
    waiting_.push_back(std::move(request));
}

void tool_call_fsm::on(time_point now, tool_input::ended& ended, actions& out) {
    const auto found = std::find_if(running_.begin(), running_.end(), [&ended](const auto& each) {
        return each.request.id == ended.id;
    });
    if (found == running_.end()) {
        stuck_.erase(ended.id);
        return;
    }
    run done = std::move(*found);
    running_.erase(found);
    if (ended.answer.outcome == tool_outcome::failed && ended.answer.error.empty())
        ended.answer = refusal(tool_outcome::failed, done.request.name);
    answer(std::move(done.request), whole_milliseconds(done.started, now), std::move(ended.answer),
           out);
    start_waiting(now, out);
}

void tool_call_fsm::on(time_point now, tool_input::time_passed&, actions& out) {
    for (auto next = running_.begin(); next != running_.end();) {
        if (next->deadline > now) {
            ++next;
            continue;
        }
        run late = std::move(*next);
        next = running_.erase(next);
        give_up(now, std::move(late), tool_outcome::timed_out, out);
    }
    start_waiting(now, out);
}

void tool_call_fsm::on(time_point now, tool_input::stopping&, actions& out) {
    stopping_ = true;
    auto running = std::exchange(running_, {});
    for (auto& one : running)
        give_up(now, std::move(one), tool_outcome::shut_down, out);
    auto waiting = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    for (auto& one : waiting)
        refuse(std::move(one), tool_outcome::shut_down, out);
}

void tool_call_fsm::on(time_point, tool_input::restarted&, actions&) { stopping_ = false; }

bool tool_call_fsm::may_run(const tool_input::requested& request) const {
    if (running_.size() >= limits_.max_running) return false;
    if (request.max_running == 0) return true;
    const auto same = std::count_if(running_.begin(), running_.end(), [&request](const auto& each) {
        return each.request.name == request.name;
    });
    return static_cast<std::size_t>(same) < request.max_running;
}

bool tool_call_fsm::may_wait(const tool_input::requested& request) const {
    if (request.max_waiting) {
        const auto same = std::count_if(waiting_.begin(), waiting_.end(),
                                        [&](const auto& one) { return one.name == request.name; });
        if (static_cast<std::size_t>(same) >= *request.max_waiting) return false;
    }
    return waiting_.size() < limits_.max_waiting &&
           request.bytes <= limits_.waiting_bytes - std::min(waiting_bytes_, limits_.waiting_bytes);
}

void tool_call_fsm::start(time_point now, tool_input::requested request, actions& out) {
    const auto id = request.id;
    const auto deadline = after(now, request.timeout);
    running_.push_back(run{std::move(request), now, deadline});
    out.push_back(tool_action::run{id, deadline});
}

void tool_call_fsm::start_waiting(time_point now, actions& out) {
    for (auto next = waiting_.begin();
         next != waiting_.end() && running_.size() < limits_.max_running;) {
        if (!may_run(*next)) {
            ++next;
            continue;
        }
        auto request = std::move(*next);
        next = waiting_.erase(next);
        waiting_bytes_ -= request.bytes;
        start(now, std::move(request), out);
    }
}

void tool_call_fsm::give_up(time_point now, run given_up, tool_outcome why, actions& out) {
    const auto id = given_up.request.id;
    auto answered = refusal(why, given_up.request.name);
    stuck_.insert(id);
    answer(std::move(given_up.request), whole_milliseconds(given_up.started, now),
           std::move(answered), out);
    out.push_back(tool_action::cancel{id});
}

void tool_call_fsm::refuse(tool_input::requested request, tool_outcome why, actions& out) {
    auto refused = refusal(why, request.name);
    answer(std::move(request), std::chrono::milliseconds(0), std::move(refused), out);
}

void tool_call_fsm::answer(tool_input::requested request, std::chrono::milliseconds duration,
                           tool_answer what, actions& out) {
    tool_action::answer said{request.id,         std::move(request.call_id),
                             request.numeric_id, std::move(request.name),
                             std::move(what),    duration,
                             answer_turn::first};
    if (is_outcome(said.what) && !request.identity.empty())
        remember(std::move(request.identity), said);
    out.push_back(std::move(said));
}

bool tool_call_fsm::under_way(const std::string& identity) const {
    return std::any_of(running_.begin(), running_.end(),
                       [&](const auto& each) { return each.request.identity == identity; }) ||
           std::any_of(waiting_.begin(), waiting_.end(),
                       [&](const auto& each) { return each.identity == identity; });
}

void tool_call_fsm::on(time_point, tool_input::forgotten&, actions&) {
    remembered_.clear();
    order_.clear();
    remembered_bytes_ = 0;
}

void tool_call_fsm::on(time_point, tool_input::too_large& refused, actions& out) {
    const auto found = std::find_if(order_.begin(), order_.end(), [&refused](const auto& each) {
        return each.answer.id == refused.id;
    });
    if (found == order_.end()) return;
    auto& known = found->answer;
    if (!known.what.result) return; // an error is as short as can be
    remembered_bytes_ -= found->bytes();
    known.what = tool_answer(tool_outcome::failed, tool_result_too_large_text(known.name));
    remembered_bytes_ += found->bytes();
    auto instead = known;
    instead.turn = answer_turn::instead;
    out.push_back(std::move(instead));
}

std::size_t tool_call_fsm::memory::bytes() const noexcept {
    const auto& what = answer.what;
    return identity.size() + answer.call_id.size() + answer.name.size() + what.error.size() +
           (what.result ? what.result->view().size() : 0);
}

void tool_call_fsm::remember(std::string identity, tool_action::answer answered) {
    answered.duration = std::chrono::milliseconds(0);
    answered.turn = answer_turn::again;
    order_.push_back(memory{std::move(identity), std::move(answered)});
    remembered_bytes_ += order_.back().bytes();
    remembered_.emplace(order_.back().identity, std::prev(order_.end()));
    const auto full = [this] {
        return order_.size() > limits_.remembered || remembered_bytes_ > limits_.remembered_bytes;
    };
    while (full() && order_.size() > 1)
        forget_oldest();
}

void tool_call_fsm::forget_oldest() {
    remembered_bytes_ -= order_.front().bytes();
    remembered_.erase(order_.front().identity);
    order_.pop_front();
    ++forgotten_;
}

time_point tool_call_fsm::next_deadline() const noexcept {
    auto next = time_point::max();
    for (const auto& one : running_)
        next = std::min(next, one.deadline);
    return next;
}

} // namespace parley
