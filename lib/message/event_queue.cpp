#include "message/event_queue.hpp"

#include <parley/detail/context_watch.hpp>
#include <parley/detail/on_strand.hpp>

#include "async/condition.hpp"
#include "message/chunked_queue.hpp"
#include "message/event_facts.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

namespace intrusive = boost::intrusive;

class event_queue::impl : public std::enable_shared_from_this<event_queue::impl> {
public:
    impl(const asio::any_io_executor& strand, std::shared_ptr<clock_source> clock,
         const limits_config& limits, before_first unread)
        : strand_(detail::strand::of(strand)), context_(detail::context_watch::of(*strand_)),
          clock_(std::move(clock)), max_count_(std::max<std::size_t>(limits.event_count, 1)),
          max_bytes_(std::max<std::size_t>(limits.event_bytes, 1)),
          room_(std::in_place, *strand_, clock_),
          reading_(unread == before_first::wait ? reading::begun : reading::awaited) {}

    bool push(event&& happened) {
        const std::lock_guard lock(mutex_);
        if (state_ != state::open) return false;
        const bool read = reading_ == reading::begun;
        if (!read && repeats_last_notice(happened)) {
            count_dropped();
            return false;
        }
        const auto bytes = facts_of(happened).bytes;
        bytes_ += bytes;
        waiting_.emplace_back(std::move(happened), bytes);
        if (!read) return drop_oldest();
        full_.store(is_full(waiting_.size(), bytes_), std::memory_order_relaxed);
        if (waiting_.size() == 1) wake(); // else the first one has woken the waiters
        return false;
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

    /// Asked for every message, and so without the lock.
    bool full() const noexcept { return full_.load(std::memory_order_relaxed); }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            if (state_ != state::open) return;
            state_ = state::closed;
            ++epoch_;
            before_close_ = waiting_.size();
            wake();
        }
        if (room_) room_->notify_all();
    }

    void reopen() {
        const std::lock_guard lock(mutex_);
        if (state_ == state::closed) state_ = state::open;
    }

    void abort() {
        waiting_events dropped;
        {
            const std::lock_guard lock(mutex_);
            state_ = state::aborted;
            bytes_ = 0;
            full_.store(false, std::memory_order_relaxed);
            dropped.swap(waiting_);
            wake();
        }
        if (room_) room_->notify_all();
    }

    /// The owner goes. What is left is kept by callers in other contexts, and keeps nothing of the
    /// strand's.
    void leave() {
        std::optional<detail::strand> last;
        const std::lock_guard lock(mutex_);
        state_ = state::aborted;
        for (waiter& each : waiters_)
            each.wake_in_other_context();
        last.swap(strand_);
        room_.reset(); // it holds the executor too
    }

    static awaitable<std::optional<event>> next(std::shared_ptr<impl> self) {
        std::optional<std::uint64_t> since; // the epoch of the queue at the first look
        std::optional<waiter> mine;
        for (;;) {
            std::optional<event> taken;
            if (self->take(since, taken)) co_return taken;
            const auto executor = co_await asio::this_coro::executor;
            mine.emplace(*self, executor);
            co_await mine->wait(*since);
            // A cancelled caller leaves there what has come.
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none)
                std::rethrow_exception(detail::aborted());
        }
    }

    static awaitable<void> wait_for_room(std::shared_ptr<impl> self) {
        while (self->wants_room())
            co_await self->room_->wait_until();
    }

private:
    struct entry {
        entry(event&& what, std::size_t size) : happened(std::move(what)), bytes(size) {}
        event happened;
        std::size_t bytes;
    };
    using waiting_events = chunked_queue<entry, 16>;

    enum class state { open, closed, aborted };
    /// By the first `next`, or from the beginning with `before_first::wait`.
    enum class reading { awaited, overflowed, begun };
    enum class outcome { ready, end, aborted, nothing };

    bool is_full(std::size_t count, std::size_t bytes) const {
        return count >= max_count_ || bytes >= max_bytes_;
    }

    // Under the lock. A call that began before a `close` gets what came before it, and then sees
    // the end, also after a `reopen`.
    outcome look(std::uint64_t since) const {
        if (state_ == state::aborted) return outcome::aborted;
        const bool same_epoch = epoch_ == since;
        if (same_epoch ? !waiting_.empty() : before_close_ > 0) return outcome::ready;
        return state_ == state::closed || !same_epoch ? outcome::end : outcome::nothing;
    }

    // Under the lock, before the first `next`.
    bool repeats_last_notice(const event& happened) {
        const auto* stored = std::get_if<messages_persisted>(&happened);
        if (!stored || waiting_.empty()) return false;
        const auto* before = std::get_if<messages_persisted>(&waiting_.back().happened);
        return before && before->thread_id == stored->thread_id &&
               before->provider_res_id == stored->provider_res_id;
    }

    // Likewise. The newest stays, however large it is.
    bool drop_oldest() {
        const auto before = reading_;
        while (waiting_.size() > max_count_ || (waiting_.size() > 1 && bytes_ > max_bytes_)) {
            bytes_ -= waiting_.front().bytes;
            pop_front();
            count_dropped();
            reading_ = reading::overflowed;
        }
        return before != reading_;
    }

    // Likewise.
    void pop_front() noexcept {
        waiting_.pop_front();
        if (before_close_ > 0) --before_close_;
    }

    void count_dropped() { dropped_.store(dropped() + 1, std::memory_order_relaxed); }

    // Under the lock: somebody takes what there is, and from now on nothing is dropped.
    void begin_reading() {
        reading_ = reading::begun;
        full_.store(is_full(waiting_.size(), bytes_), std::memory_order_relaxed);
    }

    // The oldest event, or none at the end. False: there is nothing yet. Throws when aborted.
    bool take(std::optional<std::uint64_t>& since, std::optional<event>& into) {
        const std::lock_guard lock(mutex_);
        if (reading_ != reading::begun) begin_reading();
        if (!since) since = epoch_;
        const auto seen = look(*since);
        if (seen == outcome::aborted) std::rethrow_exception(detail::aborted());
        if (seen == outcome::ready) {
            make_room();
            into.emplace(std::move(waiting_.front().happened));
            pop_front();
        }
        return seen != outcome::nothing;
    }

    // Under the lock: the oldest is about to go.
    void make_room() {
        const auto bytes = bytes_ - waiting_.front().bytes;
        const bool full = is_full(waiting_.size() - 1, bytes);
        if (room_wanted_ && !full) {
            context_->while_alive([this] {
                if (strand_)
                    strand_->post([self = shared_from_this()] {
                        if (self->room_) self->room_->notify_all();
                    });
            });
            room_wanted_ = false;
        }
        bytes_ = bytes;
        full_.store(full, std::memory_order_relaxed);
    }

    bool wants_room() {
        const std::lock_guard lock(mutex_);
        room_wanted_ =
            reading_ == reading::begun && is_full(waiting_.size(), bytes_) && state_ == state::open;
        return room_wanted_;
    }

    /// A caller's wait: a timer on its own executor, which is touched under the lock alone, and
    /// which its context frees if it goes.
    class waiter : public intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>> {
    public:
        waiter(impl& in, const asio::any_io_executor& executor)
            : in_(in), other_context_(in.watch_other_context(executor)),
              timer_(executor, time_point::max()) {}
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        ~waiter() {
            const std::lock_guard lock(in_.mutex_);
            if (is_linked()) unlink();
        }

        /// Once. Returns when woken or cancelled, and soon when there is something.
        awaitable<std::tuple<boost::system::error_code>> wait(std::uint64_t since) {
            const auto token = asio::as_tuple(asio::use_awaitable);
            return asio::async_initiate<decltype(token), void(boost::system::error_code)>(
                [this, since](auto handler) {
                    const std::lock_guard lock(in_.mutex_);
                    in_.waiters_.push_back(*this);
                    if (in_.look(since) != outcome::nothing) timer_.expires_at(time_point::min());
                    timer_.async_wait(std::move(handler));
                },
                token);
        }

        void wake() { ///< under the lock
            if (!other_context_)
                timer_.cancel();
            else
                wake_in_other_context();
        }
        /// Likewise; one in the strand's own context is left to that.
        void wake_in_other_context() {
            if (other_context_) other_context_->while_alive([this] { timer_.cancel(); });
        }

    private:
        impl& in_;
        const std::shared_ptr<detail::context_watch>
            other_context_; // null: the strand's own context
        asio::steady_timer timer_;
    };

    // Under the lock.
    void wake() {
        for (waiter& each : waiters_)
            each.wake();
    }

    // Of a caller's context, if it is another one than the strand's.
    std::shared_ptr<detail::context_watch>
    watch_other_context(const asio::any_io_executor& executor) {
        const std::lock_guard lock(mutex_);
        if (strand_ && detail::same_context(executor, *strand_)) return nullptr;
        return detail::context_watch::of(executor);
    }

    std::optional<detail::strand> strand_; // until the owner goes
    const std::shared_ptr<detail::context_watch> context_;
    const std::shared_ptr<clock_source> clock_;
    const std::size_t max_count_;
    const std::size_t max_bytes_;
    std::optional<condition> room_; // strand only; until the owner goes

    mutable std::mutex mutex_; // guards what is below, never held across a suspension
    waiting_events waiting_;
    intrusive::list<waiter, intrusive::constant_time_size<false>> waiters_; // the oldest first
    std::size_t bytes_ = 0;
    std::uint64_t epoch_ = 0;               // how often it was closed
    std::size_t before_close_ = 0;          // of `waiting_`: from before that
    std::atomic<bool> full_{false};         // written under the lock
    std::atomic<std::uint64_t> dropped_{0}; // likewise
    reading reading_;
    bool room_wanted_ = false;
    state state_ = state::open;
};

event_queue::event_queue(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                         const limits_config& limits, before_first unread)
    : impl_(std::make_shared<impl>(strand, std::move(clock), limits, unread)) {}

event_queue::~event_queue() { impl_->leave(); }

bool event_queue::push(event&& happened) { return impl_->push(std::move(happened)); }

std::uint64_t event_queue::dropped() const { return impl_->dropped(); }

bool event_queue::full() const { return impl_->full(); }

awaitable<void> event_queue::wait_for_room() { return impl::wait_for_room(impl_); }

awaitable<std::optional<event>> event_queue::next() { return impl::next(impl_); }

std::function<awaitable<std::optional<event>>()> event_queue::taker() const {
    return [impl = impl_] { return impl::next(impl); };
}

void event_queue::close() { impl_->close(); }

void event_queue::reopen() { impl_->reopen(); }

void event_queue::abort() { impl_->abort(); }

} // namespace parley
