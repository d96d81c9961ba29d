#include "policy/run_fsm.hpp"

#include <algorithm>
#include <utility>

namespace parley {

run_fsm::run* run_fsm::find(run_id id) {
    const auto at = std::ranges::find(runs_, id, &run::id);
    return at == runs_.end() ? nullptr : &*at;
}

const run_fsm::run* run_fsm::front() const {
    const auto at =
        std::ranges::find_if(runs_, [](const run& one) { return one.at != step::queued; });
    return at == runs_.end() ? nullptr : &*at;
}

run_fsm::run_id run_fsm::add(listener who, std::optional<std::string> provider_res_id) {
    if (provider_res_id == left_) left_.reset(); // gone back to
    runs_.push_back(run{++last_, who, step::queued, std::move(provider_res_id)});
    return last_;
}

run_fsm::run_id run_fsm::add_first(listener who) {
    const auto added = add(who, std::nullopt);
    runs_.back().first = true;
    if (next_) left_ = std::move(next_);
    next_.reset();
    named_.reset();
    finished_.reset();
    return added;
}

void run_fsm::writing(run_id id) {
    if (auto* found = find(id)) found->at = step::writing;
}

void run_fsm::written(run_id id) {
    if (auto* found = find(id)) found->at = step::written;
}

void run_fsm::drop(run_id id) {
    erase_if([id](const run& one) { return one.id == id; });
}

template <class Condition>
void run_fsm::erase_if(Condition holds) {
    std::erase_if(runs_, [&](const run& one) {
        if (!holds(one)) return false;
        if (one.first) left_.reset();
        return true;
    });
}

void run_fsm::disown(run_id id) {
    auto* found = find(id);
    if (!found) return;
    found->who = listener::everybody;
    found->disowned = true;
}

void run_fsm::discard(run_id id, time_point until) {
    auto* found = find(id);
    if (!found) return;
    found->who = listener::nobody;
    found->until = until;
}

void run_fsm::pass_time(time_point now) {
    erase_if([now](const run& one) { return one.until <= now; });
}

time_point run_fsm::next_deadline() const {
    auto earliest = time_point::max();
    for (const auto& one : runs_)
        earliest = std::min(earliest, one.until);
    return earliest;
}

std::optional<run_fsm::run_id> run_fsm::current() const {
    const auto* first = front();
    return first ? std::optional(first->id) : std::nullopt;
}

std::optional<run_fsm::run_id> run_fsm::collected() const {
    return listening() == listener::asker ? current() : std::nullopt;
}

run_fsm::listener run_fsm::listening() const {
    const auto* first = front();
    return first ? first->who : listener::everybody;
}

bool run_fsm::disowned() const { return std::ranges::any_of(runs_, &run::disowned); }

bool run_fsm::known(run_id id) const {
    return std::ranges::find(runs_, id, &run::id) != runs_.end();
}

run_fsm::state run_fsm::now() const { return front() ? state::running : ended_; }

std::optional<run_fsm::run_id> run_fsm::finish(bool failed) {
    const auto ended = current();
    if (!ended) return ended;
    drop(*ended);
    ended_ = failed ? state::failed : state::finished;
    return ended;
}

unsigned run_fsm::lose() {
    if (front()) ended_ = state::failed;
    const auto sent = std::ranges::count(runs_, step::written, &run::at);
    erase_if([](const run& one) { return one.at != step::queued; });
    return static_cast<unsigned>(sent);
}

bool run_fsm::is_news(const std::string& conversation) {
    if (conversation.empty()) return false;
    const auto* on = front();
    const bool of_one_before =
        std::ranges::any_of(runs_, [on](const run& one) { return one.first && &one != on; });
    if (of_one_before) left_ = conversation;
    if (left_ == conversation) return false;
    left_.reset();
    return true;
}

void run_fsm::conversation_named(std::string provider_res_id) {
    if (!is_news(provider_res_id)) return;
    next_ = provider_res_id;
    named_ = std::move(provider_res_id);
}

void run_fsm::conversation_finished(std::string next, std::string to_stop) {
    const auto* on = front();
    if (on && on->first) left_.reset();
    if (!is_news(next)) return;
    next_ = std::move(next);
    finished_ = std::move(to_stop);
}

std::string run_fsm::conversation() const {
    const auto* first = front();
    if (first && first->provider_res_id) return *first->provider_res_id;
    if (named_) return *named_;
    return finished_.value_or("");
}

} // namespace parley
