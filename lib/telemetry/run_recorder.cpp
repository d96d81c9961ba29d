#include "telemetry/run_recorder.hpp"

#include "telemetry/telemetry_impl.hpp"

#include <algorithm>

namespace parley {

void run_recorder::begin(run_id id, time_point now) {
    if (to_) runs_.push_back({id, now});
}

void run_recorder::text(time_point now) {
    auto& current = runs_.front();
    current.answered = true;
    to_->observe<metric::run_time_to_first_chunk>(time_between(current.begun, now));
}

void run_recorder::end(run_id id, run_result how, time_point now) {
    const auto found =
        std::find_if(runs_.begin(), runs_.end(), [id](const auto& each) { return each.id == id; });
    if (found == runs_.end()) return;
    const auto first = how == run_result::dropped ? found : runs_.begin();
    for (auto ended = first; ended <= found; ++ended)
        to_->observe<metric::run_duration>(time_between(ended->begun, now),
                                           ended == found ? how : run_result::dropped);
    runs_.erase(first, found + 1);
}

void run_recorder::lose(time_point now) {
    for (const auto& lost : runs_)
        to_->observe<metric::run_duration>(time_between(lost.begun, now), run_result::lost);
    runs_.clear();
}

} // namespace parley
