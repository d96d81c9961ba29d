// The one flight: how it is flown, and what ends it.

#include <parley/error.hpp>

#include "policy/retry_fsm.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace parley {

namespace {

// PROTOCOL.md 1: a ticket is an opaque string of up to 8 KiB.
constexpr std::size_t longest_ticket = 8 * 1024;

// Our own source ends its exchange at the deadline itself, and then knows how far it had come.
constexpr std::chrono::milliseconds grace_for_ours{250};

// A source that is told to stop does so at once, or does not listen.
constexpr std::chrono::milliseconds grace_for_stopping{250};

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string_view to_text(ticket_reason reason) {
    switch (reason) {
    case ticket_reason::first:
        return "none is held";
    case ticket_reason::expired:
        return "the held one has expired";
    case ticket_reason::renewal:
        return "the held one is to be renewed";
    case ticket_reason::rejected:
        return "the server did not take the last one";
    case ticket_reason::requested:
        return "a new one is asked for";
    }
    return "";
}

} // namespace

/// With the mutex: a new one is on, which `depart` starts.
std::shared_ptr<ticket_manager::impl::refresh>
ticket_manager::impl::begin_refresh(ticket_reason reason) {
    auto begun = std::make_shared<refresh>(*this, reason, tickets_.generation(), auth_);
    refresh_ = begun;
    counts_.in_flight = true;
    return begun;
}

void ticket_manager::impl::depart(const std::shared_ptr<refresh>& flying) {
    if (flying->over()) return;
    try {
        flying->task =
            launch<void>([self = shared_from_this(), flying] { return perform(self, flying); });
    } catch (...) { // no memory
        fail(flying, to_source_error(std::current_exception(), *flying->auth));
    }
}

awaitable<void> ticket_manager::impl::perform(std::shared_ptr<impl> self,
                                              std::shared_ptr<refresh> flying) {
    try {
        co_await make_attempts(self, flying);
    } catch (...) {
        // Cancelled: whoever did that has told the waiters. Anything else they must be told now.
        if (!flying->over())
            self->fail(flying, to_source_error(std::current_exception(), *flying->auth));
    }
    self->task_ended();
}

awaitable<void> ticket_manager::impl::make_attempts(std::shared_ptr<impl> self,
                                                    std::shared_ptr<refresh> flying) {
    retry_fsm retry(self->config_.max_retries, self->config_.backoff);
    // One request at a time: that of a refresh which was superseded ends first.
    if (const auto last = self->fetching_)
        co_await last->wait_until(after(self->clock_->now(), grace_for_stopping));
    for (;;) {
        auto got = co_await attempt(self, flying, retry.attempt());
        if (got) co_return self->arrive(flying, std::move(*got));
        const auto& why = got.error();
        const auto next =
            retry.failed(why.details, self->clock_->now(), self->environment_->jitter());
        if (!next) co_return self->fail(flying, why);
        flying->last_error = why;
        flying->paused_until = *next;
        if (self->log_.enabled(log_level::warning))
            self->log_.write(
                log_level::warning,
                fmt::format("ticket: attempt {} failed: {} The next is in {:.1f} s. [{}]",
                            why.details.attempt.value_or(0), why.message,
                            seconds(*next - self->clock_->now()), why.details.to_string()));
        do {
            const auto wake = std::min(*next, self->see_off(*flying));
            co_await flying->changed.wait_until(wake);
        } while (self->clock_->now() < *next);
        // Nobody needs it any more, and the server has asked for peace.
        if (!self->wanted(*flying)) co_return self->fail(flying, why);
    }
}

awaitable<result<ticket>> ticket_manager::impl::attempt(std::shared_ptr<impl> self,
                                                        std::shared_ptr<refresh> flying,
                                                        unsigned number) {
    if (self->log_.enabled(log_level::debug))
        self->log_.write(log_level::debug, fmt::format("ticket: asking for one, attempt {}: {}",
                                                       number, to_text(flying->reason)));
    {
        const std::lock_guard lock(self->mutex_);
        ++self->counts_.requests;
    }
    const auto deadline = after(self->clock_->now(), self->config_.request_timeout);
    ticket_request request(*flying->auth, flying->reason, number, deadline);
    const auto got = std::make_shared<delivery>(flying->changed);
    const auto fetching = self->launch<void>(
        [self, got, request = std::move(request)] { return fetch(self, got, request); });
    self->fetching_ = fetching;
    const auto end = self->http_ ? after(deadline, grace_for_ours) : deadline;
    try {
        while (!got->value && !got->failed && self->clock_->now() < end) {
            const auto wake = std::min(end, self->see_off(*flying));
            co_await flying->changed.wait_until(wake);
        }
    } catch (...) {
        fetching->cancel();
        throw;
    }
    if (got->failed) {
        auto why = to_source_error(got->failed, *flying->auth);
        why.details.attempt = number;
        co_return why;
    }
    if (!got->value) {
        fetching->cancel(); // it may take its time: nobody waits for it but stop
        co_return source_timeout("The source of tickets did not answer in time.", number);
    }
    if (auto wrong = complaint(got->value->value(), longest_ticket)) co_return std::move(*wrong);
    co_return *std::move(got->value);
}

awaitable<void> ticket_manager::impl::fetch(std::shared_ptr<impl> self,
                                            std::shared_ptr<delivery> into,
                                            ticket_request request) {
    try {
        auto fresh = co_await self->source_->fetch(std::move(request));
        into->value = std::move(fresh);
    } catch (...) {
        into->failed = std::current_exception();
    }
    into->arrived.notify_all();
    self->task_ended();
}

void ticket_manager::impl::arrive(const std::shared_ptr<refresh>& flying, ticket fresh) {
    const auto at = now();
    callers woken;
    std::optional<std::chrono::milliseconds> left;
    {
        const std::lock_guard lock(mutex_);
        if (flying->over()) return; // for an identity that is gone
        flying->kept = tickets_.arrived(flying->generation, fresh, at) == arrival::held;
        flying->value = std::move(fresh);
        ++changes_;
        ++counts_.refreshes;
        counts_.last_error.reset();
        left = tickets_.expires_in(at);
        woken = land(*flying);
    }
    resume(std::move(woken), flying);
    flying->changed.notify_all();
    renewal_changed_.notify_all();
    if (!log_.enabled(log_level::info)) return;
    if (flying->kept && left)
        log_.write(log_level::info,
                   fmt::format("ticket: got one that expires in {:.0f} s", seconds(*left)));
    else
        log_.write(log_level::info, "ticket: got one that serves for this time only");
}

void ticket_manager::impl::fail(const std::shared_ptr<refresh>& flying, error_info why) {
    callers woken;
    {
        const std::lock_guard lock(mutex_);
        if (flying->over()) return; // of an identity that is gone
        ++counts_.failures;
        counts_.last_error = why;
        flying->error = std::move(why);
        woken = land(*flying);
    }
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   fmt::format("ticket: none could be had: {} [{}]", flying->error->message,
                               flying->error->details.to_string()));
    resume(std::move(woken), flying);
    flying->changed.notify_all();
}

/// With the mutex: it has an outcome, for those who are returned.
ticket_manager::impl::callers ticket_manager::impl::land(refresh& flying) {
    flying.now = refresh::state::landed;
    refresh_.reset();
    counts_.in_flight = false;
    return release(flying);
}

/// With the mutex: the refresh that is on counts no more. Who waited for it looks around anew, and
/// `abandon` ends it.
std::shared_ptr<ticket_manager::impl::refresh> ticket_manager::impl::supersede(callers& woken) {
    ++changes_;
    auto old = refresh_.lock();
    if (!old) return nullptr;
    refresh_.reset();
    counts_.in_flight = false;
    old->now = refresh::state::superseded;
    woken = release(*old);
    return old;
}

void ticket_manager::impl::abandon(const std::shared_ptr<refresh>& old) {
    if (!old) return;
    old->changed.notify_all();
    if (old->task) old->task->cancel();
}

void ticket_manager::impl::shut_down() {
    stop_renewal();
    std::shared_ptr<const failed_handler> handler; // destroyed without the lock
    callers woken;
    std::shared_ptr<refresh> old;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        handler = std::exchange(on_renewal_failed_, nullptr);
        old = supersede(woken);
    }
    resume(std::move(woken), nullptr);
    abandon(old);
    give_up_validation();
    tasks_.cancel();
}

void ticket_manager::impl::task_ended() {
    if (--running_ == 0) idle_.notify_all();
}

} // namespace parley
