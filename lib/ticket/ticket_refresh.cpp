// The one flight: who joins it, how it is flown, and what ends it.

#include <parley/error.hpp>

#include "policy/retry_fsm.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <utility>

namespace parley {

namespace {

// PROTOCOL.md 1: a ticket is an opaque string of up to 8 KiB.
constexpr std::size_t longest_ticket = 8 * 1024;

// Our own source ends its exchange at the deadline itself, and then knows how far it had come.
constexpr std::chrono::milliseconds grace_for_ours{250};

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

error_info timeout(std::string_view sentence, std::optional<unsigned> attempt) {
    error_details details;
    details.phase = phase::ticket;
    details.retryable = true;
    details.attempt = attempt;
    return error_info(errc::ticket_timeout, std::string(sentence), std::move(details));
}

} // namespace

ticket_manager::impl::waiting::waiting(std::shared_ptr<impl> owner, std::shared_ptr<refresh> joined)
    : owner_(std::move(owner)), joined_(std::move(joined)) {
    add(1);
}

ticket_manager::impl::waiting::~waiting() { add(-1); }

void ticket_manager::impl::waiting::add(int number) {
    joined_->waiters += static_cast<unsigned>(number);
    const std::lock_guard lock(owner_->mutex_);
    owner_->counts_.waiters += static_cast<unsigned>(number);
}

void ticket_manager::impl::abort() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

void ticket_manager::impl::check_caller(std::uint64_t clears) const {
    if (stopped_) abort();
    if (clears != clears_)
        throw_error(
            error_info(errc::ticket_cleared, "The ticket was cleared while it was waited for."));
}

/// What can be had without a request, if anything. Throws for a caller who gets nothing any more.
std::optional<ticket> ticket_manager::impl::serve(demand& what) {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    if (!what.clears) what.clears = clears_;
    check_caller(*what.clears);
    const ticket* held = nullptr;
    if (what.what == demand::kind::valid) held = tickets_.serve(at);
    if (what.what == demand::kind::other) held = tickets_.serve_other_than(what.rejected, at);
    return held ? std::optional(*held) : std::nullopt;
}

awaitable<ticket> ticket_manager::impl::get(std::shared_ptr<impl> self, demand what) {
    if (auto held = self->serve(what)) co_return *std::move(held);
    auto crossing = cross(self, std::move(what));
    co_return co_await std::move(crossing);
}

awaitable<ticket> ticket_manager::impl::cross(std::shared_ptr<impl> self, demand what) {
    const auto where = self->strand_;
    return detail::on_strand<ticket>(
        where, [self = std::move(self), what = std::move(what)] { return obtain(self, what); });
}

awaitable<ticket> ticket_manager::impl::obtain(std::shared_ptr<impl> self, demand what) {
    std::optional<ticket_reason> reason;
    if (what.what == demand::kind::fresh) reason = ticket_reason::requested;
    if (what.what == demand::kind::other) reason = ticket_reason::rejected;
    for (;;) {
        if (auto held = self->serve(what)) co_return *std::move(held);
        const auto joined = self->join_refresh(reason);
        co_await wait_for(self, joined, what.deadline);
        if (joined->given_up) abort();
        if (joined->superseded) continue; // serve says what it means for this caller
        if (joined->error) throw_error(*joined->error);
        if (joined->value->kind() == ticket_kind::reusable) co_return *joined->value;
        if (!std::exchange(joined->claimed, true)) co_return *joined->value;
    }
}

std::shared_ptr<ticket_manager::impl::refresh>
ticket_manager::impl::join_refresh(std::optional<ticket_reason> reason) {
    follow_identity();
    if (refresh_) return refresh_;
    std::shared_ptr<refresh> begun;
    {
        const std::lock_guard lock(mutex_);
        begun = std::make_shared<refresh>(*this, reason.value_or(tickets_.reason()),
                                          tickets_.generation(), auth_);
    }
    begun->task = launch<void>([self = shared_from_this(), begun] { return perform(self, begun); });
    refresh_ = begun;
    const std::lock_guard lock(mutex_);
    counts_.in_flight = true;
    return begun;
}

awaitable<void> ticket_manager::impl::wait_for(std::shared_ptr<impl> self,
                                               std::shared_ptr<refresh> joined,
                                               time_point deadline) {
    const waiting here(self, joined);
    while (!joined->over()) {
        // DESIGN.md 3: a wait that would pass the deadline fails at once.
        const bool too_late = self->clock_->now() >= deadline;
        if (joined->last_error && (too_late || joined->paused_until >= deadline))
            throw_error(*joined->last_error);
        if (too_late)
            throw_error(timeout("No ticket arrived within the time given.", std::nullopt));
        co_await joined->changed.wait_until(deadline);
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
    // Not before who has started it waits for it.
    co_await asio::post(self->strand_, asio::use_awaitable);
    retry_fsm retry(self->config_.max_retries, self->config_.backoff);
    for (;;) {
        auto got = co_await attempt(self, flying, retry.attempt());
        if (got) co_return self->arrive(flying, std::move(*got));
        const auto& why = got.error();
        const auto next =
            retry.failed(why.details, self->clock_->now(), self->environment_->jitter());
        if (!next) co_return self->fail(flying, why);
        flying->last_error = why;
        flying->paused_until = *next;
        flying->changed.notify_all();
        if (self->log_.enabled(log_level::warning))
            self->log_.write(
                log_level::warning,
                fmt::format("ticket: attempt {} failed: {} The next is in {:.1f} s. [{}]",
                            why.details.attempt.value_or(0), why.message,
                            seconds(*next - self->clock_->now()), why.details.to_string()));
        condition pause(self->strand_, self->clock_);
        while (self->clock_->now() < *next)
            co_await pause.wait_until(*next);
        // Nobody needs it any more, and the server has asked for peace.
        if (flying->waiters == 0) co_return self->fail(flying, why);
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
    const auto fetching =
        self->launch<ticket>([self, request = std::move(request)] { return fetch(self, request); });
    const auto end = self->http_ ? after(deadline, grace_for_ours) : deadline;
    try {
        co_await fetching->wait_until(end);
    } catch (...) {
        fetching->cancel();
        throw;
    }
    if (!fetching->done()) {
        fetching->cancel(); // it may take its time: nobody waits for it but stop
        co_return timeout("The source of tickets did not answer in time.", number);
    }
    try {
        auto got = fetching->get();
        if (auto wrong = complaint(got.value(), longest_ticket)) co_return std::move(*wrong);
        co_return got;
    } catch (...) {
        auto why = to_source_error(std::current_exception(), *flying->auth);
        why.details.attempt = number;
        co_return why;
    }
}

awaitable<ticket> ticket_manager::impl::fetch(std::shared_ptr<impl> self, ticket_request request) {
    ticket got;
    std::exception_ptr failed;
    try {
        auto fresh = co_await self->source_->fetch(std::move(request));
        got = std::move(fresh);
    } catch (...) {
        failed = std::current_exception();
    }
    self->task_ended();
    if (failed) std::rethrow_exception(failed);
    co_return got;
}

void ticket_manager::impl::arrive(const std::shared_ptr<refresh>& flying, ticket fresh) {
    const auto at = now();
    auto became = arrival::stale;
    std::optional<std::chrono::milliseconds> left;
    {
        const std::lock_guard lock(mutex_);
        became = tickets_.arrived(flying->generation, fresh, at);
        if (became != arrival::stale) {
            ++counts_.refreshes;
            counts_.last_error.reset();
            left = tickets_.expires_in(at);
        }
    }
    if (became == arrival::stale) return follow_identity();
    flying->kept = became == arrival::held;
    flying->value = std::move(fresh);
    land(flying);
    renewal_changed_.notify_all();
    if (!log_.enabled(log_level::info)) return;
    if (flying->kept && left)
        log_.write(log_level::info,
                   fmt::format("ticket: got one that expires in {:.0f} s", seconds(*left)));
    else
        log_.write(log_level::info, "ticket: got one that serves for this time only");
}

void ticket_manager::impl::fail(const std::shared_ptr<refresh>& flying, error_info why) {
    {
        const std::lock_guard lock(mutex_);
        if (tickets_.generation() == flying->generation) {
            ++counts_.failures;
            counts_.last_error = why;
        }
    }
    follow_identity();
    if (flying->over()) return; // the failure of an identity that is gone
    if (log_.enabled(log_level::warning))
        log_.write(log_level::warning, fmt::format("ticket: none could be had: {} [{}]",
                                                   why.message, why.details.to_string()));
    flying->error = std::move(why);
    land(flying);
}

void ticket_manager::impl::land(const std::shared_ptr<refresh>& flying) {
    flying->landed = true;
    flying->changed.notify_all();
    if (refresh_ != flying) return;
    refresh_.reset();
    const std::lock_guard lock(mutex_);
    counts_.in_flight = false;
}

/// The refresh that is on counts no more: who waits for it looks around anew.
void ticket_manager::impl::supersede() {
    const auto old = std::exchange(refresh_, nullptr);
    if (!old) return;
    old->superseded = true;
    old->changed.notify_all();
    if (old->task) old->task->cancel();
    const std::lock_guard lock(mutex_);
    counts_.in_flight = false;
}

/// Throws away what is under way for an identity that is gone.
void ticket_manager::impl::follow_identity() {
    std::uint64_t generation = 0;
    {
        const std::lock_guard lock(mutex_);
        generation = tickets_.generation();
    }
    if (refresh_ && refresh_->generation != generation) {
        log_.write(log_level::debug, "ticket: the identity has changed, a request is given up");
        supersede();
    }
    if (validation_ && validation_->generation != generation) give_up_validation();
}

void ticket_manager::impl::shut_down() {
    stop_renewal();
    std::shared_ptr<const failed_handler> old; // destroyed without the lock
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        old = std::exchange(on_renewal_failed_, nullptr);
    }
    supersede();
    give_up_validation();
    tasks_.cancel();
}

void ticket_manager::impl::task_ended() {
    if (--running_ == 0) idle_.notify_all();
}

} // namespace parley
