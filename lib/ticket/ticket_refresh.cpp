// The one flight: how it is flown, and what ends it.

#include <parley/error.hpp>

#include "dialect/parley/cookies.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <new>
#include <utility>

namespace parley {

namespace {

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

/// With the mutex: a new one is on, which `depart` starts. Without a demand it is the renewal's.
std::shared_ptr<ticket_manager::impl::refresh>
ticket_manager::impl::begin_refresh(ticket_reason reason, const demand* of) {
    std::optional<secret> old;
    const ticket* held = tickets_.held();
    if (of && of->what == demand::kind::other)
        old = of->rejected;
    else if (held)
        old = held->value();
    auto begun =
        std::make_shared<refresh>(*this, reason, std::move(old), tickets_.generation(), auth_);
    refresh_ = begun;
    counts_.in_flight = true;
    return begun;
}

void ticket_manager::impl::depart(const std::shared_ptr<refresh>& flying) {
    if (flying->over() || flying->at != refresh::step::queued) return;
    // One request at a time: that of a refresh which was superseded ends first.
    flying->until = asking_ ? after(clock_->now(), grace_for_stopping) : time_point::min();
    move_on(flying);
}

/// Does what is due, and sees to the rest in time.
void ticket_manager::impl::move_on(const std::shared_ptr<refresh>& flying) {
    using step = refresh::step;
    try {
        if (flying->over()) return;
        if (clock_->now() >= flying->until) {
            if (flying->at == step::asking) return give_up_attempt(flying);
            // Nobody needs it any more, and the server has asked for peace.
            if (flying->at == step::pausing && !wanted(*flying))
                return fail(flying, *flying->last_error);
            ask(flying);
        }
        if (!flying->over()) watch(flying);
    } catch (...) { // no memory
        fail_inside(flying, std::current_exception());
    }
}

void ticket_manager::impl::watch(const std::shared_ptr<refresh>& flying) {
    const auto next = see_off(*flying);
    const auto wake = std::min(flying->until, next);
    // Our own source needs nobody to tell it the time.
    if (http_ && flying->at == refresh::step::asking && next >= flying->until) return;
    if (!flying->bell) flying->bell = clock_->make_alarm(strand_);
    flying->bell->call_at(wake, [self = shared_from_this(), flying] { self->move_on(flying); });
}

void ticket_manager::impl::ask(const std::shared_ptr<refresh>& flying) {
    if (log_.enabled(log_level::debug))
        log_.write(log_level::debug, fmt::format("ticket: asking for one, attempt {}: {}",
                                                 flying->retry.attempt(), to_text(flying->reason)));
    {
        const std::lock_guard lock(mutex_);
        ++counts_.requests;
        if (flying->tally) ++flying->tally->requests;
    }
    const auto deadline = after(clock_->now(), config_.request_timeout);
    flying->at = refresh::step::asking;
    flying->until = http_ ? after(deadline, grace_for_ours) : deadline;
    flying->request = ++requests_;
    asking_ = true;
    try {
        flying->task = launch<void>([self = shared_from_this(), flying, deadline] {
            return fetch(self, flying, deadline);
        });
    } catch (...) {
        asking_ = false;
        throw;
    }
}

awaitable<void> ticket_manager::impl::fetch(std::shared_ptr<impl> self,
                                            std::shared_ptr<refresh> flying, time_point deadline) {
    const auto request = flying->request;
    std::optional<ticket> fresh;
    std::exception_ptr failed;
    try {
        self->gate_.remember(secrets_of(*flying->auth));
        ticket_request what(*flying->auth, flying->reason, flying->retry.attempt(), deadline,
                            flying->replaces);
        auto asking = self->source_->fetch(std::move(what));
        if (!asking.valid())
            throw_error(error_info(errc::ticket_source_failed,
                                   "The source of tickets returned an awaitable of nothing."));
        auto brought = co_await std::move(asking);
        fresh = std::move(brought);
    } catch (...) {
        failed = std::current_exception();
    }
    std::exception_ptr thrown;
    try {
        self->fetched(flying, request, std::move(fresh), failed);
    } catch (...) {
        thrown = std::current_exception();
    }
    try {
        self->let_next(request);
    } catch (...) {
        thrown = std::current_exception();
    }
    self->task_ended(); // whatever has become of it: stop waits for this
    if (thrown) report(self->log_, thrown, "ticket: ");
}

void ticket_manager::impl::fetched(const std::shared_ptr<refresh>& flying, std::uint64_t request,
                                   std::optional<ticket> fresh, const std::exception_ptr& failed) {
    if (flying->over() || flying->at != refresh::step::asking || flying->request != request)
        return; // nobody waits for it any more
    try {
        if (failed) {
            auto why = to_source_error(failed, gate_);
            why.details.attempt = flying->retry.attempt();
            return attempt_failed(flying, std::move(why));
        }
        if (auto wrong = complaint(*fresh)) return attempt_failed(flying, std::move(*wrong));
        arrive(flying, std::move(*fresh));
    } catch (...) { // no memory
        fail_inside(flying, std::current_exception());
    }
}

/// Without the memory to say why, whoever waits for it looks around anew.
void ticket_manager::impl::fail_inside(const std::shared_ptr<refresh>& flying,
                                       const std::exception_ptr& thrown) {
    try {
        return fail(flying, to_source_error(thrown, gate_));
    } catch (const std::bad_alloc&) { // see below
    }
    callers woken;
    {
        const std::lock_guard lock(mutex_);
        if (flying->over()) return;
        supersede(woken);
    }
    flying->bell.reset();
    renewal_changed_.notify_all();
    send_home(std::move(woken), nullptr);
}

/// That request has ended: a refresh that has waited for it begins.
void ticket_manager::impl::let_next(std::uint64_t request) {
    if (request != requests_) return;
    asking_ = false;
    const auto next = current();
    if (next && next->at == refresh::step::queued) depart(next);
}

/// The source may take its time: nobody waits for it but stop.
void ticket_manager::impl::give_up_attempt(const std::shared_ptr<refresh>& flying) {
    const auto late = flying->task;
    attempt_failed(flying, source_timeout("The source of tickets did not answer in time.",
                                          flying->retry.attempt()));
    if (late) late->cancel();
}

void ticket_manager::impl::attempt_failed(const std::shared_ptr<refresh>& flying, error_info why) {
    const auto next = flying->retry.failed(why.details, clock_->now(), environment_->jitter());
    if (!next) return fail(flying, std::move(why));
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   fmt::format("ticket: attempt {} failed: {} The next is in {:.1f} s. [{}]",
                               why.details.attempt.value_or(0), why.message,
                               seconds(*next - clock_->now()), why.details.to_string()));
    {
        const std::lock_guard lock(mutex_);
        flying->last_error = std::move(why);
    }
    flying->at = refresh::step::pausing;
    flying->until = *next;
    watch(flying);
}

void ticket_manager::impl::arrive(const std::shared_ptr<refresh>& flying, ticket fresh) {
    const auto at = now();
    gate_.remember(cookies::secrets_of(fresh));
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
    send_home(std::move(woken), flying);
    flying->bell.reset();
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
        if (flying->tally) ++flying->tally->failures;
        counts_.last_error = why;
        flying->error = std::move(why);
        woken = land(*flying);
    }
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning,
                   fmt::format("ticket: none could be had: {} [{}]", flying->error->message,
                               flying->error->details.to_string()));
    send_home(std::move(woken), flying);
    flying->bell.reset();
    renewal_changed_.notify_all();
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
    old->bell.reset();
    renewal_changed_.notify_all();
    if (old->task) old->task->cancel();
}

/// Any thread: whatever comes from now on comes to nothing. The refresh that was on is for
/// `end_tasks`.
std::shared_ptr<ticket_manager::impl::refresh> ticket_manager::impl::retire() {
    std::shared_ptr<const renewed_handler> renewed; // both destroyed without the lock
    std::shared_ptr<const failed_handler> failed;
    callers woken;
    std::shared_ptr<refresh> old;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        renewed = std::exchange(on_renewed_, nullptr);
        failed = std::exchange(on_renewal_failed_, nullptr);
        old = supersede(woken);
    }
    send_home(std::move(woken), nullptr);
    return old;
}

void ticket_manager::impl::end_tasks(const std::shared_ptr<refresh>& old) {
    abandon(old);
    give_up_validation();
    renewal_changed_.notify_all();
    tasks_.cancel();
}

void ticket_manager::impl::task_ended() {
    if (--running_ == 0) idle_.notify_all();
}

} // namespace parley
