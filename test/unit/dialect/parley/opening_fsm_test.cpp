#include "dialect/parley/opening_fsm.hpp"
#include "support/catch.hpp"

namespace opening_fsm_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0{};

quotation quoted(std::string_view words) { return redactor().quote(words); }

template <class Action>
bool is(const opening_action_t& action) {
    return std::holds_alternative<Action>(action);
}

errc failure_of(const opening_action_t& action) {
    return static_cast<errc>(std::get<opening_action::fail>(action).why.code.value());
}

} // namespace

TEST_CASE("opening_fsm: without tools the session is ready as soon as it is established",
          "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 10s);
    fsm.opened(t0);
    CHECK(is<opening_action::ready>(fsm.established(t0 + 1s, false)));
    CHECK_FALSE(fsm.under_way());
}

TEST_CASE("opening_fsm: with tools it is ready when they are acknowledged", "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 10s);
    fsm.opened(t0);
    CHECK(is<opening_action::configure>(fsm.established(t0, true)));
    CHECK(fsm.under_way());
    CHECK(is<opening_action::ready>(fsm.acknowledged()));
    CHECK(fsm.deadline() == time_point::max());
}

TEST_CASE("opening_fsm: a session that is not established in time fails, and is retryable",
          "[unit][opening_fsm][B36]") {
    opening_fsm fsm(10s, 7s);
    fsm.opened(t0);
    CHECK(fsm.deadline() == t0 + 10s);
    CHECK(is<opening_action::none>(fsm.at(t0 + 9999ms)));
    const auto action = fsm.at(t0 + 10s);
    CHECK(failure_of(action) == errc::session_timeout);
    CHECK(std::get<opening_action::fail>(action).why.details.retryable);
    CHECK(is<opening_action::none>(fsm.at(t0 + 11s)));
}

TEST_CASE("opening_fsm: time without reading does not count", "[unit][opening_fsm][B36]") {
    opening_fsm fsm(10s, 7s);
    fsm.opened(t0);
    fsm.held(t0 + 4s);
    fsm.held(t0 + 5s); // already
    CHECK(fsm.deadline() == time_point::max());
    CHECK(is<opening_action::none>(fsm.at(t0 + 1h)));
    fsm.released(t0 + 1h);
    fsm.released(t0 + 2h); // already
    CHECK(fsm.deadline() == t0 + 1h + 6s);
    CHECK(failure_of(fsm.at(t0 + 1h + 6s)) == errc::session_timeout);

    fsm.opened(t0);
    fsm.held(t0);
    fsm.opened(t0 + 1s); // another connection, whose reader is not held back
    CHECK(fsm.deadline() == t0 + 11s);
}

TEST_CASE("opening_fsm: tools that are not acknowledged in time are a tool configuration error",
          "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 7s);
    fsm.opened(t0);
    fsm.established(t0 + 5s, true);
    CHECK(fsm.deadline() == t0 + 12s);
    CHECK(failure_of(fsm.at(t0 + 12s)) == errc::tools_not_acknowledged);
}

TEST_CASE("opening_fsm: an error rejects a configuration only while it is awaited",
          "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 10s);
    fsm.opened(t0);
    CHECK(is<opening_action::none>(fsm.server_error(quoted("too early"), quotation())));
    fsm.established(t0, true);
    const auto action = fsm.server_error(quoted("no such schema"), quoted("SCHEMA"));
    CHECK(failure_of(action) == errc::tools_refused);
    CHECK(std::get<opening_action::fail>(action).why.details.server_code == "SCHEMA");
    CHECK(is<opening_action::none>(fsm.server_error(quoted("later"), quotation())));
}

TEST_CASE("opening_fsm: only an invalid or expired ticket is cured by a fresh one",
          "[unit][opening_fsm]") {
    for (const char* code : {"TICKET_INVALID", "TICKET_EXPIRED"}) {
        opening_fsm fsm(10s, 10s);
        fsm.opened(t0);
        CHECK(is<opening_action::reject>(fsm.refused(quoted("no"), quoted(code))));
    }
    for (const char* code : {"USER_BLOCKED", "", "ticket_invalid"}) {
        opening_fsm fsm(10s, 10s);
        fsm.opened(t0);
        CHECK(failure_of(fsm.refused(quoted("no"), quoted(code))) == errc::session_refused);
    }
}

TEST_CASE("opening_fsm: unexpected frames change nothing", "[unit][opening_fsm][B37]") {
    opening_fsm fsm(10s, 10s);
    CHECK(is<opening_action::none>(fsm.established(t0, true)));
    CHECK(is<opening_action::none>(fsm.acknowledged()));
    CHECK(is<opening_action::none>(fsm.refused(quoted("no"), quoted("TICKET_INVALID"))));
    fsm.opened(t0);
    CHECK(is<opening_action::none>(fsm.acknowledged()));
    CHECK(is<opening_action::ready>(fsm.established(t0, false)));
    CHECK(is<opening_action::none>(fsm.established(t0, false)));
    CHECK(is<opening_action::none>(fsm.acknowledged()));
}

TEST_CASE("opening_fsm: a rejection on a ready session counts too", "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 10s);
    fsm.opened(t0);
    fsm.established(t0, false);
    CHECK(is<opening_action::reject>(fsm.refused(quoted("expired"), quoted("TICKET_EXPIRED"))));
}

TEST_CASE("opening_fsm: a lost connection clears its deadline", "[unit][opening_fsm]") {
    opening_fsm fsm(10s, 10s);
    fsm.opened(t0);
    fsm.lost();
    CHECK_FALSE(fsm.under_way());
    CHECK(is<opening_action::none>(fsm.at(t0 + 1h)));
}

TEST_CASE("opening_fsm: endless requests for the configuration are answered at a limited rate",
          "[unit][opening_fsm][O145]") {
    opening_fsm fsm(10s, 10s);
    const auto answered = [&](time_point now) {
        int count = 0;
        for (int i = 0; i < 1'000; ++i)
            count += fsm.configuration_requested(now) ? 1 : 0;
        return count;
    };
    const auto begun = t0 + 1h;
    fsm.opened(begun);
    CHECK(answered(begun) == 5);
    CHECK(answered(begun + 9s) == 0);
    CHECK(answered(begun + 10s) == 1);
    CHECK(answered(begun + 20s) == 1);
    CHECK(answered(begun + 1h) == 5);

    fsm.opened(begun + 1h); // another session
    CHECK(answered(begun + 1h) == 5);
}

} // namespace opening_fsm_test
