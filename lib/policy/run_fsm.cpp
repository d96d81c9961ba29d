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

run_fsm::run_id run_fsm::add(bool asked, std::optional<std::string> provider_res_id) {
    runs_.push_back(run{++last_, asked, step::queued, std::move(provider_res_id)});
    return last_;
}

void run_fsm::writing(run_id id) {
    if (auto* found = find(id)) found->at = step::writing;
}

void run_fsm::written(run_id id) {
    if (auto* found = find(id)) found->at = step::written;
}

void run_fsm::drop(run_id id) {
    std::erase_if(runs_, [id](const run& one) { return one.id == id; });
}

void run_fsm::disown(run_id id) {
    if (auto* found = find(id)) found->asked = false;
}

std::optional<run_fsm::run_id> run_fsm::current() const {
    const auto* first = front();
    return first ? std::optional(first->id) : std::nullopt;
}

std::optional<run_fsm::run_id> run_fsm::collected() const {
    const auto* first = front();
    return first && first->asked ? std::optional(first->id) : std::nullopt;
}

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
    std::erase_if(runs_, [](const run& one) { return one.at != step::queued; });
    return static_cast<unsigned>(sent);
}

void run_fsm::conversation_named(std::string provider_res_id) {
    named_ = std::move(provider_res_id);
}

void run_fsm::conversation_finished(std::string id) { finished_ = std::move(id); }

std::string run_fsm::conversation() const {
    const auto* first = front();
    if (first && first->provider_res_id) return *first->provider_res_id;
    if (named_) return *named_;
    return finished_.value_or("");
}

} // namespace parley
