#include "telemetry/connection_recorder.hpp"

#include "telemetry/telemetry_impl.hpp"

#include <utility>

namespace parley {

void connection_recorder::begin(attempt_kind kind, time_point now) {
    if (to_) attempt_ = attempt{kind, phase::ticket, now};
}

void connection_recorder::entered(phase step, time_point now) {
    if (!attempt_ || step == attempt_->step || step < phase::ticket || step > phase::ready) return;
    to_->observe<metric::connect_duration>(time_between(attempt_->since, now), attempt_->step);
    attempt_->step = step;
    attempt_->since = now;
    if (step != phase::ready) return;
    end(attempt_result::succeeded);
    if (const auto since = std::exchange(lost_at_, std::nullopt))
        to_->observe<metric::outage_duration>(time_between(*since, now));
}

void connection_recorder::failed(const error_info& why, loss_reason reason) {
    if (!attempt_) return;
    if (reason == loss_reason::rejected) count_rejection(why);
    end(attempt_result::failed);
}

void connection_recorder::lost(const error_info& why, loss_reason reason, time_point now) {
    if (!to_) return;
    to_->count<metric::connections_lost>(1, reason);
    if (reason == loss_reason::rejected) count_rejection(why);
    lost_at_ = now;
}

void connection_recorder::given_up() {
    if (attempt_) end(attempt_result::abandoned);
    lost_at_.reset();
}

void connection_recorder::end(attempt_result result) {
    to_->count<metric::connect_attempts>(1, attempt_->kind, result, attempt_->step);
    attempt_.reset();
}

/// Where the ticket manager was refused, it counts that itself.
void connection_recorder::count_rejection(const error_info& why) const {
    if (attempt_ && attempt_->step == phase::ticket) return;
    const auto source = why.details.close_code    ? authentication_source::close
                        : why.details.http_status ? authentication_source::upgrade
                                                  : authentication_source::session;
    to_->count<metric::authentication_failures>(1, source);
}

} // namespace parley
