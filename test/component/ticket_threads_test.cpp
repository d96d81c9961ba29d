// Many callers on several threads: one request, and every one of them is answered exactly once.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/fake_ticket_source.hpp"
#include "support/log_capture.hpp"
#include "support/test_environment.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ticket_threads_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t callers = 10'000;
constexpr unsigned threads = 8;

/// One caller on a strand of its own, which alone cancels it.
struct caller {
    explicit caller(asio::thread_pool& pool) : home(asio::make_strand(pool.get_executor())) {}
    asio::strand<asio::thread_pool::executor_type> home;
    asio::cancellation_signal signal;
    std::atomic<int> completions = 0;
};

struct crowd {
    asio::thread_pool pool{threads};
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<fake_ticket_source> source =
        std::make_shared<fake_ticket_source>(environment->time);
    log_capture log;
    std::optional<ticket_manager> tickets;
    std::vector<std::unique_ptr<caller>> all;
    std::atomic<std::size_t> served = 0, aborted = 0, cleared = 0, failed = 0, elsewhere = 0;
    std::atomic<std::size_t> to_begin;
    std::atomic<std::size_t> left; ///< callers, the other threads, and the test itself
    std::promise<void> everybody_has_begun, everybody_is_done;

    explicit crowd(std::size_t count = callers, bool over_http = false)
        : to_begin(count), left(count + 1) {
        ticket_manager_options options;
        options.log = log.sink();
        if (over_http)
            tickets.emplace(pool.get_executor(), auth_data(), "wss://chat.example", ticket_config(),
                            options, environment);
        else
            tickets.emplace(pool.get_executor(), auth_data(), source, ticket_config(), options,
                            environment);
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(std::make_unique<caller>(pool));
    }

    ~crowd() {
        tickets.reset();
        pool.join();
    }

    /// `make` makes the operation, on the caller's own strand.
    template <class Make>
    void call(caller& one, Make make) {
        asio::post(one.home, [this, &one, make] {
            auto operation = make();
            auto finished = [this, &one](std::exception_ptr error, const auto& got) {
                if (!one.home.running_in_this_thread()) ++elsewhere;
                ++one.completions;
                if (!error && is_something(got))
                    ++served;
                else if (is_abort(error))
                    ++aborted;
                else if (is_clear(error))
                    ++cleared;
                else
                    ++failed;
                one_less();
            };
            asio::co_spawn(one.home, std::move(operation),
                           asio::bind_cancellation_slot(one.signal.slot(), std::move(finished)));
            if (--to_begin == 0) everybody_has_begun.set_value();
        });
    }

    /// Something that is no caller's business, on whichever thread has time.
    template <class Act>
    void meanwhile(Act act) {
        ++left;
        asio::post(pool, [this, act] {
            act();
            one_less();
        });
    }

    static bool is_something(const ticket& got) { return !got.empty(); }
    static bool is_something(const ticket_validation&) { return true; }

    void cancel(caller& one) {
        asio::post(one.home, [&one] { one.signal.emit(asio::cancellation_type::terminal); });
    }

    static bool is_abort(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const boost::system::system_error& thrown) {
            return thrown.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }

    static bool is_clear(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const ticket_error& thrown) {
            return thrown.info().is(errc::ticket_cleared);
        } catch (...) {
            return false;
        }
    }

    bool once_each() const {
        for (const auto& one : all)
            if (one->completions != 1) return false;
        return true;
    }

    void wait_until_begun() { everybody_has_begun.get_future().wait(); }
    void wait() {
        one_less();
        everybody_is_done.get_future().wait();
    }
    void one_less() {
        if (--left == 0) everybody_is_done.set_value();
    }
};

} // namespace

TEST_CASE("ticket_manager: ten thousand callers on eight threads make one request",
          "[component][ticket_manager][threads]") {
    crowd c;
    c.source->hold();
    std::mt19937 random(7);
    std::vector<caller*> fickle;
    for (auto& one : c.all) {
        c.call(*one, [&c] { return c.tickets->get_valid_ticket(); });
        if (random() % 8 == 0)
            c.cancel(*one); // already started
        else if (random() % 4 == 0)
            fickle.push_back(one.get());
    }
    // While some are cancelled, the answer comes in.
    for (std::size_t i = 0; i < fickle.size(); ++i) {
        if (i == fickle.size() / 2) c.source->release();
        c.cancel(*fickle[i]);
    }
    c.wait();
    CHECK(c.once_each());
    CHECK(c.elsewhere == 0);
    CHECK(c.failed == 0);
    CHECK(c.served + c.aborted == callers);
    CHECK(c.served > callers / 2);
    CHECK(c.aborted > 0);
    CHECK(c.source->calls() == 1);
    CHECK(c.tickets->snapshot().waiters == 0);
}

TEST_CASE("ticket_manager: with every member called from any thread, each call completes once",
          "[component][ticket_manager][threads]") {
    crowd c;
    auto& tickets = *c.tickets;
    std::atomic<unsigned> renewed = 0;
    std::mt19937 random(11);
    const auto old = c.source->make("old", 1h);
    for (auto& one : c.all) {
        switch (random() % 4) {
        case 0:
            c.call(*one, [&tickets] { return tickets.refresh_ticket(); });
            break;
        case 1:
            c.call(*one, [&tickets, old] { return tickets.replace_ticket(old); });
            break;
        default:
            c.call(*one, [&tickets] { return tickets.get_valid_ticket(); });
        }
        const auto number = random();
        c.meanwhile([&c, &tickets, &renewed, number] {
            auth_data_patch patch;
            switch (number % 64) {
            case 0:
                tickets.clear();
                break;
            case 1:
                patch.entity_id = std::to_string(number);
                tickets.update_auth_data(std::move(patch));
                break;
            case 2:
                tickets.start_proactive_renewal([&renewed](const ticket&) { ++renewed; });
                break;
            case 3:
                tickets.stop_proactive_renewal();
                break;
            case 4:
                c.environment->time->advance(40min); // renewals come due, tickets expire
                break;
            case 5:
                c.environment->time->step_wall(12h); // the machine slept
                break;
            case 6:
                tickets.on_renewal_failed([](const error_info&) {});
                break;
            default:
                static_cast<void>(tickets.is_valid());
                static_cast<void>(tickets.expires_in());
                static_cast<void>(tickets.snapshot());
            }
        });
        if (random() % 8 == 0) c.cancel(*one);
    }
    c.wait();
    CHECK(c.once_each());
    CHECK(c.elsewhere == 0);
    CHECK(c.failed == 0);
    CHECK(c.served + c.aborted + c.cleared == callers);
    CHECK(c.served > 0);
}

TEST_CASE("ticket_manager: stopped while thousands wait, all of them complete",
          "[component][ticket_manager][threads]") {
    crowd c;
    c.source->hold();
    for (auto& one : c.all)
        c.call(*one, [&c] { return c.tickets->get_valid_ticket(); });
    auto stopping = asio::co_spawn(c.pool, c.tickets->stop(), asio::use_future);
    stopping.get();
    c.wait();
    CHECK(c.once_each());
    CHECK(c.aborted == callers);
    CHECK(c.elsewhere == 0);
}

TEST_CASE("ticket_manager: validated, refreshed and cleared concurrently, each call completes",
          "[component][ticket_manager][threads]") {
    crowd c(2'000, true);
    auto& tickets = *c.tickets;
    for (int i = 0; i < 4'000; ++i) {
        c.environment->http->answer_ticket("SENTINEL-" + std::to_string(i), 1h);
        // An answer that serves both: each caller takes its part.
        c.environment->http->answer(200, R"({"valid":true,"ticket":"SENTINEL-both",)"
                                         R"("expiresAt":"2999-01-01T00:00:00Z"})");
    }
    std::mt19937 random(13);
    for (auto& one : c.all) {
        if (random() % 2 == 0)
            c.call(*one, [&tickets] { return tickets.validate_with_server(); });
        else
            c.call(*one, [&tickets] { return tickets.refresh_ticket(); });
        if (random() % 32 == 0) c.meanwhile([&tickets] { tickets.clear(); });
        if (random() % 32 == 0) c.meanwhile([&tickets] { tickets.update_auth_data({}); });
        if (random() % 8 == 0) c.cancel(*one);
    }
    c.wait();
    CHECK(c.once_each());
    CHECK(c.elsewhere == 0);
    // What was asked before the last of them was cleared may be all: but not what is asked now.
    auto afterwards = asio::co_spawn(c.pool, tickets.refresh_ticket(), asio::use_future);
    CHECK_FALSE(afterwards.get().empty());
}

TEST_CASE("ticket_manager: destroyed or stopped on one thread while others wait, each call "
          "completes once",
          "[component][ticket_manager][threads]") {
    std::mt19937 random(17);
    for (int round = 0; round < 150; ++round) {
        crowd c(40);
        const auto way = random();
        if (way % 2 == 0) c.source->hold();
        if (way % 3 == 0) c.source->deaf(true);
        c.tickets->start_proactive_renewal([](const ticket&) {});
        std::vector<caller*> fickle;
        for (auto& one : c.all) {
            c.call(*one, [&c] { return c.tickets->get_valid_ticket(); });
            if (random() % 4 == 0) fickle.push_back(one.get());
        }
        c.wait_until_begun(); // from here on no member is called
        for (std::size_t i = 0; i < fickle.size() / 2; ++i)
            c.cancel(*fickle[i]);
        if (way % 5 == 0) asio::co_spawn(c.pool, c.tickets->stop(), [](std::exception_ptr) {});
        c.meanwhile([&c] { c.tickets.reset(); });
        for (std::size_t i = fickle.size() / 2; i < fickle.size(); ++i)
            c.cancel(*fickle[i]);
        c.meanwhile([&c] { c.source->release(); });
        c.wait();
        REQUIRE(c.once_each());
        REQUIRE(c.elsewhere == 0);
        REQUIRE(c.failed == 0);
        REQUIRE(c.served + c.aborted == c.all.size());
    }
}

} // namespace ticket_threads_test
