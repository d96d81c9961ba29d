#include "message/tool_execution.hpp"

#include "message/tool_runner.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

namespace parley {

bool closable_strand::running_in_this_thread() {
    const std::lock_guard lock(mutex_);
    return strand_ && strand_->running_in_this_thread();
}

void closable_strand::post(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    if (strand_) strand_->post(std::move(call));
}

void closable_strand::close() {
    const std::lock_guard lock(mutex_);
    strand_.reset();
}

tool_execution::tool_execution(const asio::any_io_executor& where,
                               std::shared_ptr<closable_strand> owner_strand,
                               std::shared_ptr<const tool> called, tool_call call,
                               std::weak_ptr<tool_runner> owner, tool_request_id id)
    : where_(detail::strand::of(where)), owner_strand_(std::move(owner_strand)),
      tool_(std::move(called)), call_(std::move(call)), owner_(std::move(owner)), id_(id) {}

void tool_execution::post() {
    where_.post([self = shared_from_this()] { self->launch(); });
}

void tool_execution::launch() {
    if (state_ == state::withdrawn) return finish(tool_answer(tool_outcome::failed, ""));
    state_ = state::running;
    const auto failed = [self = shared_from_this()] {
        if (self->state_ != state::finished) self->finish(tool_answer(tool_outcome::failed, ""));
    };
    try {
        asio::co_spawn(
            where_.executor(), [self = shared_from_this()] { return call_handler(self); },
            // `finish` answers: a completion of co_spawn would cost another turn.
            asio::bind_cancellation_slot(signal_.slot(), [failed](const std::exception_ptr& error) {
                if (error) failed();
            }));
    } catch (const std::bad_alloc&) {
        failed();
    }
}

awaitable<void> tool_execution::call_handler(std::shared_ptr<tool_execution> self) {
    tool_answer answer(tool_outcome::failed, "");
    try {
        auto work = self->tool_->handler()(std::move(self->call_));
        if (!work.valid()) throw std::logic_error("the tool's handler returned an empty awaitable");
        auto result = co_await std::move(work);
        answer = tool_answer(std::move(result));
    } catch (const std::exception& thrown) {
        answer = tool_answer(tool_outcome::failed, thrown.what());
    } catch (...) { // no text to report
    }
    self->finish(std::move(answer));
}

void tool_execution::finish(tool_answer&& answer) {
    state_ = state::finished;
    if (owner_strand_->running_in_this_thread()) {
        if (const auto owner = owner_.lock()) owner->ended(id_, std::move(answer));
        return;
    }
    owner_strand_->post([weak = owner_, id = id_, answer = std::move(answer)] {
        if (const auto owner = weak.lock()) owner->ended(id, answer);
    });
}

void tool_execution::cancel() {
    where_.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        if (self->state_ == state::waiting) {
            self->state_ = state::withdrawn;
        } else if (self->state_ == state::running) {
            self->state_ = state::cancelling;
            self->signal_.emit(asio::cancellation_type::terminal);
        }
    });
}

} // namespace parley
