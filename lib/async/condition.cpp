#include "async/condition.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace parley {

/// One waiter. Its alarm owns it, and so does the context.
class condition::registration : public std::enable_shared_from_this<registration> {
public:
    explicit registration(condition& in)
        : bell_(in.clock_->make_alarm(in.executor_)), in_(&in), before_(in.last_) {
        (before_ ? before_->next_ : in.first_) = this;
        in.last_ = this;
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() {
        leave();
        if (parked_) std::destroy_at(parked_);
    }

    static registration& make(condition& in, time_point until) {
        const auto made = std::make_shared<registration>(in);
        made->bell_->call_at(until, [made] { made->go_on(); });
        return *made;
    }

    /// Suspends the awaiting coroutine, without an allocation.
    auto parking() {
        return asio::async_initiate<const asio::deferred_t, void()>(
            [](auto handler, registration* self) { self->park(std::move(handler)); },
            asio::deferred, this);
    }

    void notify() {
        notified_ = true;
        bell_->ring();
    }

    void go_on() {
        if (!parked_) return; // it has resumed
        leave();
        bell_.reset();
        std::exchange(parked_, nullptr)->go_on();
    }

    void forget_condition() noexcept { in_ = nullptr; }
    bool notified() const noexcept { return notified_; }
    registration* next() const noexcept { return next_; }

private:
    class waiter {
    public:
        virtual ~waiter() = default;
        virtual void go_on() = 0; ///< and destroys itself
    };

    template <class Handler>
    class waiter_of final : public waiter {
    public:
        explicit waiter_of(Handler&& completed) : completed_(std::move(completed)) {}
        void go_on() override {
            auto slot = asio::get_associated_cancellation_slot(completed_);
            if (slot.is_connected()) slot.clear();
            Handler upcall = std::move(completed_);
            std::destroy_at(this);
            std::move(upcall)();
        }

    private:
        Handler completed_;
    };

    template <class Handler>
    void park(Handler handler) {
        static_assert(sizeof(waiter_of<Handler>) <= sizeof room_);
        auto slot = asio::get_associated_cancellation_slot(handler);
        parked_ = ::new (static_cast<void*>(room_)) waiter_of<Handler>(std::move(handler));
        if (slot.is_connected())
            slot.assign([weak = weak_from_this()](asio::cancellation_type) {
                if (const auto self = weak.lock()) self->bell_->ring();
            });
    }

    void leave() noexcept {
        if (!in_) return;
        (before_ ? before_->next_ : in_->first_) = next_;
        (next_ ? next_->before_ : in_->last_) = before_;
        in_ = nullptr;
    }

    std::unique_ptr<alarm> bell_; // until the waiter resumes
    condition* in_;               // null: destroyed, or left
    registration* before_;
    registration* next_ = nullptr;
    bool notified_ = false;
    waiter* parked_ = nullptr; // in room_
    alignas(std::max_align_t) std::byte room_[48];
};

condition::~condition() {
    for (registration* each = first_; each; each = each->next())
        each->forget_condition();
}

void condition::notify_all() {
    for (registration* each = first_; each; each = each->next())
        each->notify();
}

void condition::run_notified(const std::shared_ptr<condition>& self) {
    const auto first_notified = [&self] {
        registration* each = self->first_;
        while (each && !each->notified())
            each = each->next();
        return each;
    };
    while (registration* next = first_notified()) {
        const auto kept = next->shared_from_this();
        kept->go_on();
    }
}

awaitable<void> condition::wait(condition* self, time_point until) {
    auto waiting = registration::make(*self, until).parking();
    co_await std::move(waiting);
}

} // namespace parley
