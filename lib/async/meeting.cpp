#include <parley/detail/meeting.hpp>

#include <new>

namespace parley::detail {

meeting::meeting(const asio::any_io_executor& caller, strand target)
    : of_caller_(context_watch::of(caller)), of_target_(context_watch::of(target.executor())),
      timer_(std::in_place, caller, asio::steady_timer::time_point::max()),
      target_(std::move(target)) {}

// Without the lock: nobody else knows of this before the post, and `begin` may be destroyed here.
void meeting::start(std::weak_ptr<called_operation> operation, std::function<void()> begin) {
    operation_ = std::move(operation);
    of_target_->while_alive([this, &begin] {
        const strand where = *target_; // which may be gone before the post returns
        where.post(std::move(begin));
    });
}

void meeting::cancel(asio::cancellation_type type) {
    const std::lock_guard lock(mutex_);
    ask_to_cancel(type);
}

void meeting::caller_leaves() noexcept {
    std::optional<asio::steady_timer> last;
    const std::lock_guard lock(mutex_);
    last.swap(timer_);
    if (completed_) return;
    try {
        ask_to_cancel(asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) { // it runs to its end, which nobody waits for
    }
}

void meeting::target_leaves() noexcept {
    std::optional<strand> last;
    const std::lock_guard lock(mutex_);
    last.swap(target_);
    if (completed_ || !timer_) return;
    completed_ = true;
    wake();
}

void meeting::wake() {
    of_caller_->while_alive([this] { timer_->cancel(); });
}

void meeting::ask_to_cancel(asio::cancellation_type type) {
    if (!target_) return;
    of_target_->while_alive([this, type] {
        target_->post([weak = operation_, type] {
            if (const auto held = weak.lock()) held->cancel(type);
        });
    });
}

} // namespace parley::detail
