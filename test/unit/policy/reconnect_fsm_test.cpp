#include "support/catch.hpp"
#include "support/reconnect_transcript.hpp"

namespace reconnect_fsm_test {

using namespace parley;
using namespace parley::test::reconnect_transcript;

TEST_CASE("reconnect_fsm: the opening is one attempt", "[unit][reconnect_fsm]") {
    transcript test;

    CHECK(test.say(in::start{t0 + 30s}) == action(out::dial{1, false}));
    CHECK(test.say(failed(reaction::retry)) == action(stopped(errc::connect_failed)));
}

TEST_CASE("reconnect_fsm: a successful opening leads to the running state",
          "[unit][reconnect_fsm]") {
    transcript test;
    test.say(in::start{t0 + 30s});

    CHECK(test.say(in::ready()) == action(out::run()));
    CHECK(test.fsm.attempt() == 0);
}

TEST_CASE("reconnect_fsm: one rejected ticket is refreshed at once, without a backoff",
          "[unit][reconnect_fsm]") {
    transcript test;
    test.say(in::start{t0 + 30s});

    CHECK(test.say(failed(reaction::rejection)) == action(out::dial{2, true}));
    CHECK(test.say(failed(reaction::rejection, ticket_use::fresh)) ==
          action(stopped(errc::ticket_rejected)));
}

TEST_CASE("reconnect_fsm: a permanent error ends the opening", "[unit][reconnect_fsm]") {
    transcript test;
    test.say(in::start{t0 + 30s});

    CHECK(test.say(failed(reaction::end)) == action(stopped(errc::connect_failed)));
}

TEST_CASE("reconnect_fsm: a gateway's status ends the opening, also with retry_first",
          "[unit][reconnect_fsm][O139]") {
    reconnect_config config;
    config.retry_first = GENERATE(false, true);
    transcript test(config);
    test.say(in::start{t0 + 30s});

    CHECK(test.say(failed(reaction::gateway_verdict)) == action(stopped(errc::connect_failed)));
}

TEST_CASE("reconnect_fsm: the error of a retryable opening names retry_first",
          "[unit][reconnect_fsm]") {
    transcript test;
    test.say(in::start{t0 + 30s});

    const auto end = test.say(failed(reaction::retry));

    REQUIRE(std::holds_alternative<out::stop>(end));
    const auto& why = *std::get<out::stop>(end).why;
    CHECK(why.message.starts_with("failed"));
    CHECK(why.message.find("reconnect.retry_first") != std::string::npos);
}

TEST_CASE(
    "reconnect_fsm: a deadline in a later attempt of the opening reports the failure before it",
    "[unit][reconnect_fsm][O148]") {
    reconnect_config config;
    config.retry_first = true;
    transcript test(config);
    test.say(in::start{t0 + 3s});
    auto gateway = failure(errc::upgrade_failed);
    gateway.message = "The server refused the WebSocket with status 504.";
    gateway.details.http_status = 504;
    gateway.details.phase = phase::upgrade;
    gateway.details.attempt = 1;
    gateway.details.url = "wss://chat.example/ws";
    test.say(failed(reaction::retry, ticket_use::held, gateway));
    test.say(in::elapsed());

    SECTION("a bare deadline") {
        test.now = t0 + 3s;
        auto late = failure(errc::connect_timeout);
        late.details.phase = phase::tcp;
        late.details.attempt = 2;
        const auto end = test.say(failed(reaction::retry, ticket_use::held, late));
        REQUIRE(end == action(stopped(errc::connect_timeout)));
        const auto& why = *std::get<out::stop>(end).why;
        CHECK(why.details.http_status == 504);
        CHECK(why.details.phase == phase::upgrade);
        CHECK(why.details.attempt == 1u);
        CHECK(why.details.url == "wss://chat.example/ws");
        CHECK(why.message.find("status 504") != std::string::npos);
    }
    SECTION("one with details of its own") {
        test.now = t0 + 3s;
        auto late = failure(errc::upgrade_failed);
        late.details.http_status = 503;
        const auto end = test.say(failed(reaction::retry, ticket_use::held, late));
        REQUIRE(std::holds_alternative<out::stop>(end));
        CHECK(std::get<out::stop>(end).why->details.http_status == 503);
    }
}

TEST_CASE("reconnect_fsm: retry_first follows the backoff until the deadline",
          "[unit][reconnect_fsm]") {
    reconnect_config config;
    config.retry_first = true;
    config.max_attempts = 1; // of no concern to the opening
    transcript test(config);
    test.say(in::start{t0 + 3s});

    CHECK(test.say(failed(reaction::retry)) == action(test.wait(2, 500ms)));
    test.now += 500ms;
    CHECK(test.say(in::elapsed()) == action(out::dial{2, false}));
    CHECK(test.say(failed(reaction::retry)) == action(test.wait(3, 1s)));
    test.now += 1s;
    CHECK(test.say(in::elapsed()) == action(out::dial{3, false}));
    CHECK(test.say(failed(reaction::retry)) == action(stopped(errc::connect_failed)));
}

TEST_CASE("reconnect_fsm: retry_first fetches one fresh ticket in all", "[unit][reconnect_fsm]") {
    reconnect_config config;
    config.retry_first = true;
    transcript test(config);
    test.say(in::start{t0 + 30s});
    CHECK(test.say(failed(reaction::rejection)) == action(out::dial{2, true}));
    CHECK(test.say(failed(reaction::retry, ticket_use::fresh)) == action(test.wait(3, 1s)));
    CHECK(test.say(in::elapsed()) == action(out::dial{3, false}));

    CHECK(test.say(failed(reaction::rejection)) == action(stopped(errc::ticket_rejected)));
}

TEST_CASE("reconnect_fsm: the backoff doubles up to its cap, with jitter",
          "[unit][reconnect_fsm]") {
    transcript test;

    CHECK(test.lose() == action(test.wait(1, 500ms)));
    const std::vector<std::chrono::milliseconds> bounds{1s, 2s, 4s, 8s, 16s, 30s, 30s};
    unsigned attempt = 1;
    for (const auto bound : bounds)
        CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(++attempt, bound)));

    test.say(in::elapsed());
    const auto half = test.fsm.resume(test.now, 0.5, failed(reaction::retry));
    CHECK(half == action(test.wait(attempt + 1, 15s)));
}

TEST_CASE("reconnect_fsm: the end of a wait starts an attempt", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose();

    CHECK(test.say(in::elapsed()) == action(out::dial{1, false}));
    CHECK(test.say(in::ready()) == action(out::run()));
}

TEST_CASE("reconnect_fsm: a suspect ticket is refreshed for the next attempt",
          "[unit][reconnect_fsm]") {
    transcript test;

    CHECK(test.lose(reaction::refresh_and_retry) == action(test.wait(1, 500ms)));
    CHECK(test.say(in::elapsed()) == action(out::dial{1, true}));
}

TEST_CASE("reconnect_fsm: a fresh ticket that was not available is requested again",
          "[unit][reconnect_fsm]") {
    transcript test;
    test.lose(reaction::refresh_and_retry);

    test.fail_again(failed(reaction::retry, ticket_use::none));
    CHECK(test.say(in::elapsed()) == action(out::dial{2, true}));
    test.say(failed(reaction::retry, ticket_use::fresh)); // it was had this time
    CHECK(test.say(in::elapsed()) == action(out::dial{3, false}));
}

TEST_CASE("reconnect_fsm: a permanent failure of a refresh ends it", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose(reaction::refresh_and_retry);

    CHECK(test.fail_again(
              failed(reaction::end, ticket_use::none, failure(errc::authentication_failed))) ==
          action(stopped(errc::authentication_failed)));
}

TEST_CASE("reconnect_fsm: the third rejection in a row of a fresh ticket ends it",
          "[unit][reconnect_fsm][B31]") {
    transcript test;
    test.lose();

    CHECK(test.fail_again(failed(reaction::rejection, ticket_use::fresh)) ==
          action(test.wait(2, 1s)));
    CHECK(test.say(in::elapsed()) == action(out::dial{2, true}));
    test.say(failed(reaction::retry, ticket_use::fresh)); // says nothing about the ticket
    CHECK(test.fail_again(failed(reaction::rejection, ticket_use::fresh)) ==
          action(test.wait(4, 4s)));
    CHECK(test.fail_again(failed(reaction::rejection, ticket_use::fresh)) ==
          action(stopped(errc::ticket_rejected)));
}

TEST_CASE("reconnect_fsm: a rejected held ticket is replaced at once, without a wait",
          "[unit][reconnect_fsm][O147]") {
    const auto what = GENERATE(reaction::rejection, reaction::gateway_rejection);
    reconnect_config config;
    config.max_attempts = 2;
    transcript test(config);
    test.lose();
    test.fail_again(failed(reaction::retry));
    test.say(in::elapsed());

    CHECK(test.say(failed(what, ticket_use::held)) == action(out::dial{2, true}));

    SECTION("the new one is accepted") { CHECK(test.say(in::ready()) == action(out::run())); }
    SECTION("a rejected fresh one waits, and is counted") {
        // No more attempts are left than those that were asked for.
        CHECK(test.say(failed(what, ticket_use::fresh)) ==
              action(stopped(errc::reconnect_exhausted)));
    }
}

TEST_CASE("reconnect_fsm: one fresh ticket is fetched at once, and the next after a wait",
          "[unit][reconnect_fsm][O147]") {
    transcript test;
    test.lose();
    test.say(in::elapsed());
    REQUIRE(test.say(failed(reaction::rejection, ticket_use::held)) == action(out::dial{1, true}));

    CHECK(test.say(failed(reaction::rejection, ticket_use::fresh)) == action(test.wait(2, 1s)));
    CHECK(test.say(in::elapsed()) == action(out::dial{2, true}));
    CHECK(test.say(failed(reaction::rejection, ticket_use::fresh)) == action(test.wait(3, 2s)));
    CHECK(test.say(in::elapsed()) == action(out::dial{3, true}));
    CHECK(test.say(failed(reaction::rejection, ticket_use::fresh)) ==
          action(stopped(errc::ticket_rejected)));
}

TEST_CASE("reconnect_fsm: a ready session clears the earlier rejections", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose();
    test.fail_again(failed(reaction::rejection, ticket_use::fresh));
    test.fail_again(failed(reaction::rejection, ticket_use::fresh));
    test.say(in::elapsed());
    test.say(in::ready());
    test.say(lost(reaction::retry));

    for (int n = 0; n < 2; ++n) {
        const auto next = test.fail_again(failed(reaction::rejection, ticket_use::fresh));
        CHECK(std::holds_alternative<out::wait>(next));
    }
}

TEST_CASE("reconnect_fsm: three protocol disagreements in a row slow it down",
          "[unit][reconnect_fsm][I94]") {
    transcript test;
    const auto disagreement = reaction::protocol_disagreement;
    CHECK(test.lose(disagreement) == action(test.wait(1, 500ms)));
    CHECK(test.fail_again(failed(disagreement)) == action(test.wait(2, 1s)));

    SECTION("base 30 s, cap 300 s") {
        CHECK(test.fail_again(failed(disagreement)) == action(test.wait(3, 120s)));
        CHECK(test.fail_again(failed(disagreement)) == action(test.wait(4, 240s)));
        CHECK(test.fail_again(failed(disagreement)) == action(test.wait(5, 300s)));
    }
    SECTION("another failure resets the count") {
        CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(3, 2s)));
        CHECK(test.fail_again(failed(disagreement)) == action(test.wait(4, 4s)));
        CHECK(test.fail_again(failed(disagreement)) == action(test.wait(5, 8s)));
    }
}

TEST_CASE("reconnect_fsm: only a stable session resets the count of attempts",
          "[unit][reconnect_fsm][I93]") {
    transcript test;
    test.lose();
    test.fail_again(failed(reaction::retry));
    test.say(in::elapsed());
    test.say(in::ready());

    SECTION("not yet stable") {
        test.now += 30s - 1ms;
        CHECK(test.say(lost(reaction::retry)) == action(test.wait(3, 2s)));
    }
    SECTION("stable") {
        test.now += 30s;
        CHECK(test.say(lost(reaction::retry)) == action(test.wait(1, 500ms)));
    }
}

TEST_CASE("reconnect_fsm: with reconnecting disabled the first loss is final",
          "[unit][reconnect_fsm]") {
    reconnect_config config;
    config.enabled = false;
    transcript test(config);

    CHECK(test.lose() == action(stopped(errc::connection_reset)));
}

TEST_CASE("reconnect_fsm: a requested reconnect may replace its ticket once, also with "
          "reconnecting disabled",
          "[unit][reconnect_fsm]") {
    reconnect_config config;
    config.enabled = false;
    transcript test(config);
    test.say(in::start{test.now});
    test.say(in::ready());
    REQUIRE(test.say(in::requested()) == action(out::dial{0, false}));

    SECTION("a rejection") {
        REQUIRE(test.say(failed(reaction::rejection)) == action(out::dial{0, true}));
        const auto second = test.say(failed(reaction::rejection, ticket_use::fresh));
        REQUIRE(std::holds_alternative<out::stop>(second));
        CHECK(std::get<out::stop>(second).why->is(errc::ticket_rejected));
    }
    SECTION("a rejection of a ticket that was renewed meanwhile and never tried") {
        const auto first = test.say(failed(reaction::rejection, ticket_use::fresh));
        REQUIRE(first == action(out::dial{0, true}));
        const auto second = test.say(failed(reaction::rejection, ticket_use::fresh));
        REQUIRE(std::holds_alternative<out::stop>(second));
        CHECK(std::get<out::stop>(second).why->is(errc::ticket_rejected));
    }
    SECTION("a source that returns the same ticket") {
        REQUIRE(test.say(failed(reaction::rejection)) == action(out::dial{0, true}));
        CHECK(std::holds_alternative<out::stop>(test.say(failed(reaction::rejection))));
    }
    SECTION("another failure") {
        CHECK(test.say(failed(reaction::retry)) == action(stopped(errc::connect_failed)));
    }
}

TEST_CASE("reconnect_fsm: max_attempts attempts are made, and no more",
          "[unit][reconnect_fsm][I95]") {
    reconnect_config config;
    config.max_attempts = 2;
    transcript test(config);

    CHECK(test.lose() == action(test.wait(1, 500ms)));
    CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(2, 1s)));
    const auto end = test.fail_again(failed(reaction::retry));
    REQUIRE(end == action(stopped(errc::reconnect_exhausted)));
    CHECK(std::get<out::stop>(end).why->details.reason == "failed"); // what the last one said
}

TEST_CASE("reconnect_fsm: no attempt begins after max_elapsed", "[unit][reconnect_fsm]") {
    reconnect_config config;
    config.max_elapsed = 2s;
    transcript test(config);

    CHECK(test.lose() == action(test.wait(1, 500ms)));
    test.now += 500ms;
    CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(2, 1s)));
    test.now += 1s;
    CHECK(test.fail_again(failed(reaction::retry)) == action(stopped(errc::reconnect_exhausted)));
}

TEST_CASE("reconnect_fsm: Retry-After is a lower bound of the wait", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose();

    CHECK(test.fail_again(failed(reaction::retry, ticket_use::held, retry_after(60s))) ==
          action(test.wait(2, 60s)));
    CHECK(test.fail_again(failed(reaction::retry, ticket_use::held, retry_after(1s))) ==
          action(test.wait(3, 2s)));
}

TEST_CASE("reconnect_fsm: a change of the network or a request cuts a wait short",
          "[unit][reconnect_fsm][I101]") {
    const auto why = GENERATE(false, true);
    const auto cut =
        why ? reconnect_event(in::requested()) : reconnect_event(in::network_changed());
    transcript test;
    test.lose();

    CHECK(test.say(cut) == action(out::dial{1, false}));
    CHECK(test.say(cut) == action(out::stay())); // an attempt is under way
}

TEST_CASE("reconnect_fsm: a wait is not cut below Retry-After", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose();
    for (int n = 0; n < 8; ++n)
        test.fail_again(failed(reaction::retry));
    const auto wait = test.fail_again(failed(reaction::retry, ticket_use::held, retry_after(10s)));
    REQUIRE(wait == action(test.wait(10, 30s)));

    CHECK(test.say(in::network_changed()) == action(test.wait(10, 10s)));
    CHECK(test.say(in::network_changed()) == action(out::stay()));
    test.now += 10s;
    CHECK(test.say(in::network_changed()) == action(out::dial{10, false}));
}

TEST_CASE("reconnect_fsm: a request on a ready session connects at once", "[unit][reconnect_fsm]") {
    transcript test;
    test.say(in::start{t0 + 30s});
    test.say(in::ready());

    CHECK(test.say(in::requested()) == action(out::dial{0, false}));
    CHECK(test.say(failed(reaction::retry)) == action(test.wait(1, 500ms)));
}

TEST_CASE("reconnect_fsm: an input that does not fit the state changes nothing",
          "[unit][reconnect_fsm]") {
    transcript test;

    CHECK(test.say(in::elapsed()) == action(out::stay()));
    CHECK(test.say(in::requested()) == action(out::stay()));
    test.say(in::start{t0 + 30s});
    CHECK(test.say(in::network_changed()) == action(out::stay()));
    CHECK(test.say(in::requested()) == action(out::stay()));
}

TEST_CASE("reconnect_fsm: a start resets everything", "[unit][reconnect_fsm]") {
    transcript test;
    test.lose(reaction::end);

    CHECK(test.say(in::start{t0 + 90s}) == action(out::dial{1, false}));
    CHECK(test.say(in::ready()) == action(out::run()));
}

} // namespace reconnect_fsm_test
