#include "support/fake_ticket_source.hpp"

#include "support/secret_watch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace parley::test {

namespace {

// Parked on a timer that never fires by itself, so that the context frees it (doc/pitfalls.md P19).
struct held_answer {
    explicit held_answer(const asio::any_io_executor& executor)
        : timer(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    bool released = false;
};

} // namespace

class fake_ticket_source::state {
public:
    explicit state(std::shared_ptr<clock_source> from) : clock(std::move(from)) {}

    ticket make(std::string_view value, std::chrono::seconds left) const {
        const auto issued = clock->wall_now();
        return ticket(secret(value), issued + left, issued);
    }

    using outcome = std::variant<std::monostate, ticket, error_info, std::exception_ptr>;

    outcome next() {
        const std::lock_guard lock(mutex);
        if (queue.empty()) return make("ticket-" + std::to_string(++made), lifetime);
        auto first = std::move(queue.front());
        queue.pop_front();
        return first;
    }

    void push(outcome next) {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(next));
    }

    bool is_deaf() const {
        const std::lock_guard lock(mutex);
        return deaf;
    }

    void wake(std::size_t count) {
        std::vector<std::shared_ptr<held_answer>> woken;
        {
            const std::lock_guard lock(mutex);
            while (woken.size() < count && !waiting.empty()) {
                if (auto one = waiting.front().lock()) woken.push_back(std::move(one));
                waiting.pop_front();
            }
        }
        for (const auto& one : woken)
            asio::post(one->timer.get_executor(), [one] {
                one->released = true;
                one->timer.cancel();
            });
    }

    static awaitable<void> wait(std::shared_ptr<state> self, std::shared_ptr<held_answer> mine) {
        if (self->is_deaf())
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await mine->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        co_await asio::this_coro::throw_if_cancelled(true);
        const std::lock_guard lock(self->mutex);
        self->waiting.remove_if([&mine](const auto& one) { return one.lock() == mine; });
        if (mine->released) co_return;
        ++self->cancelled;
        throw boost::system::system_error(asio::error::operation_aborted);
    }

    static awaitable<ticket> fetch(std::shared_ptr<state> self, ticket_request request) {
        const auto executor = co_await asio::this_coro::executor;
        auto answer = self->next();
        std::shared_ptr<held_answer> mine;
        {
            const std::lock_guard lock(self->mutex);
            self->requests.push_back(std::move(request));
            if (self->holding) {
                mine = std::make_shared<held_answer>(executor);
                self->waiting.push_back(mine);
            }
        }
        if (mine) {
            co_await wait(self, mine);
        } else {
            co_await asio::post(executor, asio::use_awaitable);
        }
        const careless_stranger a_source_is_none_of_ours;
        if (auto* error = std::get_if<error_info>(&answer)) throw_error(std::move(*error));
        if (auto* thrown = std::get_if<std::exception_ptr>(&answer))
            std::rethrow_exception(*thrown);
        co_return std::get<ticket>(std::move(answer));
    }

    const std::shared_ptr<clock_source> clock;
    mutable std::mutex mutex;
    std::deque<outcome> queue;
    std::list<std::weak_ptr<held_answer>> waiting; // the requests own them: a context may go first
    std::vector<ticket_request> requests;
    std::chrono::seconds lifetime{3'600};
    unsigned made = 0;
    unsigned cancelled = 0;
    bool holding = false;
    bool deaf = false;
};

fake_ticket_source::fake_ticket_source(std::shared_ptr<clock_source> clock)
    : state_(std::make_shared<state>(std::move(clock))) {}

fake_ticket_source::~fake_ticket_source() = default;

awaitable<ticket> fake_ticket_source::fetch(ticket_request request) {
    return state::fetch(state_, std::move(request));
}

void fake_ticket_source::lifetime(std::chrono::seconds left) {
    const std::lock_guard lock(state_->mutex);
    state_->lifetime = left;
}

ticket fake_ticket_source::make(std::string_view value, std::chrono::seconds left) const {
    return state_->make(value, left);
}

void fake_ticket_source::give(ticket next) { state_->push(std::move(next)); }

void fake_ticket_source::fail(error_info next) { state_->push(std::move(next)); }

void fake_ticket_source::fail_retryable(std::chrono::seconds retry_after) {
    error_details details;
    details.phase = phase::ticket;
    details.http_status = 503;
    details.retryable = true;
    if (retry_after.count() > 0) details.retry_after = retry_after;
    fail(error_info(errc::ticket_http_status, "The ticket server answered 503.", details));
}

void fake_ticket_source::fail_with(std::exception_ptr next) { state_->push(std::move(next)); }

void fake_ticket_source::hold() {
    const std::lock_guard lock(state_->mutex);
    state_->holding = true;
}

void fake_ticket_source::release() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->holding = false;
    }
    state_->wake(static_cast<std::size_t>(-1));
}

void fake_ticket_source::release_one() { state_->wake(1); }

void fake_ticket_source::deaf(bool on) {
    const std::lock_guard lock(state_->mutex);
    state_->deaf = on;
}

unsigned fake_ticket_source::calls() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<unsigned>(state_->requests.size());
}

unsigned fake_ticket_source::held() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<unsigned>(state_->waiting.size());
}

unsigned fake_ticket_source::cancelled() const {
    const std::lock_guard lock(state_->mutex);
    return state_->cancelled;
}

std::vector<ticket_request> fake_ticket_source::requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests;
}

} // namespace parley::test
