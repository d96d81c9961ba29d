#include "support/manual_clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace parley::test {

namespace {

// What is waited on: a timer that never fires by itself, so that the context frees it
// (doc/pitfalls.md P19).
struct bell {
    explicit bell(asio::any_io_executor executor) : timer(std::move(executor)) {}
    asio::steady_timer timer;
    // The number of the wait that is on. What a call holds may go on the strand while the last
    // owner of the alarm destroys it elsewhere.
    std::atomic<std::uint64_t> wait = 0;
};

} // namespace

class manual_clock::state {
public:
    struct sleeper {
        std::weak_ptr<bell> who;
        asio::any_io_executor executor;
    };
    using key = std::pair<time_point, std::uint64_t>;

    time_point now() const {
        const std::lock_guard lock(mutex_);
        return now_;
    }

    wall_time wall_now() const {
        const std::lock_guard lock(mutex_);
        return wall_;
    }

    std::uint64_t number() {
        const std::lock_guard lock(mutex_);
        return ++last_;
    }

    /// False when that moment is past.
    bool add(key when, const std::shared_ptr<bell>& who, const asio::any_io_executor& executor) {
        const std::lock_guard lock(mutex_);
        if (when.first <= now_) return false;
        if (when.first != time_point::max()) sleepers_.emplace(when, sleeper{who, executor});
        return true;
    }

    void remove(const key& when) {
        std::map<key, sleeper>::node_type gone; // freed without the lock
        const std::lock_guard lock(mutex_);
        gone = sleepers_.extract(when);
    }

    void set_wall(wall_time to) {
        const std::lock_guard lock(mutex_);
        wall_ = to;
    }

    void step_wall(duration by) {
        const std::lock_guard lock(mutex_);
        wall_ += std::chrono::duration_cast<wall_time::duration>(by);
    }

    std::optional<time_point> next_deadline() const {
        const std::lock_guard lock(mutex_);
        if (sleepers_.empty()) return std::nullopt;
        return sleepers_.begin()->first.first;
    }

    std::size_t sleepers() const {
        const std::lock_guard lock(mutex_);
        return sleepers_.size();
    }

    void advance_to(time_point then) {
        std::vector<std::pair<std::uint64_t, sleeper>> due;
        {
            const std::lock_guard lock(mutex_);
            if (then > now_) {
                wall_ += std::chrono::duration_cast<wall_time::duration>(then - now_);
                now_ = then;
            }
            while (!sleepers_.empty() && sleepers_.begin()->first.first <= now_) {
                auto first = sleepers_.begin();
                due.emplace_back(first->first.second, std::move(first->second));
                sleepers_.erase(first);
            }
        }
        for (auto& one : due)
            asio::post(one.second.executor, [who = std::move(one.second.who), wait = one.first] {
                auto held = who.lock();
                if (held && held->wait == wait) held->timer.cancel();
            });
    }

private:
    mutable std::mutex mutex_;
    // Neither is near the beginning of its epoch, where a subtraction would go unnoticed.
    time_point now_{std::chrono::hours(1'000)};
    wall_time wall_{std::chrono::seconds(1'790'000'000)};
    std::uint64_t last_ = 0;
    std::map<key, sleeper> sleepers_;
};

namespace {

class manual_alarm : public alarm {
public:
    manual_alarm(asio::any_io_executor executor, std::shared_ptr<manual_clock::state> clock)
        : executor_(executor), bell_(std::make_shared<bell>(std::move(executor))),
          clock_(std::move(clock)) {}
    manual_alarm(const manual_alarm&) = delete;
    manual_alarm& operator=(const manual_alarm&) = delete;
    ~manual_alarm() override {
        forget_call();
        bell_->wait = 0;
    }

    awaitable<void> wait_until(time_point until) override {
        const sleep here(*this, until);
        if (here.past()) {
            co_await asio::post(executor_, asio::use_awaitable);
        } else {
            bell_->timer.expires_at(asio::steady_timer::time_point::max());
            co_await bell_->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }

    void call_at(time_point until, std::function<void()> due) override {
        forget_call();
        const auto here = std::make_shared<sleep>(*this, until);
        call_ = here;
        const auto call = [who = std::weak_ptr(bell_), here, due = std::move(due)] {
            const auto held = who.lock();
            if (held && held->wait == here->number()) due();
        };
        if (here->past()) return asio::post(executor_, call);
        bell_->timer.expires_at(asio::steady_timer::time_point::max());
        bell_->timer.async_wait([call](const boost::system::error_code&) { call(); });
    }

    void ring() override { bell_->timer.cancel(); }

private:
    // In the clock's list for as long as the wait is on, however it ends.
    class sleep {
    public:
        sleep(const manual_alarm& owner, time_point until)
            : clock_(owner.clock_), bell_(owner.bell_), when_(until, clock_->number()) {
            bell_->wait = when_.second;
            past_ = !clock_->add(when_, bell_, owner.executor_);
        }
        sleep(const sleep&) = delete;
        sleep& operator=(const sleep&) = delete;
        ~sleep() {
            auto mine = number();
            bell_->wait.compare_exchange_strong(mine, 0);
            clock_->remove(when_);
        }
        bool past() const noexcept { return past_; }
        std::uint64_t number() const noexcept { return when_.second; }
        void forget() { clock_->remove(when_); }

    private:
        std::shared_ptr<manual_clock::state> clock_;
        std::shared_ptr<bell> bell_;
        manual_clock::state::key when_;
        bool past_ = false;
    };

    /// What it holds goes when the context comes to it; until then it must not be used.
    void forget_call() {
        if (const auto set = call_.lock()) set->forget();
        bell_->timer.cancel();
    }

    asio::any_io_executor executor_;
    std::shared_ptr<bell> bell_;
    std::shared_ptr<manual_clock::state> clock_;
    std::weak_ptr<sleep> call_;
};

} // namespace

manual_clock::manual_clock() : state_(std::make_shared<state>()) {}

manual_clock::~manual_clock() = default;

time_point manual_clock::now() const noexcept { return state_->now(); }

wall_time manual_clock::wall_now() const noexcept { return state_->wall_now(); }

std::unique_ptr<alarm> manual_clock::make_alarm(asio::any_io_executor executor) {
    return std::make_unique<manual_alarm>(std::move(executor), state_);
}

void manual_clock::advance(duration by) { state_->advance_to(after(state_->now(), by)); }

bool manual_clock::advance_to_next() {
    const auto next = state_->next_deadline();
    if (next) state_->advance_to(*next);
    return next.has_value();
}

void manual_clock::set_wall(wall_time to) { state_->set_wall(to); }

void manual_clock::step_wall(duration by) { state_->step_wall(by); }

std::optional<time_point> manual_clock::next_deadline() const { return state_->next_deadline(); }

std::size_t manual_clock::sleepers() const { return state_->sleepers(); }

} // namespace parley::test
