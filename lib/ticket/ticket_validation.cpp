// The server's word on the held ticket (doc/protocol.md 1.5).

#include <parley/error.hpp>

#include "async/call_on_strand.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <exception>
#include <utility>

namespace parley {

awaitable<ticket_validation> ticket_manager::impl::validate(std::shared_ptr<impl> self) {
    std::uint64_t clears = 0;
    {
        const std::lock_guard lock(self->mutex_);
        clears = self->clears_;
        self->check_caller(clears);
    }
    auto waiting = call_on_strand(std::move(self), &impl::wait_for_verdict, clears);
    co_return co_await std::move(waiting);
}

awaitable<ticket_validation> ticket_manager::impl::wait_for_verdict(std::shared_ptr<impl> self,
                                                                    std::uint64_t clears) {
    for (;;) {
        const auto joined = self->join_validation(clears);
        co_await joined->outcome->wait_until(time_point::max());
        // Abandoned, because the ticket was replaced: the caller hears about the new one.
        if (joined->outcome->abandoned() || !self->is_current(joined->generation)) continue;
        auto answer = joined->outcome->get();
        co_return std::move(answer).value(); // or throws
    }
}

/// The validation of the held ticket in flight, or a new one. Throws for a caller that gets none.
std::shared_ptr<ticket_manager::impl::validation>
ticket_manager::impl::join_validation(std::uint64_t clears) {
    const auto begun = std::make_shared<validation>();
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
        throw_error(
            error_info(errc::ticket_source_failed, "The ticket source has no server to ask."));
    if (validation_ && validation_->generation == begun->generation &&
        validation_->value == begun->value)
        return validation_;
    abandon_validation();
    validation_ = begun;
    try {
        begun->outcome = shared_awaitable<result<ticket_validation>>::start(
            strand_, clock_,
            [self = shared_from_this(), begun] { return run_validation(self, begun); });
    } catch (...) { // out of memory
        validation_.reset();
        throw;
    }
    return begun;
}

awaitable<result<ticket_validation>>
ticket_manager::impl::run_validation(std::shared_ptr<impl> self,
                                     std::shared_ptr<validation> begun) {
    ++self->running_;
    std::optional<ticket_validation> answer;
    std::exception_ptr failed;
    try {
        answer = self->verdicts_.find(begun->value, self->clock_->now());
        if (!answer) {
            self->gate_.remember(secrets_of(*begun->auth));
            const auto deadline = after(self->clock_->now(), self->validate_timeout_);
            auto said = co_await self->http_->validate(begun->value, begun->auth, deadline);
            self->verdicts_.add(begun->value, said, self->clock_->now());
            answer = std::move(said);
        }
    } catch (...) {
        failed = std::current_exception();
    }
    if (self->validation_ == begun) self->validation_.reset();
    self->operation_ended();
    if (failed) co_return to_source_error(failed, self->gate_);
    if (!answer->valid && self->drop(begun->value))
        self->log_.write(log_level::warning, "ticket: the server rejected the held one as invalid");
    co_return *std::move(answer);
}

void ticket_manager::impl::abandon_validation() {
    const auto old = std::exchange(validation_, nullptr);
    if (old) old->outcome->abandon(detail::aborted());
}

/// False once stopped.
bool ticket_manager::impl::drop(const secret& refused) {
    const std::lock_guard lock(mutex_);
    if (!stopped_) tickets_.drop(refused);
    return !stopped_;
}

} // namespace parley
