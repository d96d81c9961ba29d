// What gateways do to a reconnecting: their verdicts and their idle timeouts.

#include "support/catch.hpp"
#include "support/reconnect_transcript.hpp"

namespace reconnect_fsm_gateway_test {

using namespace parley;
using namespace parley::test::reconnect_transcript;

TEST_CASE("reconnect_fsm: a gateway's status after a ready session is retried slowly",
          "[unit][reconnect_fsm][O139]") {
    transcript test;
    test.lose();

    unsigned attempt = 1;
    for (const auto bound : {5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s})
        CHECK(test.fail_again(failed(reaction::gateway_verdict)) ==
              action(test.wait(++attempt, bound)));
    test.say(in::elapsed());
    const auto half = test.fsm.resume(test.now, 0.5, failed(reaction::gateway_verdict));
    CHECK(half == action(test.wait(attempt + 1, 150s)));
}

TEST_CASE("reconnect_fsm: other failures between gateway statuses keep their own backoff",
          "[unit][reconnect_fsm][O139]") {
    transcript test;
    test.lose();

    CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(2, 1s)));
    CHECK(test.fail_again(failed(reaction::gateway_verdict)) == action(test.wait(3, 5s)));
    CHECK(test.fail_again(failed(reaction::retry)) == action(test.wait(4, 4s)));
    CHECK(test.fail_again(failed(reaction::gateway_verdict)) == action(test.wait(5, 10s)));
}

TEST_CASE("reconnect_fsm: the limits end the retries of a gateway's status too",
          "[unit][reconnect_fsm][O139]") {
    reconnect_config config;
    SECTION("max_attempts") { config.max_attempts = 1; }
    SECTION("max_elapsed") { config.max_elapsed = 4s; }
    transcript test(config);
    test.lose();

    CHECK(test.fail_again(failed(reaction::gateway_verdict)) ==
          action(stopped(errc::reconnect_exhausted)));
}

TEST_CASE("reconnect_fsm: the third bare rejection in a row is retried slowly and ends nothing",
          "[unit][reconnect_fsm][O139]") {
    transcript test;
    test.lose();
    const auto bare = failed(reaction::gateway_rejection, ticket_use::fresh);

    CHECK(test.fail_again(bare) == action(test.wait(2, 1s)));
    CHECK(test.fail_again(bare) == action(test.wait(3, 2s)));
    CHECK(test.fail_again(bare) == action(test.wait(4, 5s)));
    CHECK(test.fail_again(bare) == action(test.wait(5, 10s)));
    CHECK(test.say(in::elapsed()) == action(out::dial{5, true}));
    CHECK(test.say(in::ready()) == action(out::run()));
}

TEST_CASE("reconnect_fsm: each wait reports its cause", "[unit][reconnect_fsm][O139]") {
    transcript test;
    const auto first = test.lose();
    const auto second = test.fail_again(failed(reaction::gateway_verdict));

    REQUIRE(std::holds_alternative<out::wait>(first));
    CHECK(std::get<out::wait>(first).why->is(errc::connection_reset));
    REQUIRE(std::holds_alternative<out::wait>(second));
    CHECK(std::get<out::wait>(second).why->is(errc::connect_failed));
}

TEST_CASE("reconnect_fsm: the last failure is kept until the session is ready",
          "[unit][reconnect_fsm][O148]") {
    transcript test;
    test.lose();
    CHECK(test.fsm.last_failure() == nullptr);

    test.fail_again(failed(reaction::retry));
    REQUIRE(test.fsm.last_failure() != nullptr);
    CHECK(test.fsm.last_failure()->is(errc::connect_failed));

    test.say(in::elapsed());
    test.say(in::ready());
    CHECK(test.fsm.last_failure() == nullptr);
}

namespace {

/// A session that is cut after `life`, and comes back at the first attempt.
void cut_quietly(transcript& test, std::chrono::milliseconds life) {
    test.now += life;
    test.say(lost_quietly());
    test.say(in::elapsed());
    test.say(in::ready());
}

} // namespace

TEST_CASE("reconnect_fsm: an idle timeout does not count as instability",
          "[unit][reconnect_fsm][O146]") {
    transcript test;
    test.say(in::start{t0 + 30s});
    test.say(in::ready());

    for (int n = 0; n < 5; ++n) {
        test.now += 5s;
        CHECK(test.say(lost_quietly()) == action(test.wait(1, 500ms)));
        test.say(in::elapsed());
        test.say(in::ready());
    }
}

TEST_CASE("reconnect_fsm: a quiet cut followed by an unreachable server is instability",
          "[unit][reconnect_fsm][O146]") {
    transcript test;
    test.say(in::start{t0 + 30s});
    test.say(in::ready());
    test.now += 5s;
    test.say(lost_quietly());
    test.fail_again(failed(reaction::retry));
    test.say(in::elapsed());
    test.say(in::ready());

    test.now += 5s;
    CHECK(test.say(lost_quietly()) == action(test.wait(3, 2s)));
}

TEST_CASE("reconnect_fsm: only a quiet cut of an established session is an idle timeout",
          "[unit][reconnect_fsm][O146][I93]") {
    transcript test;
    test.say(in::start{t0 + 30s});
    test.say(in::ready());
    const bool quiet = GENERATE(false, true);

    test.now += quiet ? 1s : 20s;
    test.say(quiet ? lost_quietly() : lost(reaction::retry));
    test.say(in::elapsed());
    test.say(in::ready());
    test.now += 1s;

    CHECK(test.say(lost(reaction::retry)) == action(test.wait(2, 1s)));
}

TEST_CASE("reconnect_fsm: the heartbeat interval adapts after two idle timeouts",
          "[unit][reconnect_fsm][O146]") {
    struct row {
        std::chrono::milliseconds first, second, interval;
    };
    const auto each =
        GENERATE(row{20s, 20s, 10s}, row{20s, 10s, 5s}, row{10s, 20s, 5s}, row{5s, 5s, 2500ms},
                 row{3s, 3s, 2s}, row{2s, 2s, 1500ms}, row{26s, 26s, 13s}, row{100s, 100s, 25s});
    transcript test;
    test.say(in::start{t0 + 30s});
    test.say(in::ready());
    CHECK(test.fsm.heartbeat_interval(25s) == 25s);
    cut_quietly(test, each.first);
    CHECK(test.fsm.heartbeat_interval(25s) == 25s);
    cut_quietly(test, each.second);

    CHECK(test.fsm.heartbeat_interval(25s) == each.interval);
    CHECK(test.fsm.heartbeat_interval(1s) == 1s); // a shorter one stays
    CHECK(test.fsm.heartbeat_interval(0s) == 0s); // and so does none
}

} // namespace reconnect_fsm_gateway_test
