#include "dialect/parley/run_fsm.hpp"

#include <algorithm>
#include <utility>

namespace parley {

run_fsm::run* run_fsm::find(run_id id) {
    if (const auto at = on_server_.find(id); at != on_server_.end()) return &at->second;
    const auto at = queued_.find(id);
    return at == queued_.end() ? nullptr : &at->second;
}

const run_fsm::run* run_fsm::front() const {
    return on_server_.empty() ? nullptr : &on_server_.begin()->second;
}

run_fsm::run_id run_fsm::add(listener who, std::optional<std::string> provider_res_id) {
    if (provider_res_id == left_) left_.reset(); // gone back to
    queued_.emplace_hint(queued_.end(), ++last_, run{who, std::move(provider_res_id)});
    return last_;
}

run_fsm::run_id run_fsm::add_first(listener who) {
    const auto added = add(who, std::nullopt);
    firsts_.insert(added);
    if (next_) left_ = std::move(next_);
    next_.reset();
    named_.reset();
    finished_.reset();
    return added;
}

void run_fsm::writing(run_id id) {
    if (auto moved = queued_.extract(id)) on_server_.insert(on_server_.end(), std::move(moved));
}

void run_fsm::written(run_id id) {
    writing(id);
    if (auto* found = find(id)) found->whole = true;
}

void run_fsm::drop(run_id id) {
    if (queued_.erase(id) + on_server_.erase(id) == 0) return;
    if (firsts_.erase(id) != 0) left_.reset();
    disowned_.erase(id);
    discarded_.erase(id);
}

void run_fsm::disown(run_id id) {
    auto* found = find(id);
    if (!found) return;
    found->who = listener::everybody;
    disowned_.insert(id);
}

void run_fsm::discard(run_id id, time_point until) {
    auto* found = find(id);
    if (!found) return;
    found->who = listener::nobody;
    discarded_.insert_or_assign(id, until);
}

std::vector<run_fsm::run_id> run_fsm::pass_time(time_point now) {
    std::vector<run_id> dropped;
    for (const auto& [id, until] : discarded_)
        if (until <= now) dropped.push_back(id);
    for (const auto id : dropped)
        drop(id);
    return dropped;
}

time_point run_fsm::next_deadline() const {
    auto earliest = time_point::max();
    for (const auto& [id, until] : discarded_)
        earliest = std::min(earliest, until);
    return earliest;
}

std::optional<run_fsm::run_id> run_fsm::current() const {
    return on_server_.empty() ? std::nullopt : std::optional(on_server_.begin()->first);
}

std::optional<run_fsm::run_id> run_fsm::collected() const {
    return listening() == listener::asker ? current() : std::nullopt;
}

run_fsm::listener run_fsm::listening() const {
    const auto* first = front();
    return first ? first->who : listener::everybody;
}

bool run_fsm::known(run_id id) const { return on_server_.contains(id) || queued_.contains(id); }

std::optional<run_fsm::run_id> run_fsm::finish() {
    const auto ended = current();
    if (ended) drop(*ended);
    return ended;
}

unsigned run_fsm::lose() {
    unsigned sent = 0;
    while (!on_server_.empty()) {
        if (front()->whole) ++sent;
        drop(on_server_.begin()->first);
    }
    return sent;
}

bool run_fsm::is_first(std::optional<run_id> id) const { return id && firsts_.contains(*id); }

bool run_fsm::is_news(const std::string& conversation) {
    if (conversation.empty()) return false;
    const bool of_one_before = firsts_.size() > (is_first(current()) ? 1u : 0u);
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
    if (is_first(current())) left_.reset();
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
