#include "policy/liveness_fsm.hpp"
#include "support/catch.hpp"

namespace liveness_fsm_test {

using namespace parley;
using namespace std::chrono_literals;

namespace in = liveness_input;
namespace out = liveness_action;
using action = liveness_action_t;

namespace {

const time_point t0{1'000h};
const wall_time w0{500'000h};

class transcript {
public:
    explicit transcript(time_point deadline = t0 + 30s, liveness_limits limits = liveness_limits())
        : fsm(limits, t0, w0, deadline) {}

    action at(std::chrono::milliseconds when, const liveness_event& happened) {
        return fsm.resume(t0 + when, happened);
    }
    /// Both clocks go on alike.
    action tick(std::chrono::milliseconds when) { return at(when, in::tick{w0 + when}); }

    static out::watch watch(std::chrono::milliseconds until) { return {t0 + until}; }
    static out::ping ping(std::chrono::milliseconds until) { return {t0 + until}; }

    liveness_fsm fsm;
};

const out::watch for_ever{time_point::max()};

transcript ready() {
    transcript test;
    test.at(0ms, in::entered{phase::ready});
    return test;
}

} // namespace

TEST_CASE("liveness_fsm: each step of connecting has its deadline", "[unit][liveness_fsm]") {
    struct row {
        phase step;
        std::chrono::seconds limit;
        errc why;
    };
    const auto each = GENERATE(
        row{phase::resolve, 5s, errc::resolve_timeout}, row{phase::tcp, 30s, errc::connect_timeout},
        row{phase::proxy, 10s, errc::proxy_failed}, row{phase::tls, 10s, errc::tls_timeout},
        row{phase::upgrade, 10s, errc::upgrade_timeout},
        row{phase::session, 30s, errc::session_timeout});
    transcript test;

    CHECK(test.at(0ms, in::entered{each.step}) == action(test.watch(each.limit)));
    CHECK(test.tick(each.limit - 1ms) == action(test.watch(each.limit)));
    CHECK(test.tick(each.limit) == action(out::give_up{each.why, each.step}));
}

TEST_CASE("liveness_fsm: the overall deadline takes precedence over a step's",
          "[unit][liveness_fsm]") {
    transcript test(t0 + 8s);
    test.at(0ms, in::entered{phase::resolve});

    CHECK(test.at(4s, in::entered{phase::tls}) == action(test.watch(8s)));
    CHECK(test.tick(8s) == action(out::give_up{errc::tls_timeout, phase::tls}));
}

TEST_CASE("liveness_fsm: a session may begin with a heartbeat other than the configured one",
          "[unit][liveness_fsm][O146]") {
    transcript test;
    CHECK(test.at(0ms, in::entered{phase::ready, 2s}) == action(test.watch(2s)));
    CHECK(test.tick(2s) == action(out::ping{time_point::max()}));
    CHECK(test.at(2s, in::pinged()) == action(test.watch(12s)));
    CHECK(test.at(3s, in::bytes()) == action(test.watch(5s)));
}

TEST_CASE("liveness_fsm: a ready session is probed after the interval, and dead after the timeout",
          "[unit][liveness_fsm][H87]") {
    transcript test;
    CHECK(test.at(0ms, in::entered{phase::ready}) == action(test.watch(25s)));

    CHECK(test.tick(25s - 1ms) == action(test.watch(25s)));
    CHECK(test.tick(25s) == action(out::ping{time_point::max()}));
    CHECK(test.at(26s, in::pinged()) == action(test.watch(36s))); // from its writing on
    CHECK(test.tick(36s - 1ms) == action(test.watch(36s)));
    CHECK(test.tick(36s) == action(out::give_up{errc::connection_silent, phase::ready}));
}

TEST_CASE("liveness_fsm: any byte is a sign of life", "[unit][liveness_fsm][H88]") {
    auto test = ready();
    CHECK(test.at(20s, in::bytes()) == action(test.watch(45s)));
    CHECK(test.tick(25s) == action(test.watch(45s)));
    test.tick(45s);
    test.at(45s, in::pinged());

    CHECK(test.at(54s, in::bytes()) == action(test.watch(79s)));
    CHECK(test.tick(55s) == action(test.watch(79s)));
}

TEST_CASE("liveness_fsm: only a tick declares the peer dead", "[unit][liveness_fsm]") {
    auto test = ready();
    test.tick(25s);
    test.at(25s, in::pinged());

    CHECK(test.at(36s, in::bytes()) == action(test.watch(61s))); // they lay in the socket
}

TEST_CASE("liveness_fsm: a pong gives the round trip once", "[unit][liveness_fsm][H88]") {
    auto test = ready();
    test.at(1s, in::pong());
    CHECK_FALSE(test.fsm.round_trip());
    test.tick(25s);
    test.at(25s, in::pinged());

    test.at(25s + 40ms, in::pong());
    test.at(29s, in::pong()); // an unsolicited one

    CHECK(test.fsm.round_trip() == std::chrono::microseconds(40ms));
}

TEST_CASE("liveness_fsm: an interval of zero disables the heartbeat, but not a probe",
          "[unit][liveness_fsm]") {
    liveness_limits limits;
    limits.interval = 0ms;
    transcript test(t0 + 30s, limits);

    CHECK(test.at(0ms, in::entered{phase::ready}) == action(for_ever));
    CHECK(test.at(1h, in::probe()) == action(out::ping{time_point::max()}));
    CHECK(test.at(1h, in::pinged()) == action(test.watch(1h + 10s)));
    CHECK(test.tick(1h + 10s) == action(out::give_up{errc::connection_silent, phase::ready}));
}

TEST_CASE("liveness_fsm: a probe sends one ping at once", "[unit][liveness_fsm]") {
    auto test = ready();
    test.at(1s, in::bytes());

    CHECK(test.at(2s, in::probe()) == action(out::ping{time_point::max()}));
    CHECK(test.at(2s, in::probe()) == action(for_ever)); // it is on its way
    CHECK(test.at(2s, in::pinged()) == action(test.watch(12s)));
    CHECK(test.at(3s, in::probe()) == action(test.watch(12s)));
}

TEST_CASE("liveness_fsm: a connection that is not ready is not probed", "[unit][liveness_fsm]") {
    transcript test;
    test.at(0ms, in::entered{phase::tls});

    CHECK(test.at(1s, in::probe()) == action(test.watch(10s)));
}

TEST_CASE("liveness_fsm: silence while the reader is held back does not count",
          "[unit][liveness_fsm]") {
    auto test = ready();
    CHECK(test.at(10s, in::paused()) == action(for_ever));
    CHECK(test.tick(1h) == action(for_ever));

    CHECK(test.at(1h, in::resumed()) == action(test.watch(1h + 25s)));
}

TEST_CASE(
    "liveness_fsm: an opening waits for a reader that is held back, unless its deadline is hard",
    "[unit][liveness_fsm]") {
    liveness_limits limits;
    limits.opening_waits = GENERATE(true, false);
    transcript test(t0 + 30s, limits);
    test.at(0ms, in::entered{phase::session});
    test.at(10s, in::paused());
    if (!limits.opening_waits) {
        CHECK(test.tick(30s) == action(out::give_up{errc::session_timeout, phase::session}));
        return;
    }
    CHECK(test.tick(1h) == action(for_ever));
    CHECK(test.at(1h, in::resumed()) == action(test.watch(1h + 20s)));
    CHECK(test.tick(1h + 20s) == action(out::give_up{errc::session_timeout, phase::session}));
}

TEST_CASE("liveness_fsm: a pause between a ping and its pong revokes the verdict",
          "[unit][liveness_fsm]") {
    auto test = ready();
    test.tick(25s);
    test.at(25s, in::pinged());
    test.at(30s, in::paused());
    CHECK(test.tick(36s) == action(for_ever));

    CHECK(test.at(40s, in::resumed()) == action(test.watch(65s)));
}

TEST_CASE("liveness_fsm: a message and a write in progress get their full time after a pause",
          "[unit][liveness_fsm]") {
    auto test = ready();
    test.at(1s, in::bytes{true});
    test.at(2s, in::write_began{100});
    test.at(11s, in::paused());

    CHECK(test.tick(50s) == action(for_ever));
    CHECK(test.at(51s, in::resumed()) == action(test.watch(71s)));
    CHECK(test.at(51s, in::bytes()) == action(test.watch(76s)));
    CHECK(test.at(52s, in::bytes()) == action(test.watch(77s)));
    CHECK(test.tick(77s) == action(out::give_up{errc::connection_silent, phase::ready}));
}

TEST_CASE("liveness_fsm: a message must be complete in time", "[unit][liveness_fsm]") {
    auto test = ready();
    CHECK(test.at(1s, in::bytes{true}) == action(test.watch(26s)));
    test.at(20s, in::bytes{true});

    SECTION("it arrives byte by byte") {
        CHECK(test.at(30s, in::bytes{true}) == action(test.watch(31s)));
        CHECK(test.tick(31s) == action(out::give_up{errc::message_timeout, phase::ready}));
    }
    SECTION("it is completed") { CHECK(test.at(30s, in::bytes{false}) == action(test.watch(55s))); }
    SECTION("it is completed, and the next begins in the same bytes") {
        CHECK(test.at(30s, in::bytes{true, true}) == action(test.watch(55s)));
        CHECK(test.at(50s, in::bytes{true}) == action(test.watch(60s)));
    }
}

TEST_CASE("liveness_fsm: a close begun by the peer ends within two seconds",
          "[unit][liveness_fsm]") {
    auto test = ready();

    CHECK(test.at(5s, in::close_started()) == action(test.watch(7s)));
    CHECK(test.tick(7s) == action(out::give_up{errc::connection_closed, phase::ready}));
}

TEST_CASE("liveness_fsm: a write without progress is ended, a larger one later",
          "[unit][liveness_fsm]") {
    auto test = ready();
    for (auto when = 0s; when < 200s; when += 20s)
        test.at(when, in::bytes());
    test.at(200s, in::bytes());

    SECTION("a small one") {
        test.at(200s, in::write_began{100});
        test.at(220s, in::bytes());
        CHECK(test.at(234s, in::bytes()) == action(test.watch(235s)));
        CHECK(test.tick(235s) == action(out::give_up{errc::connection_silent, phase::ready}));
    }
    SECTION("a large one") {
        test.at(200s, in::write_began{32u * 1024 * 100});
        for (auto when = 220s; when < 334s; when += 20s)
            test.at(when, in::bytes());
        CHECK(test.at(334s, in::bytes()) == action(test.watch(335s)));
    }
    SECTION("one that ends") {
        test.at(200s, in::write_began{100});
        CHECK(test.at(234s, in::write_ended()) == action(test.watch(225s)));
        CHECK(test.at(234s, in::bytes()) == action(test.watch(259s)));
    }
}

TEST_CASE("liveness_fsm: after a stall of the loop the peer is probed before the verdict",
          "[unit][liveness_fsm][H89]") {
    auto test = ready();
    SECTION("before the ping") { CHECK(test.tick(1h) == action(out::ping{time_point::max()})); }
    SECTION("after the ping") {
        test.tick(25s);
        test.at(25s, in::pinged());
        CHECK(test.tick(1h) == action(out::ping{time_point::max()}));
    }
    SECTION("in the middle of a message") {
        test.at(20s, in::bytes{true});
        CHECK(test.tick(1h) == action(out::ping{t0 + 1h + 7s}));
        CHECK(test.tick(1h + 7s) == action(out::give_up{errc::message_timeout, phase::ready}));
        return;
    }
    CHECK(test.at(1h, in::pinged()) == action(test.watch(1h + 10s)));
    CHECK(test.tick(1h + 10s) == action(out::give_up{errc::connection_silent, phase::ready}));
}

TEST_CASE("liveness_fsm: a step of connecting is extended when the loop stalled",
          "[unit][liveness_fsm]") {
    transcript test(t0 + 10h);
    test.at(0ms, in::entered{phase::tls});

    CHECK(test.tick(1h) == action(test.watch(1h + 2s)));
    CHECK(test.tick(1h + 2s) == action(out::give_up{errc::tls_timeout, phase::tls}));
}

TEST_CASE("liveness_fsm: the overall deadline is never extended", "[unit][liveness_fsm]") {
    transcript test;
    test.at(0ms, in::entered{phase::tls});

    CHECK(test.tick(1h) == action(out::give_up{errc::tls_timeout, phase::tls}));
}

TEST_CASE("liveness_fsm: after a system sleep the peer is probed at the first tick",
          "[unit][liveness_fsm][H89]") {
    auto test = ready();
    test.at(20s, in::bytes());

    CHECK(test.at(25s, in::tick{w0 + 25s + 12h}) == action(out::ping{time_point::max()}));
    test.at(25s, in::pinged());
    CHECK(test.at(26s, in::tick{w0 + 26s + 12h}) == action(test.watch(35s)));
}

TEST_CASE("liveness_fsm: a wall clock that is set back is ignored", "[unit][liveness_fsm]") {
    auto test = ready();
    test.at(20s, in::bytes());

    CHECK(test.at(25s, in::tick{w0 - 12h}) == action(test.watch(45s)));
}

TEST_CASE("liveness_fsm: the limits are the configured ones", "[unit][liveness_fsm]") {
    connection_config config;
    config.resolve_timeout = 1s;
    config.tls_timeout = 2s;
    config.upgrade_timeout = 3s;
    config.heartbeat.interval = 4s;
    config.heartbeat.timeout = 5s;
    config.limits.message_time = 6s;

    const auto limits = liveness_limits(config);

    CHECK(limits.resolve == 1s);
    CHECK(limits.tls == 2s);
    CHECK(limits.upgrade == 3s);
    CHECK(limits.interval == 4s);
    CHECK(limits.timeout == 5s);
    CHECK(limits.message == 6s);
}

} // namespace liveness_fsm_test
