#include "message/event_queue.hpp"

#include <parley/detail/on_strand.hpp>

#include "async/as_strand.hpp"
#include "async/condition.hpp"
#include "message/chunked_queue.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

namespace {

std::size_t length(const std::string& text) { return text.size(); }
std::size_t length(const json_text& text) { return text.view().size(); }
std::size_t length(const error_info& info) {
    return info.message.size() + info.details.server_text.size() + info.details.reason.size();
}
template <class T>
std::size_t length(const std::optional<T>& text) {
    return text ? length(*text) : 0;
}

template <class... Text>
std::size_t sum(const Text&... texts) {
    return (std::size_t(0) + ... + length(texts));
}

// Roughly what an event holds on the heap: its text.
struct text_of {
    std::size_t operator()(const text_delta& e) const { return sum(e.text); }
    std::size_t operator()(const reasoning_started& e) const { return sum(e.id); }
    std::size_t operator()(const reasoning_delta& e) const { return sum(e.id, e.text); }
    std::size_t operator()(const reasoning_finished& e) const { return sum(e.id, e.text); }
    std::size_t operator()(const tool_started& e) const {
        return sum(e.name, e.call_id, e.parameters);
    }
    std::size_t operator()(const tool_finished& e) const {
        return sum(e.name, e.call_id, e.result, e.error);
    }
    std::size_t operator()(const server_tool_started& e) const {
        return sum(e.name, e.call_id, e.arguments);
    }
    std::size_t operator()(const server_tool_finished& e) const {
        return sum(e.name, e.call_id, e.result);
    }
    std::size_t operator()(const ui_component& e) const { return sum(e.call_id, e.name, e.props); }
    std::size_t operator()(const thread_created& e) const {
        return sum(e.thread_id, e.provider_res_id, e.update_endpoint);
    }
    std::size_t operator()(const messages_persisted& e) const {
        return sum(e.thread_id, e.provider_res_id);
    }
    std::size_t operator()(const chat_finished& e) const { return sum(e.conversation_id); }
    std::size_t operator()(const chat_failed& e) const { return sum(e.error, e.code, e.details); }
    std::size_t operator()(const server_error& e) const { return sum(e.error, e.code, e.details); }
    std::size_t operator()(const message_skipped& e) const { return sum(e.detail); }
    std::size_t operator()(const connection_lost& e) const { return sum(e.cause); }
    std::size_t operator()(const reconnecting&) const { return 0; }
    std::size_t operator()(const connection_restored&) const { return 0; }
    std::size_t operator()(const connection_failed& e) const { return sum(e.cause); }
    std::size_t operator()(const ticket_renewed&) const { return 0; }
    std::size_t operator()(const ticket_renewal_failed& e) const { return sum(e.cause); }
    std::size_t operator()(const handler_failed& e) const { return sum(e.message); }
};

std::size_t text_size(const event& happened) { return std::visit(text_of(), happened); }

} // namespace

class event_queue::impl : public std::enable_shared_from_this<event_queue::impl> {
public:
    impl(const asio::any_io_executor& strand, const std::shared_ptr<clock_source>& clock,
         const limits_config& limits)
        : strand_(as_strand(strand)), max_count_(std::max<std::size_t>(limits.event_count, 1)),
          max_bytes_(std::max<std::size_t>(limits.event_bytes, 1)), arrived_(strand_, clock),
          room_(strand_, clock) {}

    void push(event&& happened) {
        {
            const std::lock_guard lock(mutex_);
            if (closed_ || aborted_) return;
            bytes_ += text_size(happened);
            waiting_.push_back(std::move(happened));
            full_ = is_full();
            if (waiting_.size() > 1) return; // who waits was woken by the first
        }
        arrived_.notify_all();
    }

    /// Asked for every message, and so without the lock.
    bool full() const noexcept { return full_; }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            if (closed_ || aborted_) return;
            closed_ = true;
            ++life_;
        }
        wake();
    }

    void reopen() {
        waiting_events dropped;
        {
            const std::lock_guard lock(mutex_);
            closed_ = false;
            bytes_ = 0;
            full_ = false;
            dropped.swap(waiting_);
        }
        room_.notify_all();
    }

    void abort() {
        waiting_events dropped;
        {
            const std::lock_guard lock(mutex_);
            aborted_ = true;
            bytes_ = 0;
            full_ = false;
            dropped.swap(waiting_);
        }
        wake();
    }

    static awaitable<std::optional<event>> next(std::shared_ptr<impl> self) {
        std::optional<std::uint64_t> since; // of the first look
        for (;;) {
            std::optional<event> taken;
            switch (self->take(since, taken)) {
            case outcome::ready:
                co_return taken;
            case outcome::end:
                co_return std::nullopt;
            case outcome::aborted:
                std::rethrow_exception(detail::aborted());
            case outcome::nothing:
                break;
            }
            // What comes is taken here, on the caller's side: a cancelled caller leaves it there.
            auto arrival = self->arrival(*since);
            co_await std::move(arrival);
        }
    }

    static awaitable<void> wait_for_room(std::shared_ptr<impl> self) {
        while (self->wants_room())
            co_await self->room_.wait_until();
    }

private:
    using waiting_events = chunked_queue<event, 16>;

    enum class outcome { ready, end, aborted, nothing };

    bool is_full() const { return waiting_.size() >= max_count_ || bytes_ >= max_bytes_; }

    // Under the lock. A call that began before a `close` sees the end, also after a `reopen`.
    outcome look(std::uint64_t since) const {
        if (aborted_) return outcome::aborted;
        if (!closed_ && life_ != since) return outcome::end;
        if (!waiting_.empty()) return outcome::ready;
        return closed_ ? outcome::end : outcome::nothing;
    }

    outcome take(std::optional<std::uint64_t>& since, std::optional<event>& taken) {
        bool room = false;
        {
            const std::lock_guard lock(mutex_);
            if (!since) since = life_;
            const auto seen = look(*since);
            if (seen != outcome::ready) return seen;
            waiting_.pop_front(taken);
            bytes_ -= text_size(*taken);
            full_ = is_full();
            room = room_wanted_ && !is_full();
            if (room) room_wanted_ = false;
        }
        if (room) asio::post(strand_, [self = shared_from_this()] { self->room_.notify_all(); });
        return outcome::ready;
    }

    bool wants_room() {
        const std::lock_guard lock(mutex_);
        room_wanted_ = is_full() && !closed_ && !aborted_;
        return room_wanted_;
    }

    awaitable<void> arrival(std::uint64_t since) {
        return detail::on_strand<void>(
            strand_, [self = shared_from_this(), since] { return wait(self, since); });
    }

    static awaitable<void> wait(std::shared_ptr<impl> self, std::uint64_t since) {
        while (self->nothing(since))
            co_await self->arrived_.wait_until();
    }

    bool nothing(std::uint64_t since) const {
        const std::lock_guard lock(mutex_);
        return look(since) == outcome::nothing;
    }

    void wake() {
        arrived_.notify_all();
        room_.notify_all();
    }

    const detail::strand strand_;
    const std::size_t max_count_;
    const std::size_t max_bytes_;
    condition arrived_; // strand only, as is room_
    condition room_;

    mutable std::mutex mutex_; // guards what is below, never held across a suspension
    waiting_events waiting_;
    std::size_t bytes_ = 0;
    std::uint64_t life_ = 0;        // how often it was closed
    std::atomic<bool> full_{false}; // written under the lock
    bool room_wanted_ = false;
    bool closed_ = false;
    bool aborted_ = false;
};

event_queue::event_queue(asio::any_io_executor strand, std::shared_ptr<clock_source> clock,
                         const limits_config& limits)
    : impl_(std::make_shared<impl>(strand, clock, limits)) {}

event_queue::~event_queue() = default;

void event_queue::push(event happened) { impl_->push(std::move(happened)); }

bool event_queue::full() const { return impl_->full(); }

awaitable<void> event_queue::wait_for_room() { return impl::wait_for_room(impl_); }

awaitable<std::optional<event>> event_queue::next() { return impl::next(impl_); }

void event_queue::close() { impl_->close(); }

void event_queue::reopen() { impl_->reopen(); }

void event_queue::abort() { impl_->abort(); }

} // namespace parley
