#include "support/scripted_http.hpp"

#include "core/iso8601.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <ctime>
#include <deque>
#include <mutex>
#include <utility>
#include <variant>

namespace parley::test {

namespace {

std::string http_date(wall_time when) {
    const auto seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    const auto length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return std::string(text, length);
}

struct silence {};

} // namespace

class scripted_http::state {
public:
    using step = std::variant<silence, http_response, error_info>;

    explicit state(std::shared_ptr<clock_source> from) : clock(std::move(from)) {}

    void push(step next) {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(next));
    }

    step begin(std::shared_ptr<const http_request> request) {
        const std::lock_guard lock(mutex);
        requests.push_back(std::move(request));
        if (queue.empty()) return silence();
        auto first = std::move(queue.front());
        queue.pop_front();
        return first;
    }

    static awaitable<result<http_response>> send(std::shared_ptr<state> self,
                                                 asio::any_io_executor executor,
                                                 std::shared_ptr<const http_request> request) {
        auto now = self->begin(request);
        if (std::holds_alternative<silence>(now)) {
            co_await wait_for_the_end(self, executor, request->deadline);
            error_details details;
            details.retryable = true;
            co_return error_info(errc::timed_out, "The server did not answer in time.",
                                 std::move(details));
        }
        co_await asio::post(executor, asio::use_awaitable);
        if (auto* error = std::get_if<error_info>(&now)) co_return std::move(*error);
        co_return std::get<http_response>(std::move(now));
    }

    static awaitable<void> wait_for_the_end(std::shared_ptr<state> self,
                                            asio::any_io_executor executor, time_point deadline) {
        const auto bell = self->clock->make_alarm(std::move(executor));
        co_await asio::this_coro::throw_if_cancelled(false);
        auto cancelled = co_await asio::this_coro::cancellation_state;
        while (self->clock->now() < deadline && !static_cast<bool>(cancelled.cancelled())) {
            co_await bell->wait_until(deadline);
            cancelled = co_await asio::this_coro::cancellation_state;
        }
        co_await asio::this_coro::throw_if_cancelled(true);
        if (!static_cast<bool>(cancelled.cancelled())) co_return;
        const std::lock_guard lock(self->mutex);
        ++self->cancelled;
        throw boost::system::system_error(asio::error::operation_aborted);
    }

    const std::shared_ptr<clock_source> clock;
    mutable std::mutex mutex;
    std::deque<step> queue;
    std::vector<std::shared_ptr<const http_request>> requests;
    std::size_t cancelled = 0;
};

scripted_http::scripted_http(std::shared_ptr<clock_source> clock)
    : state_(std::make_shared<state>(std::move(clock))) {}

scripted_http::~scripted_http() = default;

awaitable<result<http_response>> scripted_http::send(asio::any_io_executor executor,
                                                     std::shared_ptr<const http_request> request) {
    return state::send(state_, std::move(executor), std::move(request));
}

void scripted_http::answer(http_response next) { state_->push(std::move(next)); }

void scripted_http::answer(int status, std::string body) {
    http_response next;
    next.status = status;
    next.body = std::move(body);
    answer(std::move(next));
}

void scripted_http::answer_ticket(std::string_view value, std::chrono::seconds left) {
    const auto now = state_->clock->wall_now();
    http_response next;
    next.status = 200;
    next.date = http_date(now);
    next.body = R"({"success":true,"ticket":")";
    next.body += value;
    next.body += R"(","expiresAt":")" + format_iso8601(now + left) + R"("})";
    answer(std::move(next));
}

void scripted_http::fail(error_info next) { state_->push(std::move(next)); }

void scripted_http::hang() { state_->push(silence()); }

void scripted_http::forget_answers() {
    const std::lock_guard lock(state_->mutex);
    state_->queue.clear();
}

std::size_t scripted_http::count() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests.size();
}

std::size_t scripted_http::cancelled() const {
    const std::lock_guard lock(state_->mutex);
    return state_->cancelled;
}

std::vector<std::shared_ptr<const http_request>> scripted_http::requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests;
}

std::string header_of(const http_request& request, std::string_view name) {
    for (const auto& [key, value] : request.headers)
        if (key == name) return value;
    return "(absent)";
}

} // namespace parley::test
