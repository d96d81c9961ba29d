// Proactive renewal of the held ticket.

#include <parley/error.hpp>

#include "ticket/ticket_manager_impl.hpp"

#include <fmt/core.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

/// What a user's handler throws must not end the renewal. The handler knows the ticket.
template <class Call>
void guarded(const logger& log, const redactor& gate, std::string_view name, Call call) {
    std::string thrown_text = "an exception that is not a std::exception";
    try {
        return call();
    } catch (const std::exception& thrown) {
        thrown_text = gate.redact(thrown.what());
    } catch (...) { // of another kind
    }
    log.write(log_level::error, fmt::format("ticket: {} threw: {}", name, thrown_text));
}

} // namespace

void ticket_manager::impl::start_renewal(renewed_handler on_renewed) {
    auto handler = std::make_shared<const renewed_handler>(std::move(on_renewed));
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        on_renewed_.swap(handler); // the old one is destroyed without the lock
    }
    where().post([self = shared_from_this()] { self->run_renewal(); });
}

void ticket_manager::impl::on_renewal_failed(failed_handler handler) {
    auto held = handler ? std::make_shared<const failed_handler>(std::move(handler)) : nullptr;
    const std::lock_guard lock(mutex_);
    if (!stopped_) on_renewal_failed_.swap(held);
}

void ticket_manager::impl::stop_renewal() {
    std::shared_ptr<const renewed_handler> old;
    {
        const std::lock_guard lock(mutex_);
        old = std::exchange(on_renewed_, nullptr);
    }
    if (!old) return;
    strand_.post([self = shared_from_this()] {
        self->changed_.notify_all();
        if (self->refresh_) self->refresh_->outcome->notify();
    });
}

void ticket_manager::impl::run_renewal() {
    changed_.notify_all();
    if (!renewing() || (renewal_ && !renewal_->done())) return;
    renewal_ = shared_awaitable<void>::start(strand_, clock_,
                                             [self = shared_from_this()] { return renew(self); });
}

bool ticket_manager::impl::renewing() const {
    const std::lock_guard lock(mutex_);
    return on_renewed_ != nullptr;
}

renewal_step ticket_manager::impl::next_renewal() const {
    const auto at = now();
    const auto jitter = environment_->jitter();
    const std::lock_guard lock(mutex_);
    return tickets_.renewal(at, jitter);
}

awaitable<void> ticket_manager::impl::renew(std::shared_ptr<impl> self) {
    std::exception_ptr thrown;
    try {
        while (self->renewing()) {
            const auto next = self->next_renewal();
            if (next.renew)
                co_await renew_once(self);
            else
                co_await self->changed_.wait_until(next.wake_at);
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) report(self->log_, thrown, "ticket: the renewal has ended: ");
}

awaitable<void> ticket_manager::impl::renew_once(std::shared_ptr<impl> self) {
    const auto joined = self->join_refresh(nullptr);
    const auto outcome = joined->outcome;
    {
        const waiter counted(*joined);
        while (!outcome->done() && self->renewing())
            co_await outcome->wait_for_change();
    }
    const bool counts = outcome->done() && !outcome->abandoned();
    if (!counts || !self->is_current(joined->generation) || !self->renewing()) co_return;
    const auto got = outcome->get();
    if (!got) co_return self->renewal_failed(got.error());
    if (joined->held) co_return self->renewed(*got);
    self->log_.write(log_level::warning, "ticket: a renewal gave no ticket to keep");
}

void ticket_manager::impl::renewed(const ticket& fresh) {
    std::shared_ptr<const renewed_handler> handler;
    {
        const std::lock_guard lock(mutex_);
        handler = on_renewed_;
    }
    if (handler && *handler) guarded(log_, gate_, "on_renewed", [&] { (*handler)(fresh); });
}

void ticket_manager::impl::renewal_failed(const error_info& why) {
    const auto at = now();
    const auto jitter = environment_->jitter();
    std::shared_ptr<const failed_handler> handler;
    {
        const std::lock_guard lock(mutex_);
        tickets_.renewal_failed(why.details, at, jitter);
        handler = on_renewal_failed_;
    }
    if (handler) guarded(log_, gate_, "on_renewal_failed", [&] { (*handler)(why); });
}

} // namespace parley
