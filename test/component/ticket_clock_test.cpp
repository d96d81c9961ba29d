// Clocks that are wrong, that are set, and that stand still: what they may cost is one request for
// each need of a ticket, and never more.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace ticket_clock_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using std::chrono::seconds;

namespace {

/// A server with a clock of its own, which may be set, and with habits of its own.
class odd_server : public ticket_source {
public:
    explicit odd_server(std::shared_ptr<manual_clock> real)
        : real_(std::move(real)), begun_(real_->now()), wall_(real_->wall_now()) {}

    awaitable<ticket> fetch(ticket_request) override {
        ++calls;
        co_return answer();
    }

    seconds offset{0};     ///< of its clock, from the true time
    seconds lifetime{600}; ///< of what it issues: may be nothing, or less
    bool tells_time = true;
    bool repeats = false; ///< gives the last one again, expired or not
    unsigned calls = 0;

private:
    ticket answer() {
        const auto passed = real_->now() - begun_; // the steady clock is the true time here
        const auto now = wall_ + std::chrono::duration_cast<wall_time::duration>(passed) + offset;
        std::optional<wall_time> date;
        if (tells_time) date = now;
        if (!repeats || !last_) last_ = ticket(secret(name()), now + lifetime, date);
        return ticket(last_->value(), last_->expires_at(), date);
    }

    std::string name() const { return "SENTINEL-" + std::to_string(calls); }

    const std::shared_ptr<manual_clock> real_;
    const time_point begun_;
    const wall_time wall_;
    std::optional<ticket> last_;
};

struct odd_world : ticket_world {
    std::shared_ptr<odd_server> server = std::make_shared<odd_server>(clock);
    std::mt19937 random;

    explicit odd_world(unsigned seed, bool renews = false) : random(seed) {
        tickets.emplace(io.get_executor(), identity(), server, ticket_config(), options(),
                        environment);
        if (renews) tickets->start_proactive_renewal();
    }

    unsigned pick(unsigned below) { return static_cast<unsigned>(random() % below); }

    seconds some_step() {
        constexpr seconds steps[] = {1s, 29s, 31s, 10min, 1h, 12h, 24h * 400};
        return steps[pick(7)] * (pick(2) == 0 ? 1 : -1);
    }

    /// One thing goes wrong, or right again.
    void trouble() {
        switch (pick(6)) {
        case 0:
            clock->step_wall(some_step()); // it was set, or the system slept
            break;
        case 1:
            server->offset += some_step();
            break;
        case 2: {
            constexpr seconds lifetimes[] = {-1h, 0s, 1s, 29s, 30s, 31s, 45s, 90s, 301s, 1h, 48h};
            server->lifetime = lifetimes[pick(11)];
            break;
        }
        case 3:
            server->tells_time = pick(2) == 0;
            break;
        case 4:
            server->repeats = pick(2) == 0;
            break;
        default:
            break;
        }
    }

    /// Somebody needs a ticket for a connect, and others at the same time. What it took.
    unsigned connect() {
        const auto before = server->calls;
        std::vector<started<ticket>> callers;
        for (unsigned more = pick(3); callers.size() <= more;)
            callers.push_back(test::start(io, tickets->get_valid_ticket()));
        if (pick(2) == 0) clock->step_wall(some_step()); // while they are on their way
        test::poll(io);
        for (const auto& caller : callers)
            REQUIRE_FALSE(value_of(caller).empty());
        last_ = callers.front().get();
        return server->calls - before;
    }

    /// The server did not take it, and says so.
    unsigned rejected() {
        const auto before = server->calls;
        if (last_) REQUIRE_FALSE(value_of(run(io, tickets->replace_ticket(*last_))).empty());
        return server->calls - before;
    }

private:
    std::optional<ticket> last_;
};

} // namespace

TEST_CASE("ticket_manager: no step of any clock costs more than one request for each connect",
          "[component][ticket_manager][A9]") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        odd_world w(seed);
        for (int i = 0; i < 60; ++i) {
            CAPTURE(seed, i);
            w.trouble();
            const auto before = w.server->calls;
            w.pass(seconds(w.pick(4) * w.pick(1'000)));
            REQUIRE(w.server->calls == before); // none was needed
            REQUIRE(w.connect() <= 1);
            if (w.pick(4) == 0) REQUIRE(w.rejected() <= 1);
        }
        REQUIRE(w.ends());
    }
}

TEST_CASE("ticket_manager: no step of any clock makes renewal a busy loop",
          "[component][ticket_manager][A9]") {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        odd_world w(seed, true);
        for (int i = 0; i < 40; ++i) {
            CAPTURE(seed, i);
            w.trouble();
            REQUIRE(w.connect() <= 1);
            const auto before = w.server->calls;
            const seconds by(w.pick(4) * w.pick(1'000));
            w.pass(by);
            // The shortest ticket that is held lives for more than 30 s, and is looked at ten
            // times at most: 3 s, less the jitter. A step of a clock is worth one more.
            REQUIRE(w.server->calls - before <= 2 + by / 2700ms);
        }
        REQUIRE(w.ends());
    }
}

TEST_CASE("ticket_manager: a valid ticket makes no request, whatever is done to the server's clock",
          "[component][ticket_manager]") {
    odd_world w(1);
    w.server->lifetime = 1h;
    CHECK(w.connect() == 1);
    for (const seconds by : {-24h * 400, -1h, 1h, 24h * 400}) {
        w.server->offset = by;
        run(w.io, w.tickets->get_valid_ticket());
    }
    w.clock->set_wall(w.clock->wall_now());
    CHECK(w.server->calls == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a system sleep that expires a ticket costs one request",
          "[component][ticket_manager]") {
    const bool renews = GENERATE(false, true);
    ticket_world w;
    auto& tickets = w.manage();
    if (renews) tickets.start_proactive_renewal();
    run(w.io, tickets.get_valid_ticket());
    w.clock->step_wall(8h); // the steady clock stood still meanwhile
    CHECK_FALSE(tickets.is_valid());
    CHECK(tickets.expires_in() == 0s);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    w.pass(10min);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    CHECK(w.source->calls() == 2);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a system sleep during a refresh neither loses the answer nor doubles "
          "the request",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    w.clock->step_wall(8h);
    w.source->release();
    w.poll();
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: tickets shorter than the buffer cost one request for each connect",
          "[component][ticket_manager]") {
    const auto lifetime = GENERATE(0s, 1s, 29s, 30s);
    ticket_world w;
    auto& tickets = w.manage();
    tickets.start_proactive_renewal();
    w.source->lifetime(lifetime);
    for (unsigned connect = 1; connect <= 5; ++connect) {
        CHECK_FALSE(run(w.io, tickets.get_valid_ticket()).empty());
        CHECK(w.source->calls() == connect);
        CHECK_FALSE(tickets.is_valid());
        w.pass(1h);
        CHECK(w.source->calls() == connect);
    }
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: tickets shorter than the threshold are renewed in their last third",
          "[component][ticket_manager]") {
    const auto lifetime = GENERATE(as<seconds>(), 120s, 240s, 600s);
    ticket_world w;
    auto& tickets = w.manage();
    tickets.start_proactive_renewal();
    w.source->lifetime(lifetime);
    run(w.io, tickets.get_valid_ticket());
    w.pass(lifetime * 2 / 3);
    CHECK(w.source->calls() == 1);
    w.pass(lifetime / 10 * 11 / 10 + 1s); // one look more, with its jitter
    CHECK(w.source->calls() == 2);
    CHECK(tickets.is_valid());
    w.pass(1h);
    CHECK(w.source->calls() <= 2 + 1h / (lifetime * 2 / 3));
    CHECK(w.ends());
}

TEST_CASE(
    "ticket_manager: a server that returns the same or an expired ticket is asked once a connect",
    "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto now = w.clock->wall_now();
    const bool expired = GENERATE(false, true);
    const ticket same(secret("the same"), expired ? now - 1h : now + 100s, std::nullopt);
    for (int i = 0; i < 10; ++i)
        w.source->give(same);
    for (unsigned connect = 1; connect <= 5; ++connect) {
        CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "the same");
        CHECK(w.source->calls() == connect);
        CHECK(tickets.is_valid() == (!expired && connect == 1));
        w.pass(80s); // nothing but the buffer is left of the same
    }
    // A refresh that brings the same one is a refresh: it is not asked for again.
    CHECK(value_of(run(w.io, tickets.replace_ticket(same))) == "the same");
    CHECK(w.source->calls() == 6);
    CHECK(w.ends());
}

} // namespace ticket_clock_test
