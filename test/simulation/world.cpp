#include "simulation/world.hpp"

#include "simulation/seeded_clock.hpp"
#include "simulation/seeded_executor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parley::simulation {

world::world(std::uint64_t seed, bool traced)
    : time(std::make_shared<test::manual_clock>()), clock(make_seeded_clock(*this)),
      faults(seed ^ 0x6661756c74730000u), work(seed ^ 0x776f726b00000000u),
      order(seed ^ 0x6f72646572000000u), jitter(seed ^ 0x6a69747465720000u), begun_(time->now()),
      traced_(traced) {}

world::~world() = default;

asio::any_io_executor world::executor(who of) { return seeded_executor(*this, of); }

void world::push(who of, std::function<void()> what) {
    if (!context_) return; // it is being shut: what would run goes with it
    ready_.push_back(ready_item{of, std::move(what)});
}

void world::at(time_point when, std::function<void()> what) {
    timed_.emplace(std::max(when, now()), std::move(what));
}

void world::settle() {
    do
        io.restart();
    while (io.poll() != 0);
}

bool world::step() {
    if (ready_.empty()) settle();
    if (ready_.empty()) return false;
    const auto chosen = order.below(ready_.size());
    auto item = std::move(ready_[chosen]);
    ready_[chosen] = std::move(ready_.back());
    ready_.pop_back();
    running_ = item.of;
    item.run();
    item.run = nullptr;
    running_ = who::nobody;
    settle();
    ++seen.steps;
    return true;
}

void world::advance(time_point limit) {
    auto next = limit;
    if (!timed_.empty()) next = std::min(next, timed_.begin()->first);
    if (const auto deadline = time->next_deadline()) next = std::min(next, *deadline);
    time->advance(std::max(next, now()) - now());
    while (!timed_.empty() && timed_.begin()->first <= now()) {
        push(who::nobody, std::move(timed_.begin()->second));
        timed_.erase(timed_.begin());
    }
    settle();
}

bool world::idle() {
    settle();
    return ready_.empty() && timed_.empty() && time->sleepers() == 0 && io.stopped();
}

std::string world::left_over() {
    return fmt::format("{} ready, {} to come, {} sleeping, the context {}", ready_.size(),
                       timed_.size(), time->sleepers(), io.stopped() ? "is done" : "has work");
}

void world::shut() {
    timed_.clear();
    // What is dropped may post what it had in hand.
    while (!ready_.empty()) {
        const auto dropped = std::exchange(ready_, {});
    }
    context_.reset();
    ready_.clear();
}

bool world::happens(fault what, double percent) {
    if (healed_ || !faults.percent(percent * severity_)) return false;
    return inflict(what);
}

bool world::inflict(fault what) {
    if (healed_) return false;
    seen.count(what);
    if (traced_) note(fmt::format("fault: {}", to_string(what)));
    return true;
}

void world::note(std::string line) {
    if (!traced_) return;
    using std::chrono::microseconds;
    const auto since = std::chrono::duration_cast<microseconds>(now() - begun_).count();
    trace_ += fmt::format("{:>6}.{:06} {}\n", since / 1'000'000, since % 1'000'000, line);
}

void world::broke(std::string invariant, std::string what) {
    if (traced_) note("BROKEN " + invariant + ": " + what);
    if (!broken_) broken_ = invariant + ": " + what;
}

} // namespace parley::simulation
