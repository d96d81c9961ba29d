#include "policy/reasoning_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace parley {

std::vector<event> reasoning_log::start(time_point now, std::string id) {
    std::vector<event> out;
    if (const auto same = find(id); same != open_.end()) finish(now, same, out);
    open(now, std::move(id), out);
    return out;
}

bool reasoning_log::grow(const std::string& id, std::string& text) {
    const auto which = find(id);
    if (which == open_.end() || bytes_ + text.size() + longer > max_bytes_) return false;
    which->halves.join(text);
    bytes_ += text.size();
    which->text += text;
    return true;
}

std::vector<event> reasoning_log::delta(time_point now, std::string id, std::string text) {
    std::vector<event> out;
    auto which = find(id);
    if (which == open_.end()) which = open(now, id, out);
    const bool empty = text.empty();
    which->halves.join(text);
    if (text.empty() && !empty) return out;
    while (bytes_ + text.size() > max_bytes_ && open_.size() > 1)
        finish(now, open_.begin() == which ? std::next(open_.begin()) : open_.begin(), out);
    if (bytes_ + text.size() > max_bytes_ && !which->text.empty()) {
        const auto halves = std::exchange(which->halves, {}); // the text goes on
        finish(now, which, out);
        which = open(now, id, out);
        which->halves = halves;
    }
    bytes_ += text.size();
    which->text += text;
    out.push_back(reasoning_delta{std::move(id), std::move(text)});
    return out;
}

std::vector<event> reasoning_log::end(time_point now, const std::string& id) {
    std::vector<event> out;
    if (const auto which = find(id); which != open_.end()) finish(now, which, out);
    return out;
}

std::vector<event> reasoning_log::end_all(time_point now) {
    std::vector<event> out;
    while (!open_.empty())
        finish(now, open_.begin(), out);
    return out;
}

reasoning_log::position reasoning_log::find(const std::string& id) {
    return std::find_if(open_.begin(), open_.end(),
                        [&](const thought& one) { return one.id == id; });
}

reasoning_log::position reasoning_log::open(time_point now, std::string id,
                                            std::vector<event>& out) {
    while (!open_.empty() && (open_.size() >= max_ids_ || bytes_ + id.size() > max_bytes_))
        finish(now, open_.begin(), out);
    bytes_ += id.size();
    out.push_back(reasoning_started{id});
    open_.push_back(thought{std::move(id), std::string(), now, {}});
    return std::prev(open_.end());
}

void reasoning_log::finish(time_point now, position which, std::vector<event>& out) {
    bytes_ -= which->id.size() + which->text.size();
    if (which->halves.holds()) {
        const std::string rest(which->halves.end());
        which->text += rest;
        out.push_back(reasoning_delta{which->id, rest});
    }
    out.push_back(reasoning_finished{
        std::move(which->id), std::move(which->text),
        std::chrono::duration_cast<std::chrono::milliseconds>(time_between(which->started, now))});
    open_.erase(which);
}

} // namespace parley
