// Callers that wait for a ticket, and the one refresh that they share.

#include <parley/error.hpp>

#include "async/asio_errors.hpp"
#include "async/call_on_strand.hpp"
#include "core/late_error.hpp"
#include "dialect/parley/cookies.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "policy/retry_fsm.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace parley {

namespace {

// Our own source ends its exchange at the deadline itself, and then knows how far it had come.
constexpr std::chrono::milliseconds grace_for_ours{250};

// A source that is cancelled ends at once, or ignores it.
constexpr std::chrono::milliseconds grace_for_stopping{250};

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

request_result result_of(const result<ticket>& got) {
    if (got) return request_result::succeeded;
    const auto& code = got.error().code;
    if (code == make_error_code(errc::ticket_timeout)) return request_result::timed_out;
    const bool refused = code.category() == category() && code.value() >= 200 && code.value() < 300;
    return refused ? request_result::refused : request_result::failed;
}

} // namespace

// ---- the callers

awaitable<ticket> ticket_manager::impl::get(std::shared_ptr<impl> self, get_options what) {
    if (auto held = self->serve(what)) co_return *std::move(held);
    auto waiting = call_on_strand(std::move(self), &impl::wait_for_ticket, std::move(what));
    co_return co_await std::move(waiting);
}

/// What a caller gets without a request, if anything. Any thread. Throws for a caller that gets
/// nothing any more.
std::optional<ticket> ticket_manager::impl::serve(get_options& what) {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    if (!what.clears) {
        what.clears = clears_;
        what.joined = refresh_; // its outcome is for this call, even if it arrives on the way
    }
    check_caller(*what.clears);
    const ticket* held = nullptr;
    if (what.what == get_options::kind::valid) held = tickets_.serve(at);
    if (what.what == get_options::kind::other) held = tickets_.serve_other_than(what.rejected, at);
    return held ? std::optional(*held) : std::nullopt;
}

awaitable<ticket> ticket_manager::impl::wait_for_ticket(std::shared_ptr<impl> self,
                                                        get_options what) {
    for (;;) {
        if (auto held = self->serve(what)) co_return *std::move(held);
        const auto in_flight = self->refresh_;
        auto joined = std::exchange(what.joined, nullptr);
        const bool since_the_call = joined && joined->outcome; // null: it was never started
        if (!since_the_call) joined = self->join_refresh(&what);
        if (self->counted() && (since_the_call || joined == in_flight))
            self->counted()->count<metric::ticket_joins>(1);
        const auto outcome = joined->outcome;
        {
            const waiter counted(*joined);
            while (!outcome->done() && !self->out_of_time(*joined, what.deadline))
                co_await outcome->wait_for_change(what.deadline);
        }
        if (!self->is_current(joined->generation)) continue; // `serve` knows why
        if (!outcome->done()) throw_error(self->no_ticket_in_time(*joined));
        auto got = outcome->get();
        if (!got) throw_error(got.error());
        if (got->kind() == ticket_kind::reusable || !std::exchange(joined->claimed, true))
            co_return *std::move(got);
    }
}

/// A pause that outlasts the deadline is not waited for.
bool ticket_manager::impl::out_of_time(const refresh& joined, time_point deadline) const {
    return deadline <= std::max(clock_->now(), joined.paused_until);
}

/// The error of a caller whose deadline is over: the last failure where one is known.
error_info ticket_manager::impl::no_ticket_in_time(const refresh& joined) const {
    const auto& last = joined.failure;
    if (last && joined.paused_until != time_point::min()) return *last;
    auto late = source_timeout("No ticket arrived within the time given.");
    if (last) return parley::out_of_time(std::move(late), *last);
    if (http_) late.details.url = http_->url();
    return late;
}

// ---- the refresh

/// The refresh in flight, or a new one. Without options it is the renewal's.
std::shared_ptr<ticket_manager::impl::refresh>
ticket_manager::impl::join_refresh(const get_options* what) {
    if (refresh_ && !is_current(refresh_->generation)) abandon_refresh();
    if (refresh_) return refresh_;
    const auto begun = std::make_shared<refresh>();
    {
        const std::lock_guard lock(mutex_);
        const ticket* held = tickets_.held();
        if (held) begun->replaces = held->value();
        begun->reason = what ? tickets_.reason() : ticket_reason::renewal;
        if (what && what->what == get_options::kind::fresh)
            begun->reason = ticket_reason::requested;
        if (what && what->what == get_options::kind::other) {
            begun->reason = ticket_reason::rejected;
            begun->replaces = what->rejected;
        }
        if (what) begun->tally = what->tally;
        begun->generation = tickets_.generation();
        begun->auth = auth_;
        refresh_ = begun;
    }
    try {
        begun->outcome = shared_awaitable<ticket_result>::start(
            strand_, clock_,
            [self = shared_from_this(), begun] { return run_refresh(self, begun); });
    } catch (...) { // out of memory
        release(*begun);
        throw;
    }
    return begun;
}

void ticket_manager::impl::abandon_refresh() {
    const auto old = refresh_;
    if (!old) return;
    release(*old);
    old->outcome->abandon(detail::aborted());
    changed_.notify_all();
}

/// It is in flight no longer. False: it was abandoned before, or is of an old generation.
bool ticket_manager::impl::release(const refresh& ended) noexcept {
    if (refresh_.get() != &ended) return false;
    const std::lock_guard lock(mutex_);
    refresh_.reset();
    return !stopped_ && ended.generation == tickets_.generation();
}

awaitable<ticket_manager::impl::ticket_result>
ticket_manager::impl::run_refresh(std::shared_ptr<impl> self, std::shared_ptr<refresh> begun) {
    ++self->running_;
    std::optional<ticket_result> got;
    std::exception_ptr thrown;
    try {
        auto obtained = co_await obtain(self, begun);
        got = std::move(obtained);
    } catch (...) {
        thrown = std::current_exception();
    }
    self->operation_ended();
    const bool counts = self->release(*begun);
    if (thrown && !counts) std::rethrow_exception(thrown);
    if (thrown) got = to_source_error(thrown, self->gate_);
    if (counts && *got) self->keep(*begun, **got);
    if (counts && !*got) self->fail(*begun, got->error());
    co_return *std::move(got);
}

/// All attempts, one after the other.
awaitable<ticket_manager::impl::ticket_result>
ticket_manager::impl::obtain(std::shared_ptr<impl> self, std::shared_ptr<refresh> begun) {
    // Callers that ask now join before the source can answer.
    co_await asio::post(self->strand_.executor(), asio::use_awaitable);
    // One request at a time: that of an abandoned refresh ends first, unless it ignores that.
    if (const auto last = self->request_)
        co_await last->wait_until(after(self->clock_->now(), grace_for_stopping));
    retry_fsm retry(self->config_.max_retries, self->config_.backoff);
    for (;;) {
        if (!self->is_current(begun->generation)) throw_aborted();
        auto got = co_await attempt(self, begun, retry.attempt());
        if (got) co_return got;
        if (!self->is_current(begun->generation)) throw_aborted();
        const auto next =
            retry.failed(got.error().details, self->clock_->now(), self->environment_->jitter());
        if (!next) co_return got;
        co_await pause(self, begun, got.error(), *next);
        if (begun->waiters == 0) co_return got; // the server asked for a pause: respect it
    }
}

awaitable<ticket_manager::impl::ticket_result>
ticket_manager::impl::attempt(std::shared_ptr<impl> self, std::shared_ptr<refresh> begun,
                              unsigned number) {
    if (self->log_.enabled(log_level::debug))
        self->log_.write(log_level::debug, fmt::format("ticket: requesting one, attempt {}: {}",
                                                       number, to_string(begun->reason)));
    {
        const std::lock_guard lock(self->mutex_);
        ++self->counts_.requests;
        if (begun->tally) ++begun->tally->requests;
    }
    const auto since = self->clock_->now();
    const auto deadline = after(since, self->config_.request_timeout);
    const auto request = shared_awaitable<ticket_result>::start(
        self->strand_, self->clock_,
        [self, begun, number, deadline] { return fetch(self, begun, number, deadline); });
    self->request_ = request;
    const auto limit = self->http_ ? after(deadline, grace_for_ours) : deadline;
    std::exception_ptr cancelled;
    try {
        co_await request->wait_until(limit);
    } catch (...) {
        cancelled = std::current_exception();
    }
    if (!cancelled && request->done()) {
        auto got = request->get();
        self->count_request(begun->reason, result_of(got), since);
        co_return got;
    }
    request->cancel(); // a source that ignores it is waited for by `stop` alone
    self->count_request(begun->reason,
                        cancelled ? request_result::cancelled : request_result::timed_out, since);
    if (cancelled) std::rethrow_exception(cancelled);
    co_return source_timeout("The ticket source did not answer in time.", number);
}

void ticket_manager::impl::count_request(ticket_reason reason, request_result how,
                                         time_point begun) const {
    if (!counted()) return;
    counted()->count<metric::ticket_requests>(1, reason, how);
    counted()->observe<metric::ticket_request_duration>(time_between(begun, clock_->now()));
    if (how == request_result::refused)
        counted()->count<metric::authentication_failures>(1, authentication_source::ticket);
}

awaitable<ticket_manager::impl::ticket_result>
ticket_manager::impl::fetch(std::shared_ptr<impl> self, std::shared_ptr<refresh> begun,
                            unsigned number, time_point deadline) {
    ++self->running_;
    std::optional<ticket> fresh;
    std::exception_ptr failed;
    try {
        self->gate_.remember(secrets_of(*begun->auth));
        ticket_request what(*begun->auth, begun->reason, number, deadline, begun->replaces);
        auto asking = self->source_->fetch(std::move(what));
        if (!asking.valid())
            throw_error(error_info(errc::ticket_source_failed,
                                   "The ticket source returned an empty awaitable."));
        auto brought = co_await std::move(asking);
        fresh = std::move(brought);
    } catch (...) {
        failed = std::current_exception();
    }
    self->operation_ended();
    if (failed) {
        auto why = to_source_error(failed, self->gate_);
        why.details.attempt = number;
        co_return why;
    }
    if (auto fault = ticket_fault(*fresh)) co_return *std::move(fault);
    co_return *std::move(fresh);
}

awaitable<void> ticket_manager::impl::pause(std::shared_ptr<impl> self,
                                            std::shared_ptr<refresh> begun, error_info why,
                                            time_point until) {
    if (self->log_.enabled(log_level::warning))
        self->log_.write(log_level::warning,
                         fmt::format("ticket: attempt {} failed: {} The next is in {:.1f} s. [{}]",
                                     why.details.attempt.value_or(0), why.message,
                                     seconds(until - self->clock_->now()),
                                     why.details.to_string()));
    {
        const std::lock_guard lock(self->mutex_);
        begun->failure = std::move(why);
    }
    begun->paused_until = until;
    begun->outcome->notify(); // a waiter whose deadline comes first leaves
    while (self->clock_->now() < until)
        co_await self->changed_.wait_until(until);
    begun->paused_until = time_point::min();
}

void ticket_manager::impl::keep(refresh& ended, const ticket& fresh) {
    const auto at = now();
    gate_.remember(cookies::secrets_of(fresh));
    std::optional<std::chrono::milliseconds> left;
    {
        const std::lock_guard lock(mutex_);
        const auto became = tickets_.arrived(ended.generation, fresh, at);
        if (became == arrival::stale) return;
        ended.held = became == arrival::held;
        ++counts_.refreshes;
        counts_.last_error.reset();
        left = tickets_.expires_in(at);
    }
    if (counted())
        counted()->observe<metric::ticket_lifetime>(
            time_between(fresh.issued_at().value_or(at.wall), fresh.expires_at()));
    changed_.notify_all();
    if (!log_.enabled(log_level::info)) return;
    if (ended.held && left)
        log_.write(log_level::info,
                   fmt::format("ticket: received one that expires in {:.0f} s", seconds(*left)));
    else
        log_.write(log_level::info, "ticket: received one for the present waiters only");
}

void ticket_manager::impl::fail(const refresh& ended, const error_info& why) {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_ || ended.generation != tickets_.generation()) return;
        ++counts_.failures;
        if (ended.tally) ++ended.tally->failures;
        counts_.last_error = why;
    }
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning, fmt::format("ticket: the refresh failed: {} [{}]",
                                                   why.message, why.details.to_string()));
}

} // namespace parley
