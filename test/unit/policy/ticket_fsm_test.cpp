#include <parley/error.hpp>

#include "policy/ticket_fsm.hpp"
#include "support/catch.hpp"

#include <string>

namespace ticket_fsm_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const moment start{time_point(1000h), wall_time(1'790'000'000s)};

/// Both clocks go on.
moment operator+(moment at, std::chrono::milliseconds by) { return {at.steady + by, at.wall + by}; }

ticket lasting(std::chrono::seconds left, std::string_view value = "t",
               ticket_kind kind = ticket_kind::reusable) {
    return ticket(secret(value), start.wall + left, start.wall, kind);
}

struct fixture {
    ticket_config config;
    ticket_fsm fsm{config};

    explicit fixture(ticket_config with = {}) : config(with), fsm(with) {}

    arrival arrives(const ticket& fresh, moment at = start) {
        return fsm.arrived(fsm.generation(), fresh, at);
    }
    std::string served(moment at) const {
        const auto* held = fsm.serve(at);
        return held ? std::string(held->value().expose()) : "(none)";
    }
};

error_details failure(bool retryable, std::optional<std::chrono::seconds> retry_after = {}) {
    error_details details;
    details.retryable = retryable;
    details.retry_after = retry_after;
    return details;
}

} // namespace

TEST_CASE("ticket_fsm: is empty at first", "[unit][ticket_fsm]") {
    fixture f;
    CHECK(f.served(start) == "(none)");
    CHECK(f.fsm.held() == nullptr);
    CHECK(f.fsm.expires_in(start) == std::nullopt);
    CHECK(f.fsm.expires_at() == std::nullopt);
    CHECK(f.fsm.reason() == ticket_reason::first);
    CHECK(f.fsm.renewal(start, 0.5) == renewal_step{});
}

TEST_CASE("ticket_fsm: serves a ticket until its buffer begins", "[unit][ticket_fsm]") {
    fixture f;
    CHECK(f.arrives(lasting(100s)) == arrival::held);
    CHECK(f.served(start) == "t");
    CHECK(f.served(start + 69'999ms) == "t");
    CHECK(f.served(start + 70s) == "(none)");
    CHECK(f.fsm.reason() == ticket_reason::expired);
    CHECK(f.fsm.held() != nullptr);
}

TEST_CASE("ticket_fsm: reports how long the ticket lasts", "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s));
    CHECK(f.fsm.expires_in(start + 40s) == 60s);
    CHECK(f.fsm.expires_in(start + 100s) == 0s);
    CHECK(f.fsm.expires_in(start + 200s) == 0s);
    CHECK(f.fsm.expires_at() == start.wall + 100s);
}

TEST_CASE("ticket_fsm: the lifetime is measured by the server's clock", "[unit][ticket_fsm]") {
    const auto skew = GENERATE(-7h, 0h, 7h);
    fixture f;
    const auto issued = start.wall + skew;
    CHECK(f.arrives(ticket(secret("t"), issued + 100s, issued)) == arrival::held);
    CHECK(f.served(start + 69s) == "t");
    CHECK(f.served(start + 70s) == "(none)");
    CHECK(f.fsm.expires_at() == issued + 100s);
}

TEST_CASE("ticket_fsm: without the server's clock the lifetime is measured by the local one",
          "[unit][ticket_fsm]") {
    fixture f;
    CHECK(f.arrives(ticket(secret("t"), start.wall + 100s)) == arrival::held);
    CHECK(f.served(start + 69s) == "t");
    CHECK(f.served(start + 70s) == "(none)");
}

TEST_CASE("ticket_fsm: a wall clock set back does not lengthen a ticket", "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s));
    const moment set_back{start.steady + 70s, start.wall - 12h};
    CHECK(f.served(set_back) == "(none)");
    CHECK(f.fsm.expires_in(set_back) == 30s);
}

TEST_CASE("ticket_fsm: a wall clock that jumps ahead, or a system sleep, expires a ticket",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s));
    const moment woken{start.steady + 1s, start.wall + 12h};
    CHECK(f.served(woken) == "(none)");
    CHECK(f.fsm.expires_in(woken) == 0s);
}

TEST_CASE(
    "ticket_fsm: a ticket that lasts no longer than the buffer serves the present waiters only",
    "[unit][ticket_fsm]") {
    const auto left = GENERATE(30s, 29s, 0s, -5s);
    fixture f;
    CHECK(f.arrives(lasting(left)) == arrival::for_now);
    CHECK(f.served(start) == "(none)");
    CHECK(f.fsm.reason() == ticket_reason::first);
    CHECK(f.fsm.renewal(start, 0.5) == renewal_step{});
}

TEST_CASE("ticket_fsm: a single-use ticket is never held", "[unit][ticket_fsm]") {
    fixture f;
    CHECK(f.arrives(lasting(3600s, "once", ticket_kind::single_use)) == arrival::for_now);
    CHECK(f.fsm.held() == nullptr);
}

TEST_CASE("ticket_fsm: a ticket for the present waiters does not replace a valid one",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s, "good"));
    CHECK(f.arrives(lasting(10s, "short")) == arrival::for_now);
    CHECK(f.served(start) == "good");
    CHECK(f.arrives(lasting(10s, "short"), start + 80s) == arrival::for_now);
    CHECK(f.fsm.held() == nullptr);
}

TEST_CASE("ticket_fsm: a newer ticket replaces the held one", "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s, "old"));
    f.arrives(lasting(50s, "new"));
    CHECK(f.served(start) == "new");
}

TEST_CASE("ticket_fsm: an answer of an earlier generation is stale", "[unit][ticket_fsm]") {
    fixture f;
    const auto before = f.fsm.generation();
    f.arrives(lasting(100s, "old"));
    f.fsm.begin_generation();
    CHECK(f.fsm.held() == nullptr);
    CHECK(f.fsm.reason() == ticket_reason::first);
    CHECK(f.fsm.arrived(before, lasting(100s, "late"), start) == arrival::stale);
    CHECK(f.fsm.held() == nullptr);
    CHECK(f.arrives(lasting(100s, "mine")) == arrival::held);
}

TEST_CASE("ticket_fsm: a rejected ticket is dropped, and another one is served",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(100s, "held"));
    const auto* other = f.fsm.serve_other_than(secret("rejected"), start);
    REQUIRE(other != nullptr);
    CHECK(other->value() == secret("held"));
    CHECK(f.fsm.serve_other_than(secret("held"), start) == nullptr);
    CHECK(f.fsm.held() == nullptr);
}

TEST_CASE("ticket_fsm: an extreme expiry neither overflows nor passes at once",
          "[unit][ticket_fsm]") {
    fixture f;
    SECTION("the last instant") {
        CHECK(f.arrives(ticket(secret("t"), wall_time::max(), start.wall)) == arrival::held);
        CHECK(f.served(start + 1h) == "t");
        CHECK(f.fsm.renewal(start, 0.5).wake_at > start.steady);
    }
    SECTION("the whole range of the clock") {
        CHECK(f.arrives(ticket(secret("t"), wall_time::max(), wall_time::min())) == arrival::held);
        CHECK(f.served(start) == "t");
    }
    SECTION("the first instant") {
        CHECK(f.arrives(ticket(secret("t"), wall_time::min(), wall_time::max())) ==
              arrival::for_now);
    }
}

TEST_CASE("ticket_fsm: a lifetime is the distance of any two dates", "[unit][ticket_fsm]") {
    const wall_time epoch;
    // Not an lvalue alone: Catch2 2 would keep a reference to it.
    const auto issued = GENERATE_COPY(as<wall_time>(), epoch, epoch - 1h, epoch + 1h,
                                      epoch - 24h * 300, start.wall);
    const auto left = GENERATE(as<std::chrono::seconds>(), 31s, 100s, 24h);
    fixture f;
    CHECK(f.fsm.lifetime() == std::nullopt);
    CHECK(f.arrives(ticket(secret("t"), issued + left, issued)) == arrival::held);
    CHECK(f.fsm.lifetime() == left);
    CHECK(f.fsm.expires_in(start) == left);
}

TEST_CASE("ticket_fsm: a long ticket is checked every minute and renewed in its last five minutes",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    CHECK(f.fsm.renewal(start, 0.5) == renewal_step{false, start.steady + 60s});
    CHECK(f.fsm.renewal(start, 0.0) == renewal_step{false, start.steady + 54s});
    CHECK(f.fsm.renewal(start, 1.0) == renewal_step{false, start.steady + 66s});
    CHECK_FALSE(f.fsm.renewal(start + 3300s, 0.5).renew);
    CHECK(f.fsm.renewal(start + 3301s, 0.5).renew);
}

TEST_CASE("ticket_fsm: a short ticket is checked ten times and renewed in its last third",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(300s));
    CHECK(f.fsm.renewal(start, 0.5) == renewal_step{false, start.steady + 30s});
    CHECK_FALSE(f.fsm.renewal(start + 200s, 0.5).renew);
    CHECK(f.fsm.renewal(start + 201s, 0.5).renew);
}

TEST_CASE("ticket_fsm: the shortest ticket does not make renewal a busy loop",
          "[unit][ticket_fsm]") {
    ticket_config config;
    config.validity_buffer = 0ms;
    fixture f(config);
    const ticket brief(secret("t"), start.wall + 1ms, start.wall);
    CHECK(f.arrives(brief) == arrival::held);
    CHECK(f.fsm.renewal(start, 0.0).wake_at >= start.steady + 90ms);
}

TEST_CASE("ticket_fsm: an expired ticket is renewed at its check", "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    CHECK(f.fsm.renewal({start.steady, start.wall + 12h}, 0.5).renew);
}

TEST_CASE("ticket_fsm: a renewal without a ticket to keep is not repeated at once",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    const auto late = start + 3400s;
    REQUIRE(f.fsm.renewal(late, 0.5).renew);
    CHECK(f.arrives(lasting(10s, "short"), late) == arrival::for_now);
    CHECK(f.fsm.renewal(late, 0.5) == renewal_step{false, late.steady + 60s});
    CHECK(f.fsm.renewal(late + 60s, 0.5).renew);
}

TEST_CASE("ticket_fsm: a failed renewal is retried by the backoff, later each time",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    const auto late = start + 3400s;
    f.fsm.renewal_failed(failure(true), late, 0.5); // the refresh had its own three retries
    CHECK(f.fsm.renewal(late, 0.5) == renewal_step{false, late.steady + 2s});
    CHECK(f.fsm.renewal(late + 2s, 0.5).renew);
    f.fsm.renewal_failed(failure(true), late + 2s, 0.5);
    CHECK(f.fsm.renewal(late + 2s, 0.5) == renewal_step{false, late.steady + 6s});
    f.arrives(lasting(3600s), late + 6s);
    CHECK_FALSE(f.fsm.renewal(late + 7s, 0.5).renew);
}

TEST_CASE("ticket_fsm: a renewal waits as long as the server asks for", "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    const auto late = start + 3400s;
    f.fsm.renewal_failed(failure(true, 50s), late, 0.5);
    CHECK(f.fsm.renewal(late, 0.5) == renewal_step{false, late.steady + 50s});
}

TEST_CASE("ticket_fsm: a permanent failure of a renewal waits for the next check",
          "[unit][ticket_fsm]") {
    fixture f;
    f.arrives(lasting(3600s));
    const auto late = start + 3400s;
    f.fsm.renewal_failed(failure(false), late, 0.5);
    CHECK(f.fsm.renewal(late, 0.5) == renewal_step{false, late.steady + 60s});
}

TEST_CASE("ticket_fsm: any number of failures and retries is counted without overflow",
          "[unit][ticket_fsm]") {
    ticket_config config;
    config.max_retries = 0xFFFF'FFFF;
    fixture f(config);
    f.arrives(lasting(3600s));
    f.fsm.renewal_failed(failure(true), start, 0.5);
    CHECK(f.fsm.renewal(start, 0.5) == renewal_step{false, start.steady + 15s});
}

} // namespace ticket_fsm_test
