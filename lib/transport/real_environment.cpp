#include "http/http_exchange.hpp"
#include "net/network.hpp"
#include "net/resolve.hpp"
#include "transport/environment.hpp"
#include "transport/socket_transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <unistd.h>
#include <utility>

namespace parley {

namespace {

class timer_alarm final : public alarm {
public:
    explicit timer_alarm(asio::any_io_executor executor) : timer_(std::move(executor)) {}

    awaitable<void> wait_until(time_point until) override {
        timer_.expires_at(until);
        // Whether it fired, was rung or was cancelled is not asked: the error does not tell
        // (doc/pitfalls.md P17).
        auto waiting = timer_.async_wait(asio::as_tuple(asio::deferred)); // no frame of its own
        co_await std::move(waiting);
    }

    void call_at(time_point until, std::function<void()> due) override {
        if (!calls_) calls_ = std::make_shared<unsigned>(0);
        timer_.expires_at(until);
        timer_.async_wait([still = std::weak_ptr(calls_), mine = ++*calls_,
                           due = std::move(due)](const boost::system::error_code&) {
            // A timer that has fired cannot be cancelled (doc/pitfalls.md P17).
            const auto calls = still.lock();
            if (calls && *calls == mine) due();
        });
    }

    void ring() override { timer_.cancel(); }

private:
    asio::steady_timer timer_;
    std::shared_ptr<unsigned> calls_; // the number of the last one; gone with the alarm
};

class system_clock_source final : public clock_source {
public:
    time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
    wall_time wall_now() const noexcept override { return std::chrono::system_clock::now(); }
    std::unique_ptr<alarm> make_alarm(asio::any_io_executor executor) override {
        return std::make_unique<timer_alarm>(std::move(executor));
    }
};

/// Two processes of one image must not back off in step (doc/pitfalls.md P58).
class dice {
public:
    dice() {
        std::random_device device;
        std::seed_seq seed{static_cast<unsigned>(device()), static_cast<unsigned>(device()),
                           static_cast<unsigned>(::getpid())};
        engine_.seed(seed);
    }

    double roll() {
        const std::lock_guard lock(mutex_);
        // 53 bits: uniform_real_distribution may round up to 1.
        return static_cast<double>(engine_() >> 11) * 0x1p-53;
    }

private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

class system_environment final : public environment {
public:
    std::shared_ptr<clock_source> clock() const override { return clock_; }

    double jitter() const override { return dice_.roll(); }

    std::shared_ptr<transport_factory>
    make_transports(std::shared_ptr<const connection_config> config) const override {
        return make_socket_transports(make_network(std::move(config)));
    }

    std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config> config) const override {
        return make_http_client(make_network(std::move(config)));
    }

private:
    std::shared_ptr<network> make_network(std::shared_ptr<const connection_config> config) const {
        return std::make_shared<network>(std::move(config), clock_, names_);
    }

    const std::shared_ptr<clock_source> clock_ = std::make_shared<system_clock_source>();
    const std::shared_ptr<resolver> names_ = shared_resolver();
    mutable dice dice_;
};

} // namespace

environment_ptr real_environment() {
    static const environment_ptr one = std::make_shared<const system_environment>();
    return one;
}

} // namespace parley
