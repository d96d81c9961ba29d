#include <parley/detail/strand_call.hpp>

#include <new>
#include <utility>

namespace parley::detail {

strand_call::strand_call(const asio::any_io_executor& caller, strand target)
    : of_caller_(context_watch::of(caller)),
      of_target_(same_context(caller, target.executor()) ? of_caller_
                                                         : context_watch::of(target.executor())),
      timer_(std::in_place, caller, asio::steady_timer::time_point::max()),
      target_(std::move(target)) {}

// Without the lock: no other thread has a reference to this before `begin`, which may end the call
// and destroy the target.
void strand_call::start(std::weak_ptr<called_operation> operation, std::function<void()> begin) {
    operation_ = std::move(operation);
    if (of_caller_ == of_target_) {
        const strand where = *target_;
        return where.dispatch(std::move(begin));
    }
    of_target_->while_alive([this, &begin] {
        const strand where = *target_;
        where.post(std::move(begin));
    });
}

void strand_call::cancel(asio::cancellation_type type) {
    const std::lock_guard lock(mutex_);
    ask_to_cancel(type);
}

void strand_call::caller_leaves() noexcept {
    std::optional<asio::steady_timer> last;
    const std::lock_guard lock(mutex_);
    last.swap(timer_);
    if (completed_) return;
    try {
        ask_to_cancel(asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) { // the operation runs to its end, without a waiter
    }
}

void strand_call::operation_leaves() noexcept {
    std::optional<strand> last;
    const std::lock_guard lock(mutex_);
    last.swap(target_);
    end();
}

void strand_call::end() {
    if (std::exchange(completed_, true) || !timer_) return;
    of_caller_->while_alive([this] { timer_->cancel(); });
}

void strand_call::ask_to_cancel(asio::cancellation_type type) {
    if (!target_) return;
    of_target_->while_alive([this, type] {
        target_->post([weak = operation_, type] {
            if (const auto held = weak.lock()) held->cancel(type);
        });
    });
}

} // namespace parley::detail
