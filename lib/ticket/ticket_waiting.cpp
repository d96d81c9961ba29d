// Who waits for the one flight: a caller is an entry in its list, and those of one executor go home
// together when it lands.

#include <parley/error.hpp>

#include "async/asio_errors.hpp"
#include "core/late_error.hpp"
#include "ticket/source_error.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>

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

// A thread that takes callers home is kept from the rest of its work no longer than these take.
constexpr int most_at_once = 8;

} // namespace

ticket_manager::impl::home::home(const asio::any_io_executor& on)
    : executor(on), at_work(asio::prefer(on, asio::execution::outstanding_work.tracked)) {}

ticket_manager::impl::caller::~caller() = default;

/// What a caller has waited for. Neither is set: he is to look around anew.
struct ticket_manager::impl::outcome {
    std::exception_ptr failed;
    std::shared_ptr<refresh> landed;
};

template <class Handler>
class ticket_manager::impl::parked_caller final : public caller {
public:
    parked_caller(Handler&& completed, time_point until)
        : caller(until), completed_(std::move(completed)) {}

    void complete(std::shared_ptr<refresh> landed) override {
        auto slot = asio::get_associated_cancellation_slot(completed_);
        if (slot.is_connected()) slot.clear();
        Handler upcall = std::move(completed_);
        auto failed = std::move(why);
        at.reset();
        std::move(upcall)(outcome{std::move(failed), std::move(landed)});
    }

private:
    Handler completed_;
};

/// Callers of one executor, who go there together.
class ticket_manager::impl::way_home {
public:
    explicit way_home(std::shared_ptr<refresh> landed) : landed_(std::move(landed)) {}

    bool takes(const caller& one) const noexcept {
        return !first_ || (count_ < most_at_once && one.at == first_->at);
    }

    void add(caller_ptr one) {
        ++count_;
        auto& end = first_ ? last_->next : first_;
        last_ = one.get();
        end = std::move(one);
    }

    void go() && {
        if (!first_) return;
        const auto where = first_->at;
        asio::post(where->executor, std::move(*this));
    }

    void operator()() {
        try {
            while (first_) {
                const auto one = std::move(first_);
                first_ = std::move(one->next);
                one->complete(landed_);
            }
        } catch (...) { // of a handler of the user's: the others are not to suffer
            std::move(*this).go();
            throw;
        }
    }

private:
    std::shared_ptr<refresh> landed_;
    caller_ptr first_;
    caller* last_ = nullptr;
    int count_ = 0;
};

void ticket_manager::impl::abort() { throw_aborted(); }

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

/// Both live as long as the caller's wait.
auto ticket_manager::impl::wait(impl* self, const demand* what) {
    return asio::async_initiate<const asio::deferred_t, void(outcome)>(
        [](auto handler, impl* manager, const demand* wanted) {
            using handler_type = std::decay_t<decltype(handler)>;
            const asio::any_io_executor executor = asio::get_associated_executor(handler);
            auto slot = asio::get_associated_cancellation_slot(handler);
            const auto who =
                std::make_shared<parked_caller<handler_type>>(std::move(handler), wanted->deadline);
            // A caller's signal may outlive both contexts: his slot holds nothing of ours.
            if (slot.is_connected())
                slot.assign([weak = std::weak_ptr(who),
                             owner = manager->weak_from_this()](asio::cancellation_type) {
                    const auto held = weak.lock();
                    const auto still_there = owner.lock();
                    if (held && still_there) still_there->leave(*held);
                });
            manager->join(who, executor, *wanted);
        },
        asio::deferred, self, what);
}

awaitable<ticket> ticket_manager::impl::get_there(std::shared_ptr<impl> self, demand what) {
    auto where = self->where();
    return detail::on_strand<ticket>(
        std::move(where),
        [self = std::move(self), what = std::move(what)] { return get(self, what); });
}

/// A caller of another context waits in that of the strand, which may be destroyed before its own,
/// and after it.
awaitable<ticket> ticket_manager::impl::get(std::shared_ptr<impl> self, demand what) {
    for (;;) {
        if (auto held = self->serve(what)) co_return *std::move(held);
        const auto executor = co_await asio::this_coro::executor;
        if (!detail::same_context(executor, self->where())) {
            auto crossing = get_there(std::move(self), std::move(what));
            co_return co_await std::move(crossing);
        }
        auto waiting = wait(self.get(), &what); // no frame of its own
        const auto got = co_await std::move(waiting);
        if (got.failed) std::rethrow_exception(got.failed);
        const auto& landed = got.landed;
        if (!landed) continue; // serve says what it means for this caller
        if (landed->error) throw_error(*landed->error);
        if (landed->value->kind() == ticket_kind::reusable || !landed->claimed.exchange(true))
            co_return *landed->value;
    }
}

void ticket_manager::impl::join(const caller_ptr& who, const asio::any_io_executor& executor,
                                const demand& what) {
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
                flying = begin_refresh(reason, &what);
                flying->tally = what.tally;
            }
            who->at = flying->newest.lock();
            if (!who->at || who->at->executor != executor) {
                who->at = std::make_shared<const home>(executor);
                flying->newest = who->at;
            }
            urgent = who->deadline < flying->watched;
            who->joined = flying;
            who->self = who;
            flying->parked.insert(flying->parked.end(), *who);
            ++flying->waiters;
            ++counts_.waiters;
        }
    }
    if (!flying) {
        who->at = std::make_shared<const home>(executor);
        way_home alone(nullptr);
        alone.add(who);
        std::move(alone).go();
    } else if (begun) {
        auto begin = [self = shared_from_this(), flying] { self->depart(flying); };
        // An answer that a source has at once would be there before those who ask now could join.
        // Ours has none.
        if (http_)
            strand_.dispatch(std::move(begin));
        else
            strand_.post(std::move(begin));
    } else if (urgent) {
        strand_.post([owner = weak_from_this(), weak = std::weak_ptr(flying)] {
            const auto self = owner.lock();
            const auto held = weak.lock();
            if (self && held) self->move_on(held);
        });
    }
}

/// On the caller's executor: it has been cancelled.
void ticket_manager::impl::leave(caller& who) {
    way_home alone(nullptr);
    {
        const std::lock_guard lock(mutex_);
        const auto flying = who.joined.lock();
        if (!flying || flying->over()) return; // he is on the way home
        flying->parked.erase(flying->parked.iterator_to(who));
        who.joined.reset();
        who.why = detail::aborted();
        --flying->waiters;
        --counts_.waiters;
        alone.add(std::move(who.self));
    }
    std::move(alone).go();
}

/// What those are told who have no time left: why there is a pause, or that an attempt has not
/// ended.
error_info ticket_manager::impl::out_of_callers_time(const refresh& flying) const {
    const auto& last = flying.last_error;
    if (last && flying.at == refresh::step::pausing) return *last;
    auto late = source_timeout("No ticket arrived within the time given.");
    if (last) return out_of_time(std::move(late), *last);
    if (http_) late.details.url = http_->url();
    return late;
}

/// Those who have no time left leave, and those to whom the pause that is on leaves none. Says when
/// the next one does.
time_point ticket_manager::impl::see_off(refresh& flying) {
    auto last = clock_->now();
    if (flying.at == refresh::step::pausing) last = std::max(last, flying.until);
    callers late;
    auto next = time_point::max();
    {
        const std::lock_guard lock(mutex_);
        auto& all = flying.parked;
        while (!all.empty() && all.begin()->deadline <= last) {
            caller& one = *all.begin();
            all.erase(all.begin());
            one.joined.reset();
            late.insert(late.end(), one);
            --flying.waiters;
            --counts_.waiters;
        }
        if (!all.empty()) next = all.begin()->deadline;
        flying.watched = next;
    }
    if (late.empty()) return next;
    const auto why = out_of_callers_time(flying);
    for (auto& one : late) // each his own exception: they may be on several threads
        one.why = thrown_by(why);
    send_home(std::move(late), nullptr);
    return next;
}

/// With the mutex: nobody waits for it any more.
ticket_manager::impl::callers ticket_manager::impl::release(refresh& flying) {
    const auto count = static_cast<unsigned>(flying.parked.size());
    flying.waiters -= count;
    counts_.waiters -= count;
    return std::move(flying.parked);
}

void ticket_manager::impl::send_home(callers all, const std::shared_ptr<refresh>& landed) {
    while (!all.empty()) {
        way_home together(landed);
        while (!all.empty() && together.takes(*all.begin())) {
            caller& one = *all.begin();
            all.erase(all.begin());
            together.add(std::move(one.self));
        }
        std::move(together).go();
    }
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
