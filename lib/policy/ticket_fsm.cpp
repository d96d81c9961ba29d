#include "policy/ticket_fsm.hpp"

#include <parley/error.hpp>

#include "policy/backoff.hpp"

#include <algorithm>
#include <limits>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// The renewal is checked no more often, however short a ticket lives: a tenth of zero would be a
// busy loop.
constexpr milliseconds shortest_check{100};

} // namespace

nanoseconds ticket_fsm::buffer() const noexcept {
    return saturated<nanoseconds>(config_.validity_buffer);
}

nanoseconds ticket_fsm::left(moment now) const noexcept {
    return std::min<nanoseconds>(time_between(now.steady, held_->deadline.steady),
                                 time_between(now.wall, held_->deadline.wall));
}

const ticket* ticket_fsm::serve(moment now) const noexcept {
    return held_ && left(now) > buffer() ? &held_->value : nullptr;
}

const ticket* ticket_fsm::serve_other_than(const secret& rejected, moment now) {
    drop(rejected);
    return serve(now);
}

const ticket* ticket_fsm::held() const noexcept { return held_ ? &held_->value : nullptr; }

std::optional<milliseconds> ticket_fsm::expires_in(moment now) const noexcept {
    if (!held_) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(std::max(left(now), nanoseconds(0)));
}

std::optional<wall_time> ticket_fsm::expires_at() const noexcept {
    if (!held_) return std::nullopt;
    return held_->value.expires_at();
}

std::optional<milliseconds> ticket_fsm::lifetime() const noexcept {
    if (!held_) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(held_->lifetime);
}

ticket_reason ticket_fsm::reason() const noexcept {
    return held_ ? ticket_reason::expired : ticket_reason::first;
}

arrival ticket_fsm::arrived(std::uint64_t generation, const ticket& fresh, moment now) {
    if (generation != generation_) return arrival::stale;
    renewals_failed_ = 0;
    renew_not_before_ = time_point::min();

    const auto issued = fresh.issued_at().value_or(now.wall);
    const auto lifetime =
        std::max<nanoseconds>(time_between(issued, fresh.expires_at()), nanoseconds(0));
    if (fresh.kind() == ticket_kind::single_use || lifetime <= buffer()) {
        // The held ticket may still be valid, and another request now would bring no better one. If
        // it is not, there is nothing to renew: the next one is fetched when a caller needs it.
        if (held_ && !serve(now)) held_.reset();
        if (held_) renew_not_before_ = after(now.steady, check_every());
        return arrival::for_now;
    }
    const moment deadline{after(now.steady, lifetime), after(now.wall, lifetime)};
    held_.emplace(holding{fresh, deadline, lifetime});
    return arrival::held;
}

void ticket_fsm::drop(const secret& refused) {
    if (held_ && held_->value.value() == refused) held_.reset();
}

void ticket_fsm::begin_generation() noexcept {
    ++generation_;
    held_.reset();
    renewals_failed_ = 0;
    renew_not_before_ = time_point::min();
}

nanoseconds ticket_fsm::check_every() const noexcept {
    const auto check =
        std::min(saturated<nanoseconds>(config_.check_interval), held_->lifetime / 10);
    return std::max<nanoseconds>(check, shortest_check);
}

renewal_step ticket_fsm::renewal(moment now, double jitter) const noexcept {
    if (!held_) return {};
    if (now.steady < renew_not_before_) return {false, renew_not_before_};
    const auto threshold =
        std::min(saturated<nanoseconds>(config_.renewal_threshold), held_->lifetime / 3);
    if (left(now) < threshold) return {true, now.steady};
    const auto factor = 0.9 + 0.2 * std::clamp(jitter, 0.0, 1.0);
    const auto check = static_cast<double>(check_every().count()) * factor;
    return {false, after(now.steady, nanoseconds(static_cast<nanoseconds::rep>(check)))};
}

void ticket_fsm::renewal_failed(const error_details& why, moment now, double jitter) noexcept {
    // The refresh has had its own retries: the backoff goes on from there. A failure that is not
    // retryable is tried again at the interval of the checks: its cause may be fixed meanwhile.
    ++renewals_failed_;
    const auto attempt =
        config_.max_retries > std::numeric_limits<unsigned>::max() - renewals_failed_
            ? std::numeric_limits<unsigned>::max()
            : config_.max_retries + renewals_failed_;
    auto delay = backoff_delay(config_.backoff, attempt, jitter, why.retry_after);
    if (!why.retryable) delay = std::max(delay, config_.check_interval);
    renew_not_before_ = after(now.steady, std::max(delay, shortest_check));
}

} // namespace parley
