// What keeps a ticket good beside the flight: proactive renewal, and the server's word on it.

#include <parley/error.hpp>

#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace parley {

namespace {

constexpr std::chrono::seconds verdict_lifetime{30}; // doc/protocol.md 1.5
constexpr std::size_t most_verdicts = 16;

/// What a user's handler throws must not end the task that called it.
template <class Call>
void guarded(const logger& log, std::string_view name, Call call) {
    try {
        call();
    } catch (...) {
        report(log, std::current_exception(), fmt::format("ticket: {} threw: ", name));
    }
}

} // namespace

// ---- renewal

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
    strand_.post([self = shared_from_this()] { self->renewal_changed_.notify_all(); });
}

void ticket_manager::impl::run_renewal() {
    renewal_changed_.notify_all();
    if (!renewing() || std::exchange(renewal_running_, true)) return;
    tasks_.spawn([self = shared_from_this()] { return renew(self); });
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
    while (self->renewing()) {
        const auto next = self->next_renewal();
        if (next.renew) {
            co_await renew_once(self);
        } else {
            co_await self->renewal_changed_.wait_until(next.wake_at);
        }
    }
    self->renewal_running_ = false;
}

ticket_manager::impl::waiting::waiting(std::shared_ptr<impl> owner, std::shared_ptr<refresh> joined)
    : owner_(std::move(owner)), joined_(std::move(joined)) {
    add(1);
}

ticket_manager::impl::waiting::~waiting() { add(-1); }

void ticket_manager::impl::waiting::add(int number) {
    const std::lock_guard lock(owner_->mutex_);
    joined_->waiters += static_cast<unsigned>(number);
    owner_->counts_.waiters += static_cast<unsigned>(number);
}

awaitable<void> ticket_manager::impl::renew_once(std::shared_ptr<impl> self) {
    const auto joined = self->join_for_renewal();
    if (!joined) co_return; // this is the end
    {
        const waiting here(self, joined);
        while (!joined->over() && self->renewing())
            co_await self->renewal_changed_.wait_until();
    }
    if (joined->now != refresh::state::landed || !self->renewing()) co_return;
    if (joined->error) co_return self->renewal_failed(*joined->error);
    if (joined->kept) co_return self->renewed(*joined->value);
    self->log_.write(log_level::warning, "ticket: a renewal brought none that can be kept");
}

std::shared_ptr<ticket_manager::impl::refresh> ticket_manager::impl::join_for_renewal() {
    std::shared_ptr<refresh> flying;
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return nullptr;
        flying = refresh_.lock();
        if (flying) return flying;
        flying = begin_refresh(ticket_reason::renewal, nullptr);
    }
    depart(flying);
    return flying;
}

void ticket_manager::impl::renewed(const ticket& fresh) {
    std::shared_ptr<const renewed_handler> handler;
    {
        const std::lock_guard lock(mutex_);
        handler = on_renewed_;
    }
    if (handler && *handler) guarded(log_, "on_renewed", [&] { (*handler)(fresh); });
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
    if (handler) guarded(log_, "on_renewal_failed", [&] { (*handler)(why); });
}

// ---- validation

awaitable<ticket_validation> ticket_manager::impl::validate(std::shared_ptr<impl> self) {
    std::uint64_t clears = 0;
    {
        const std::lock_guard lock(self->mutex_);
        clears = self->clears_;
        self->check_caller(clears);
    }
    auto crossing = cross_to_validate(std::move(self), clears);
    co_return co_await std::move(crossing);
}

awaitable<ticket_validation> ticket_manager::impl::cross_to_validate(std::shared_ptr<impl> self,
                                                                     std::uint64_t clears) {
    auto where = self->where();
    return detail::on_strand<ticket_validation>(
        std::move(where), [self = std::move(self), clears] { return ask_server(self, clears); });
}

awaitable<ticket_validation> ticket_manager::impl::ask_server(std::shared_ptr<impl> self,
                                                              std::uint64_t clears) {
    for (;;) {
        const auto joined = self->join_validation(clears);
        co_await joined->task->wait_until(time_point::max());
        if (self->still_counts(*joined)) co_return joined->task->get().value(); // or throws
    }
}

/// The validation of the held ticket that is on, or a new one. Throws for a caller who gets none.
std::shared_ptr<ticket_manager::impl::validation>
ticket_manager::impl::join_validation(std::uint64_t clears) {
    follow_identity();
    auto begun = std::make_shared<validation>();
    {
        const std::lock_guard lock(mutex_);
        check_caller(clears);
        const ticket* held = tickets_.held();
        if (!held) throw_error(error_info(errc::ticket_absent, "There is no ticket to validate."));
        begun->value = held->value();
        begun->generation = tickets_.generation();
        begun->auth = auth_;
    }
    if (!http_)
        throw_error(error_info(errc::ticket_source_failed,
                               "The source of these tickets has no server that could be asked."));
    if (validation_ && validation_->value == begun->value) return validation_;
    give_up_validation();
    begun->task = launch<result<ticket_validation>>(
        [self = shared_from_this(), begun] { return perform_validation(self, begun); });
    validation_ = begun;
    return begun;
}

bool ticket_manager::impl::still_counts(const validation& landed) const {
    const std::lock_guard lock(mutex_);
    return !stopped_ && !landed.given_up && landed.generation == tickets_.generation();
}

/// Its ticket is not the held one any more: who waits for it looks around anew.
void ticket_manager::impl::give_up_validation() {
    const auto old = std::exchange(validation_, nullptr);
    if (!old) return;
    old->given_up = true;
    if (old->task) old->task->abandon(detail::aborted());
}

awaitable<result<ticket_validation>>
ticket_manager::impl::perform_validation(std::shared_ptr<impl> self,
                                         std::shared_ptr<validation> flying) {
    std::optional<ticket_validation> answer;
    std::exception_ptr failed;
    try {
        // Not before it is known as the one that is on.
        co_await asio::post(self->strand_.executor(), asio::use_awaitable);
        if (!self->still_counts(*flying)) abort();
        answer = self->remembered(flying->value);
        if (!answer) {
            self->gate_.remember(secrets_of(*flying->auth));
            const auto deadline = after(self->clock_->now(), self->validate_timeout_);
            auto said = co_await self->http_->validate(flying->value, flying->auth, deadline);
            self->remember(flying->value, said);
            answer = std::move(said);
        }
    } catch (...) {
        failed = std::current_exception();
    }
    if (self->validation_ == flying) self->validation_.reset();
    self->task_ended();
    if (failed) co_return to_source_error(failed, self->gate_);
    if (!answer->valid) self->drop(*flying);
    co_return *std::move(answer);
}

/// Throws away the question that was asked for an identity that is gone.
void ticket_manager::impl::follow_identity() {
    if (validation_ && !still_counts(*validation_)) give_up_validation();
}

std::optional<ticket_validation> ticket_manager::impl::remembered(const secret& value) {
    std::erase_if(verdicts_, [at = clock_->now()](const verdict& old) { return old.until <= at; });
    const auto found = std::ranges::find(verdicts_, value, &verdict::value);
    return found == verdicts_.end() ? std::nullopt : std::optional(found->answer);
}

void ticket_manager::impl::remember(const secret& value, const ticket_validation& answer) {
    if (verdicts_.size() == most_verdicts) verdicts_.pop_front();
    verdicts_.push_back({value, answer, after(clock_->now(), verdict_lifetime)});
}

void ticket_manager::impl::drop(const validation& refused) {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        tickets_.drop(refused.value);
    }
    log_.write(log_level::warning, "ticket: the server says that the held one is not valid");
}

} // namespace parley
