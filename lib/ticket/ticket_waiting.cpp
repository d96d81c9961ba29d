// Who waits for the one flight: a caller costs a node in its list, and one post when it lands.

#include <parley/error.hpp>

#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <type_traits>
#include <utility>

namespace parley {

namespace {

std::exception_ptr thrown_by(const error_info& why) {
    try {
        throw_error(why);
    } catch (...) {
        return std::current_exception();
    }
}

} // namespace

ticket_manager::impl::caller::~caller() = default;

template <class Handler>
class ticket_manager::impl::parked_caller final
    : public caller,
      public detail::crossing<Handler>,
      public std::enable_shared_from_this<parked_caller<Handler>> {
public:
    parked_caller(Handler&& completed, const detail::strand& otherwise, time_point until)
        : caller(until), detail::crossing<Handler>(std::move(completed), otherwise) {}

    void resume(std::exception_ptr why, std::shared_ptr<refresh> landed) override {
        std::shared_ptr<detail::crossing<Handler>> way = this->shared_from_this();
        detail::cross_back(std::move(way), std::move(why), std::move(landed));
    }
};

void ticket_manager::impl::abort() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

void ticket_manager::impl::check_caller(std::uint64_t clears) const {
    if (stopped_) abort();
    if (clears != clears_)
        throw_error(
            error_info(errc::ticket_cleared, "The ticket was cleared while it was waited for."));
}

/// What can be had without a request, if anything. Throws for a caller who gets nothing any more.
std::optional<ticket> ticket_manager::impl::serve(demand& what) {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    if (!what.clears) what.clears = clears_;
    check_caller(*what.clears);
    const ticket* held = nullptr;
    if (what.what == demand::kind::valid) held = tickets_.serve(at);
    if (what.what == demand::kind::other) held = tickets_.serve_other_than(what.rejected, at);
    what.seen = changes_;
    return held ? std::optional(*held) : std::nullopt;
}

awaitable<ticket> ticket_manager::impl::get(std::shared_ptr<impl> self, demand what) {
    for (;;) {
        if (auto held = self->serve(what)) co_return *std::move(held);
        auto waiting = wait(self, what);
        const auto landed = co_await std::move(waiting);
        if (!landed) continue; // serve says what it means for this caller
        if (landed->error) throw_error(*landed->error);
        if (landed->value->kind() == ticket_kind::reusable || !landed->claimed.exchange(true))
            co_return *landed->value;
    }
}

/// `what` lives as long as the caller's wait.
awaitable<std::shared_ptr<ticket_manager::impl::refresh>>
ticket_manager::impl::wait(std::shared_ptr<impl> self, const demand& what) {
    return asio::async_initiate<const asio::use_awaitable_t<>,
                                void(std::exception_ptr, std::shared_ptr<refresh>)>(
        [](auto handler, std::shared_ptr<impl> manager, const demand* wanted) {
            using handler_type = std::decay_t<decltype(handler)>;
            auto slot = asio::get_associated_cancellation_slot(handler);
            auto who = std::make_shared<parked_caller<handler_type>>(
                std::move(handler), manager->strand_, wanted->deadline);
            // A caller's signal may outlive both contexts: his slot holds nothing of ours.
            if (slot.is_connected())
                slot.assign([weak = std::weak_ptr(who),
                             owner = std::weak_ptr(manager)](asio::cancellation_type) {
                    const auto held = weak.lock();
                    const auto still_there = owner.lock();
                    if (held && still_there) still_there->leave(*held);
                });
            manager->join(who, *wanted);
        },
        asio::use_awaitable, std::move(self), &what);
}

void ticket_manager::impl::join(const std::shared_ptr<caller>& who, const demand& what) {
    std::shared_ptr<refresh> flying;
    bool begun = false;
    bool urgent = false;
    {
        const std::lock_guard lock(mutex_);
        if (what.seen == changes_) { // else there may be something by now
            flying = refresh_.lock();
            begun = !flying;
            if (begun) {
                auto reason = tickets_.reason();
                if (what.what == demand::kind::fresh) reason = ticket_reason::requested;
                if (what.what == demand::kind::other) reason = ticket_reason::rejected;
                flying = begin_refresh(reason);
            }
            urgent = who->deadline < flying->watched;
            who->joined = flying;
            who->place = flying->waiting.emplace_hint(flying->waiting.end(), who->deadline, who);
            ++flying->waiters;
            ++counts_.waiters;
        }
    }
    if (!flying) return who->resume(nullptr, nullptr);
    if (begun)
        strand_.post([self = shared_from_this(), flying] { self->depart(flying); });
    else if (urgent)
        strand_.post([weak = std::weak_ptr(flying)] {
            if (const auto held = weak.lock()) held->changed.notify_all();
        });
}

/// On the caller's executor: it has been cancelled.
void ticket_manager::impl::leave(caller& who) {
    std::shared_ptr<refresh> flying;
    {
        const std::lock_guard lock(mutex_);
        flying = who.joined.lock();
        if (!flying || flying->over()) return; // it is being resumed
        flying->waiting.erase(who.place);
        who.joined.reset();
        --flying->waiters;
        --counts_.waiters;
    }
    who.resume(detail::aborted(), nullptr);
}

/// Those who have no time left leave, and those to whom the pause that is on leaves none (DESIGN.md
/// 3). Says when the next one does.
time_point ticket_manager::impl::see_off(refresh& flying) {
    auto last = clock_->now();
    if (flying.last_error) last = std::max(last, flying.paused_until);
    callers late;
    auto next = time_point::max();
    {
        const std::lock_guard lock(mutex_);
        auto& all = flying.waiting;
        while (!all.empty() && all.begin()->first <= last) {
            all.begin()->second->joined.reset();
            late.insert(late.end(), all.extract(all.begin()));
        }
        flying.waiters -= static_cast<unsigned>(late.size());
        counts_.waiters -= static_cast<unsigned>(late.size());
        if (!all.empty()) next = all.begin()->first;
        flying.watched = next;
    }
    for (const auto& one : late) // each its own exception: they may be on several threads
        one.second->resume(
            thrown_by(flying.last_error
                          ? *flying.last_error
                          : source_timeout("No ticket arrived within the time given.")),
            nullptr);
    return next;
}

/// With the mutex: nobody waits for it any more.
ticket_manager::impl::callers ticket_manager::impl::release(refresh& flying) {
    auto all = std::exchange(flying.waiting, {});
    flying.waiters -= static_cast<unsigned>(all.size());
    counts_.waiters -= static_cast<unsigned>(all.size());
    return all;
}

void ticket_manager::impl::resume(callers all, const std::shared_ptr<refresh>& landed) {
    for (auto& one : all)
        std::exchange(one.second, nullptr)->resume(nullptr, landed);
}

bool ticket_manager::impl::wanted(const refresh& flying) const {
    const std::lock_guard lock(mutex_);
    return flying.waiters > 0;
}

std::shared_ptr<ticket_manager::impl::refresh> ticket_manager::impl::current() const {
    const std::lock_guard lock(mutex_);
    return refresh_.lock();
}

} // namespace parley
