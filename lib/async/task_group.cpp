#include "async/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <list>
#include <utility>

namespace parley {

namespace {

struct task {
    asio::cancellation_signal signal;
    bool done = false;
    unsigned told = 0; // the last round of cancellations that it was in
};

bool is_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& thrown) {
        return thrown.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

} // namespace

struct task_group::state {
    state(asio::any_io_executor on, std::shared_ptr<clock_source> clock, error_handler handler)
        : executor(on), on_error(std::move(handler)), changed(std::move(on), std::move(clock)) {}

    void finish(const std::shared_ptr<task>& ended, const std::exception_ptr& error) {
        ended->done = true;
        running.remove(ended);
        if (running.empty()) changed.notify_all();
        if (error && on_error && !is_cancellation(error)) on_error(error);
    }

    static awaitable<void> join(std::shared_ptr<state> self) {
        while (!self->running.empty())
            co_await self->changed.wait_until();
    }

    asio::any_io_executor executor;
    error_handler on_error;
    condition changed;
    std::list<std::shared_ptr<task>> running;
    unsigned rounds = 0; // of cancellations
};

task_group::task_group(asio::any_io_executor executor, std::shared_ptr<clock_source> clock,
                       error_handler on_error)
    : state_(std::make_shared<state>(std::move(executor), std::move(clock), std::move(on_error))) {}

task_group::~task_group() = default;

void task_group::spawn(std::function<awaitable<void>()> body) {
    auto added = std::make_shared<task>();
    state_->running.push_back(added); // before co_spawn: the body starts inline
    auto slot = added->signal.slot();
    auto finish = [held = state_, added](const std::exception_ptr& error) {
        held->finish(added, error);
    };
    try {
        asio::co_spawn(state_->executor, std::move(body),
                       asio::bind_cancellation_slot(slot, std::move(finish)));
    } catch (...) { // it could not be started, so it is not to be waited for
        if (!added->done) state_->finish(added, nullptr);
        throw;
    }
}

void task_group::cancel() {
    // A cancelled task may end at once, and end others.
    const auto round = ++state_->rounds;
    const auto untold = [round](const std::shared_ptr<task>& one) { return one->told < round; };
    auto& all = state_->running;
    for (auto at = all.begin(); (at = std::ranges::find_if(all, untold)) != all.end();) {
        const auto one = *at;
        one->told = round;
        one->signal.emit(asio::cancellation_type::terminal);
    }
}

awaitable<void> task_group::join() { return state::join(state_); }

bool task_group::empty() const noexcept { return state_->running.empty(); }

} // namespace parley
