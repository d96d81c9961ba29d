#include "policy/send_queue.hpp"

#include <iterator>
#include <utility>

namespace parley {

void send_queue::settle(const message& one, send_state as) {
    one->state_ = as;
    if (one->lane_ == send_lane::data)
        ++outcomes_[static_cast<std::size_t>(as) - static_cast<std::size_t>(send_state::sent)];
    one->text_ = std::string(); // a sender may keep the rest for long
    one->on_settled();
}

void send_queue::push(time_point now, message added) {
    if (added->lane_ == send_lane::answer && !live_) {
        expire(now);
        added->expires_ = after(now, limits_.answer_lifetime);
    }
    auto& into = lane_of(added->lane_);
    into.bytes += added->text_.size();
    into.entries.push_back(std::move(added));
    into.entries.back()->place_ = std::prev(into.entries.end());
}

send_queue::message send_queue::take(lane& from) {
    auto first = std::move(from.entries.front());
    from.entries.pop_front();
    from.bytes -= first->text_.size();
    return first;
}

send_queue::message send_queue::next(time_point now, bool session_ready) {
    // A live session takes its answers whenever it can: however long a write stands still.
    if (session_ready && !std::exchange(live_, true)) expire(now);
    for (auto& from : lanes_) {
        if (&from != &lane_of(send_lane::control) && !session_ready) break;
        if (from.entries.empty()) continue;
        auto first = take(from);
        first->state_ = send_state::writing;
        if (first->text_.size() >= largest_.size) largest_ = {first->text_.size(), first->id_};
        first->on_writing();
        return first;
    }
    return nullptr;
}

void send_queue::written(const message& one, bool whole) {
    settle(one, whole ? send_state::sent : send_state::unconfirmed);
}

bool send_queue::remove(const message& one) {
    if (one->state_ != send_state::queued) return false;
    auto& from = lane_of(one->lane_);
    const message kept = one;
    from.bytes -= kept->text_.size();
    from.entries.erase(kept->place_);
    settle(kept, send_state::not_sent);
    return true;
}

void send_queue::expire(time_point now) {
    auto& answers = lane_of(send_lane::answer);
    while (!answers.entries.empty() && answers.entries.front()->expires_ <= now)
        settle(take(answers), send_state::not_sent);
}

void send_queue::drop(lane& from, send_state as) {
    if (from.entries.empty()) return;
    lane dropped;
    std::swap(dropped, from); // on_settled may push again
    for (const auto& one : dropped.entries)
        settle(one, as);
}

void send_queue::end_session(time_point now) {
    largest_answer_ = std::exchange(largest_, {}).answer;
    if (std::exchange(live_, false))
        for (const auto& one : lane_of(send_lane::answer).entries)
            one->expires_ = after(now, limits_.answer_lifetime);
    drop(lane_of(send_lane::control), send_state::not_sent);
}

void send_queue::drop_all(send_state as) {
    live_ = false;
    for (auto& each : lanes_)
        drop(each, as);
}

std::size_t send_queue::messages() const noexcept {
    std::size_t all = 0;
    for (const auto& each : lanes_)
        all += each.entries.size();
    return all;
}

std::size_t send_queue::bytes() const noexcept {
    std::size_t all = 0;
    for (const auto& each : lanes_)
        all += each.bytes;
    return all;
}

bool send_queue::congested() const noexcept {
    const auto& control = lane_of(send_lane::control);
    const auto& answers = lane_of(send_lane::answer);
    return control.entries.size() + answers.entries.size() > limits_.urgent ||
           control.bytes + answers.bytes > limits_.urgent_bytes;
}

} // namespace parley
