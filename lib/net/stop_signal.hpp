#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace parley {

/// Ends the operation of an owner, whichever wait it is in. Strand only.
///
/// An operation adds a hook before it waits. The hook rings an alarm or closes a socket; it neither
/// resumes a coroutine inline nor throws. A request is permanent: an operation that starts later
/// checks `requested` first.
class stop_signal {
public:
    stop_signal() = default;
    stop_signal(const stop_signal&) = delete;
    stop_signal& operator=(const stop_signal&) = delete;

    bool requested() const noexcept { return requested_; }

    void request() noexcept {
        requested_ = true;
        for (const hook* each = last_; each; each = each->before_)
            each->action_();
    }

    class hook {
    public:
        hook(std::shared_ptr<stop_signal> on, std::function<void()> action)
            : on_(std::move(on)), action_(std::move(action)), before_(on_->last_) {
            if (before_) before_->next_ = this;
            on_->last_ = this;
        }
        hook(const hook&) = delete;
        hook& operator=(const hook&) = delete;
        ~hook() {
            if (before_) before_->next_ = next_;
            (next_ ? next_->before_ : on_->last_) = before_;
        }

    private:
        friend class stop_signal;

        std::shared_ptr<stop_signal> on_;
        std::function<void()> action_;
        hook* before_;
        hook* next_ = nullptr;
    };

private:
    bool requested_ = false;
    hook* last_ = nullptr;
};

} // namespace parley
