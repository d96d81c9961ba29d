// Each duration of the settings at the ends of its range, as the policies take it: without the
// check of the configuration, which keeps the greatest away from them.

#include "dialect/parley/opening_fsm.hpp"
#include "policy/backoff.hpp"
#include "policy/liveness_fsm.hpp"
#include "policy/retry_fsm.hpp"
#include "policy/ticket_fsm.hpp"
#include "support/catch.hpp"
#include "support/reconnect_transcript.hpp"
#include "support/settings.hpp"

#include <string>
#include <variant>

namespace never_test {

namespace {

using namespace parley;
using namespace parley::test;
using namespace parley::test::reconnect_transcript;
using std::chrono::milliseconds;

constexpr auto never = milliseconds::max();

/// `try_one(name, config)` with each duration of the settings at each end of its range.
template <class Config, class Attempt>
int with_durations_at_their_ends(const Attempt& try_one) {
    int tried = 0;
    for_each_setting<Config>([&](const std::string& name, const auto& row, const auto& member) {
        Config config;
        if constexpr (std::is_same_v<std::decay_t<decltype(member(config))>, milliseconds>) {
            for (const auto value : {row.least, milliseconds(1), never - 1ms, never}) {
                config = Config();
                member(config) = value;
                INFO(name << " of " << value.count() << " ms");
                try_one(name, config);
                ++tried;
            }
        }
    });
    return tried;
}

/// A server that takes each session and ends it after a second: how many it sees in an hour.
int sessions_in_an_hour(const reconnect_config& config) {
    transcript test(config);
    test.lose(reaction::retry, 1s);
    const auto end = test.now + 1h;
    int sessions = 0;
    action next = test.say(in::elapsed());
    while (test.now < end && std::holds_alternative<out::dial>(next)) {
        ++sessions;
        test.say(in::ready());
        test.now += 1s;
        next = test.say(lost(reaction::retry));
        const auto* wait = std::get_if<out::wait>(&next);
        if (!wait || wait->until == time_point::max()) break;
        CHECK(wait->until >= test.now);
        test.now = wait->until;
        next = test.say(in::elapsed());
    }
    return sessions;
}

} // namespace

TEST_CASE("never: a session that is never stable does not reset the backoff", "[unit][never]") {
    reconnect_config config;
    config.stable_after = 2h;
    const int slow = sessions_in_an_hour(config);
    CHECK(slow < 150); // the cap is half a minute
    config.stable_after = never;
    CHECK(sessions_in_an_hour(config) == slow);
    config.stable_after = never - 1ms;
    CHECK(sessions_in_an_hour(config) == slow);
    config.stable_after = 0ms;
    CHECK(sessions_in_an_hour(config) > 2'000);
}

TEST_CASE("never: reconnecting continues with a time limit of never", "[unit][never]") {
    for (const auto limit : {never, never - 1ms, milliseconds(0)}) {
        reconnect_config config;
        config.max_elapsed = limit;
        transcript test(config);
        auto next = test.lose();
        for (int i = 0; i < 1'000; ++i) {
            REQUIRE(std::holds_alternative<out::wait>(next));
            test.now = std::get<out::wait>(next).until;
            next = test.fail_again(failed(reaction::retry));
        }
    }
}

TEST_CASE("never: a finished backoff does not wait, also with a time limit of never",
          "[unit][never]") {
    for (const auto limit : {never, milliseconds(0)}) {
        reconnect_config config;
        config.backoff.base = config.backoff.cap = never;
        config.max_elapsed = limit;
        transcript test(config);
        const auto next = test.lose();
        REQUIRE(std::holds_alternative<out::wait>(next));
        CHECK(std::get<out::wait>(next).until == time_point::max());
        const auto cut = test.say(in::network_changed());
        CHECK(std::holds_alternative<out::dial>(cut));
    }
}

TEST_CASE("never: each duration of reconnecting accepts its limits", "[unit][never]") {
    CHECK(with_durations_at_their_ends<reconnect_config>(
              [](const std::string& name, const reconnect_config& config) {
                  const auto longest = config.backoff.cap;
                  const int sessions = sessions_in_an_hour(config);
                  const bool fast =
                      longest <= 1ms || config.backoff.base <= 1ms || config.stable_after <= 1ms;
                  CHECK((sessions < 300 || fast));
                  CHECK((sessions > 0 || name == "max_elapsed"));
              }) >= 16);
}

TEST_CASE("never: each duration of a ticket accepts its limits", "[unit][never]") {
    const moment start{time_point(1'000h), wall_time(1'790'000'000s)};
    CHECK(with_durations_at_their_ends<ticket_config>(
              [&](const std::string& name, const ticket_config& config) {
                  ticket_fsm fsm(config);
                  const ticket fresh(secret("t"), start.wall + 1h, start.wall);
                  const auto came = fsm.arrived(fsm.generation(), fresh, start);
                  const bool kept = name != "validity_buffer" || config.validity_buffer < 1h;
                  CHECK((came == arrival::held) == kept);
                  CHECK((fsm.serve(start) != nullptr) == kept);
                  if (!kept) return;
                  const auto next = fsm.renewal(start, 0.5);
                  CHECK((next.renew || next.wake_at > start.steady));
                  CHECK(next.wake_at <= start.steady + 6min); // a tenth of an hour
                  error_details why;
                  why.retryable = true;
                  for (const bool retryable : {true, false}) {
                      why.retryable = retryable;
                      fsm.renewal_failed(why, start, 0.999);
                      CHECK_FALSE(fsm.renewal(start, 0.5).renew);
                      CHECK(fsm.renewal(start, 0.5).wake_at > start.steady);
                  }
                  retry_fsm tries(3, config.backoff);
                  why.retryable = true;
                  const auto again = tries.failed(why, start.steady, 1.0);
                  REQUIRE(again.has_value());
                  CHECK(*again >= start.steady);
              }) >= 24);
}

TEST_CASE("never: each duration of a connection accepts its limits", "[unit][never]") {
    const time_point start(1'000h);
    const wall_time wall(1'790'000'000s);
    const auto most = connection_config().heartbeat.interval + 1s;
    CHECK(with_durations_at_their_ends<connection_config>(
              [&](const std::string& name, const connection_config& config) {
                  liveness_fsm fsm(liveness_limits(config), start, wall, time_point::max());
                  const auto ends_within = [&](phase step, milliseconds limit) {
                      const auto next = fsm.resume(start, liveness_input::entered{step, {}});
                      REQUIRE(std::holds_alternative<liveness_action::watch>(next));
                      const auto until = std::get<liveness_action::watch>(next).until;
                      CHECK(until == after(start, limit));
                  };
                  ends_within(phase::tls, config.tls_timeout);
                  ends_within(phase::upgrade, config.upgrade_timeout);
                  const auto idle = fsm.resume(start, liveness_input::entered{phase::ready, {}});
                  REQUIRE(std::holds_alternative<liveness_action::watch>(idle));
                  const auto until = std::get<liveness_action::watch>(idle).until;
                  if (name == "heartbeat.interval")
                      CHECK(until == (config.heartbeat.interval.count() == 0
                                          ? time_point::max()
                                          : after(start, config.heartbeat.interval)));
                  else
                      CHECK(until <= start + most);
                  opening_fsm opening(config.session_timeout, config.session_timeout);
                  opening.opened(start);
                  CHECK(opening.deadline() == after(start, config.session_timeout));
                  CHECK(std::holds_alternative<opening_action::none>(opening.at(start)));
              }) >= 40);
}

} // namespace never_test
