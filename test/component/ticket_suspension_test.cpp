// Every operation on tickets, cancelled at each of its suspensions, and with each of its exchanges
// failing: it completes once, reports its outcome, affects no other, and leaves nothing behind.

#include <parley/ticket_manager.hpp>

#include "dialect/parley/thread_updates.hpp"
#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ticket_suspension_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using boost::asio::cancellation_type;

namespace {

constexpr const char* valid = R"({"valid":true})";
constexpr const char* success = R"({"success":true})";
constexpr int more_than_enough = 1'000;

/// A world with one caller, which says from when on it listens: an earlier signal is Asio's
/// affair, and differs between its versions.
struct calling_world : ticket_world {
    bool listens = false;
};

/// A caller that hears every type of cancellation, and whose value does not matter.
template <class T>
awaitable<void> attentive(calling_world& w, awaitable<T> operation) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    w.listens = true;
    co_await std::move(operation);
}

/// One thing happens: a handler runs, or time goes on to the next deadline. False when nothing can.
bool step(ticket_world& w) {
    w.io.restart();
    return w.io.poll_one() != 0 || w.clock->advance_to_next();
}

awaitable<void> update(ticket_world& w) {
    const auto until = w.clock->now() + 10s;
    return update_thread(w.io.get_executor(), w.http,
                         server_url::parse("wss://chat.example", false), ticket_world::identity(),
                         "p", R"({"title":null})", until);
}

/// An operation, and the answers that it meets.
struct operation {
    const char* name;
    std::function<void(ticket_world&)> prepare;
    std::function<awaitable<void>(calling_world&)> begin;
    errc late = errc::ticket_timeout; ///< at its deadline
};

void hold_one(ticket_world& w) {
    w.http->answer_ticket("SENTINEL-held", 1h);
    run(w.io, w.tickets->get_valid_ticket());
}

std::vector<operation> operations() {
    return {
        {"get_valid_ticket",
         [](ticket_world& w) {
             w.http->answer(503);
             w.http->answer_ticket("SENTINEL-1", 1h);
         },
         [](calling_world& w) { return attentive(w, w.tickets->get_valid_ticket()); }},
        {"get_valid_ticket with a deadline", [](ticket_world& w) { w.http->hang(); },
         [](calling_world& w) {
             return attentive(w, w.tickets->get_valid_ticket(w.clock->now() + 5s));
         }},
        {"refresh_ticket",
         [](ticket_world& w) {
             hold_one(w);
             w.http->hang();
             w.http->answer_ticket("SENTINEL-1", 1h);
         },
         [](calling_world& w) { return attentive(w, w.tickets->refresh_ticket()); }},
        {"replace_ticket",
         [](ticket_world& w) {
             hold_one(w);
             w.http->answer_ticket("SENTINEL-1", 1h);
         },
         [](calling_world& w) {
             const ticket rejected(secret("SENTINEL-held"), {});
             return attentive(w, w.tickets->replace_ticket(rejected));
         }},
        {"validate_with_server",
         [](ticket_world& w) {
             hold_one(w);
             w.http->answer(200, valid);
         },
         [](calling_world& w) { return attentive(w, w.tickets->validate_with_server()); }},
        {"validate_with_server, and nobody answers",
         [](ticket_world& w) {
             hold_one(w);
             w.http->hang();
         },
         [](calling_world& w) { return attentive(w, w.tickets->validate_with_server()); }},
        {"a thread update", [](ticket_world& w) { w.http->answer(200, success); },
         [](calling_world& w) { return attentive(w, update(w)); }},
        {"a thread update, and nobody answers", [](ticket_world& w) { w.http->hang(); },
         [](calling_world& w) { return attentive(w, update(w)); }, errc::timed_out},
        {"stop",
         [](ticket_world& w) {
             w.http->hang();
             static_cast<void>(w.start(w.tickets->get_valid_ticket()));
         },
         [](calling_world& w) { return attentive(w, w.tickets->stop()); }},
    };
}

} // namespace

TEST_CASE("ticket_manager: every operation can be cancelled at each of its suspensions",
          "[component][ticket_manager][A26][A27][A30]") {
    const auto type =
        GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
    for (const auto& each : operations()) {
        CAPTURE(each.name);
        bool finished = false;
        int aborted = 0;
        for (int n = 0; !finished; ++n) {
            REQUIRE(n < more_than_enough);
            calling_world w;
            w.manage_http();
            each.prepare(w);
            auto caller = test::start(w.io, each.begin(w));
            for (int i = 0; (i < n || !w.listens) && !caller.done(); ++i)
                step(w);
            finished = caller.done();
            const bool failed = caller.failed();
            caller.cancel(type);
            test::poll(w.io); // no time passes: it leaves at once
            REQUIRE(caller.done());
            // Either it says that it was cancelled, or it has its outcome: nothing in between.
            if (caller.aborted())
                ++aborted;
            else if (caller.failed()) // it had a deadline
                REQUIRE(caller.failed_with(each.late));
            if (finished) REQUIRE(caller.failed() == failed);
            REQUIRE_FALSE(w.leaks(w.log.text()));
            REQUIRE(w.ends());
        }
        // Where an answer is there at once, it may be on its way whenever the caller leaves.
        const bool unanswered = std::string_view(each.name).ends_with("nobody answers");
        CHECK((aborted > 0 || !unanswered));
    }
}

TEST_CASE("ticket_manager: the manager works after a caller is cancelled at any suspension",
          "[component][ticket_manager][A26][A27]") {
    for (const auto& each : operations()) {
        if (std::string_view(each.name) == "stop") continue;
        CAPTURE(each.name);
        bool finished = false;
        for (int n = 0; !finished; ++n) {
            REQUIRE(n < more_than_enough);
            calling_world w;
            auto& tickets = w.manage_http();
            each.prepare(w);
            auto caller = test::start(w.io, each.begin(w));
            for (int i = 0; i < n && !caller.done(); ++i)
                step(w);
            finished = caller.done();
            caller.cancel();
            w.pass(1min); // whatever it had begun comes to its end
            w.http->forget_answers();
            CHECK(tickets.snapshot().waiters == 0);
            CHECK_FALSE(tickets.snapshot().in_flight);
            w.http->answer_ticket("SENTINEL-next", 1h);
            w.http->answer(200, valid);
            REQUIRE(value_of(run(w.io, tickets.refresh_ticket())) == "SENTINEL-next");
            REQUIRE(run(w.io, tickets.validate_with_server()).valid);
            REQUIRE(w.ends());
        }
    }
}

TEST_CASE("ticket_manager: every operation can be destroyed at each of its suspensions",
          "[component][ticket_manager]") {
    for (const auto& each : operations()) {
        CAPTURE(each.name);
        bool finished = false;
        for (int n = 0; !finished; ++n) {
            REQUIRE(n < more_than_enough);
            calling_world w;
            w.manage_http();
            each.prepare(w);
            auto caller = test::start(w.io, each.begin(w));
            for (int i = 0; (i < n || !w.listens) && !caller.done(); ++i)
                step(w);
            finished = caller.done();
            w.tickets.reset();
            w.pass(10s); // a thread update is not the manager's, and ends at its own deadline
            REQUIRE(caller.done());
            REQUIRE(out_of_work(w.io));
        }
    }
}

TEST_CASE("ticket_manager: each exchange may fail in each way, and the manager recovers",
          "[component][ticket_manager]") {
    struct way {
        errc code;
        bool retryable;
        errc of_ticket;
    };
    const way how = GENERATE(way{errc::connect_failed, true, errc::ticket_request_failed},
                             way{errc::tls_failed, false, errc::ticket_request_failed},
                             way{errc::timed_out, true, errc::ticket_timeout},
                             way{errc::certificate_rejected, false, errc::ticket_certificate},
                             way{errc::protocol_violation, false, errc::ticket_malformed});
    // A life without trouble makes these exchanges; the n-th fails, for every n.
    enum class asks { ticket, verdict, change };
    const std::vector<asks> life{asks::ticket, asks::verdict, asks::change, asks::ticket,
                                 asks::verdict};
    for (std::size_t failing = 0; failing < life.size(); ++failing) {
        CAPTURE(failing);
        ticket_world w;
        auto& tickets = w.manage_http();
        error_details details;
        details.retryable = how.retryable;
        details.phase = phase::tcp;
        for (std::size_t n = 0; n < life.size(); ++n) {
            const auto before = w.http->count();
            if (n == failing) w.http->fail(error_info(how.code, "Broken.", details));
            const auto check = [&](const auto& caller) {
                w.pass(1s); // the backoff
                REQUIRE(caller.done());
                const bool again = how.retryable && life[n] == asks::ticket;
                CHECK(caller.failed() == (n == failing && !again));
                const auto code = life[n] == asks::change ? how.code : how.of_ticket;
                if (caller.failed()) CHECK(caller.failed_with(code));
                CHECK(w.http->count() - before == (n == failing && again ? 2 : 1));
                w.http->forget_answers();
            };
            switch (life[n]) {
            case asks::ticket:
                w.http->answer_ticket("SENTINEL-" + std::to_string(n), 1h);
                check(w.start(tickets.refresh_ticket()));
                break;
            case asks::verdict:
                if (!tickets.is_valid()) { // the first one was not had
                    w.http->answer_ticket("SENTINEL-x", 1h);
                    run(w.io, tickets.get_valid_ticket());
                    w.http->answer(200, valid);
                    CHECK(run(w.io, tickets.validate_with_server()).valid);
                    break;
                }
                w.http->answer(200, valid);
                w.pass(31s); // nothing is remembered
                check(w.start(tickets.validate_with_server()));
                CHECK(tickets.is_valid()); // a failed request says nothing about it
                break;
            case asks::change:
                w.http->answer(200, success);
                check(w.start(update(w)));
                break;
            }
        }
        CHECK_FALSE(w.leaks(w.log.text()));
        CHECK(w.ends());
    }
}

} // namespace ticket_suspension_test
