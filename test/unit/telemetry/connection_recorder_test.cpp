#include "support/catch.hpp"
#include "support/metric_text.hpp"
#include "telemetry/connection_recorder.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace connection_recorder_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0 = time_point() + 1h;

/// A recorder and its metrics.
struct recording {
    std::shared_ptr<telemetry::impl> counted = std::make_shared<telemetry::impl>();
    connection_recorder recorder{counted.get()};

    void open(time_point from, attempt_kind kind = attempt_kind::first) {
        recorder.begin(kind, from);
        recorder.entered(phase::resolve, from + 100ms);
        recorder.entered(phase::tcp, from + 101ms);
        recorder.entered(phase::ready, from + 400ms);
    }

    std::vector<std::string> seen(const std::string& name) const {
        return test::metric_lines(counted->collect(), name);
    }
};

using lines = std::vector<std::string>;

error_info error(errc code, phase step) {
    error_info why(code, "It failed.");
    why.details.phase = step;
    return why;
}

} // namespace

TEST_CASE("connection_recorder: an attempt has its phases, and ends at the ready session",
          "[unit][telemetry]") {
    recording here;
    here.open(t0);

    CHECK(here.seen("parley_connect_attempts_total") == lines{"first succeeded ready 1"});
    CHECK(here.seen("parley_connect_duration_seconds") ==
          lines{"ticket 1 x 100 ms", "resolve 1 x 1 ms", "tcp 1 x 299 ms"});
    CHECK(here.seen("parley_outage_duration_seconds").empty());
}

TEST_CASE("connection_recorder: a failed attempt names the phase that it reached",
          "[unit][telemetry]") {
    recording here;
    here.recorder.begin(attempt_kind::reconnect, t0);
    here.recorder.entered(phase::resolve, t0 + 1s);
    here.recorder.failed(error(errc::resolve_failed, phase::resolve), loss_reason::reset);
    here.recorder.failed(error(errc::resolve_failed, phase::resolve), loss_reason::reset);

    CHECK(here.seen("parley_connect_attempts_total") == lines{"reconnect failed resolve 1"});
    CHECK(here.seen("parley_connect_duration_seconds") == lines{"ticket 1 x 1000 ms"});
    CHECK(here.seen("parley_authentication_failures_total").empty());
}

TEST_CASE("connection_recorder: an attempt that is given up neither succeeds nor fails",
          "[unit][telemetry]") {
    recording here;
    here.recorder.begin(attempt_kind::first, t0);
    here.recorder.given_up();
    here.recorder.given_up();

    CHECK(here.seen("parley_connect_attempts_total") == lines{"first abandoned ticket 1"});
}

TEST_CASE("connection_recorder: an outage lasts from the loss to the next ready session",
          "[unit][telemetry]") {
    recording here;
    here.open(t0);
    here.recorder.lost(error(errc::connection_reset, phase::ready), loss_reason::reset, t0 + 10s);
    here.recorder.begin(attempt_kind::reconnect, t0 + 11s);
    here.recorder.failed(error(errc::connect_failed, phase::tcp), loss_reason::reset);
    here.open(t0 + 20s, attempt_kind::reconnect);

    CHECK(here.seen("parley_connections_lost_total") == lines{"reset 1"});
    CHECK(here.seen("parley_outage_duration_seconds") == lines{"1 x 10400 ms"});
}

TEST_CASE("connection_recorder: a session that is opened after the end of another was no outage",
          "[unit][telemetry]") {
    recording here;
    here.open(t0);
    here.recorder.lost(error(errc::connection_reset, phase::ready), loss_reason::reset, t0 + 10s);
    here.recorder.given_up();
    here.open(t0 + 1h);

    CHECK(here.seen("parley_outage_duration_seconds").empty());
}

TEST_CASE("connection_recorder: a rejection is counted where the server made it",
          "[unit][telemetry]") {
    recording here;
    auto refused = error(errc::upgrade_failed, phase::upgrade);
    refused.details.http_status = 401;
    auto closed = error(errc::connection_closed, phase::session);
    closed.details.close_code = 4401;
    const auto by_ticket = error(errc::authentication_failed, phase::ticket);
    const auto by_message = error(errc::ticket_rejected, phase::session);

    for (const auto& [why, step] :
         {std::pair(refused, phase::upgrade), std::pair(closed, phase::session),
          std::pair(by_message, phase::session), std::pair(by_ticket, phase::ticket)}) {
        here.recorder.begin(attempt_kind::first, t0);
        here.recorder.entered(step, t0);
        here.recorder.failed(why, loss_reason::rejected);
    }
    here.recorder.lost(closed, loss_reason::rejected, t0);

    CHECK(here.seen("parley_authentication_failures_total") ==
          lines{"upgrade 1", "session 1", "close 2"});
}

TEST_CASE("connection_recorder: a clock that goes back makes no negative duration",
          "[unit][telemetry]") {
    recording here;
    here.recorder.begin(attempt_kind::first, t0);
    here.recorder.entered(phase::resolve, t0 - 1h);

    CHECK(here.seen("parley_connect_duration_seconds") == lines{"ticket 1 x 0 ms"});
}

TEST_CASE("connection_recorder: without a telemetry it does nothing", "[unit][telemetry]") {
    connection_recorder recorder(nullptr);
    recorder.begin(attempt_kind::first, t0);
    recorder.entered(phase::ready, t0);
    recorder.failed(error(errc::connect_failed, phase::tcp), loss_reason::rejected);
    recorder.lost(error(errc::connection_reset, phase::ready), loss_reason::rejected, t0);
    recorder.given_up();
    SUCCEED();
}

} // namespace connection_recorder_test
