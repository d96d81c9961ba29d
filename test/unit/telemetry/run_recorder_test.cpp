#include "support/catch.hpp"
#include "support/metric_text.hpp"
#include "telemetry/run_recorder.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <memory>
#include <string>
#include <vector>

namespace run_recorder_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0 = time_point() + 1h;

struct recording {
    std::shared_ptr<telemetry::impl> counted = std::make_shared<telemetry::impl>();
    run_recorder recorder{counted.get()};

    std::vector<std::string> seen(const std::string& name) const {
        return test::metric_lines(counted->collect(), name);
    }
    std::vector<std::string> runs() const { return seen("parley_run_duration_seconds"); }
    std::vector<std::string> texts() const {
        return seen("parley_run_time_to_first_chunk_seconds");
    }
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("run_recorder: a run has one first text and one end", "[unit][telemetry]") {
    recording here;
    CHECK_FALSE(here.recorder.awaits_text());
    here.recorder.begin(1, t0);
    CHECK(here.recorder.awaits_text());
    here.recorder.text(t0 + 300ms);
    CHECK_FALSE(here.recorder.awaits_text());
    here.recorder.end(1, run_result::finished, t0 + 2s);
    CHECK_FALSE(here.recorder.awaits_text());

    CHECK(here.texts() == lines{"1 x 300 ms"});
    CHECK(here.runs() == lines{"finished 1 x 2000 ms"});
}

TEST_CASE("run_recorder: each run awaits its own text", "[unit][telemetry]") {
    recording here;
    here.recorder.begin(1, t0);
    here.recorder.begin(2, t0 + 1s);
    here.recorder.text(t0 + 2s);
    CHECK_FALSE(here.recorder.awaits_text());
    here.recorder.end(1, run_result::failed, t0 + 3s);
    CHECK(here.recorder.awaits_text());
    here.recorder.text(t0 + 4s);
    here.recorder.end(2, run_result::finished, t0 + 5s);

    CHECK(here.texts() == lines{"2 x 5000 ms"});
    CHECK(here.runs() == lines{"finished 1 x 4000 ms", "failed 1 x 3000 ms"});
}

TEST_CASE("run_recorder: a run that a later one overtakes was dropped", "[unit][telemetry]") {
    recording here;
    here.recorder.begin(1, t0);
    here.recorder.begin(2, t0);
    here.recorder.begin(3, t0);
    here.recorder.end(2, run_result::finished, t0 + 1s);
    here.recorder.end(1, run_result::finished, t0 + 1s); // not known any more

    CHECK(here.runs() == lines{"finished 1 x 1000 ms", "dropped 1 x 1000 ms"});
    CHECK(here.recorder.awaits_text());
}

TEST_CASE("run_recorder: dropping a run leaves those before it", "[unit][telemetry]") {
    recording here;
    here.recorder.begin(1, t0);
    here.recorder.begin(2, t0);
    here.recorder.end(2, run_result::dropped, t0 + 1s);
    here.recorder.end(3, run_result::dropped, t0 + 1s); // never begun
    here.recorder.end(1, run_result::finished, t0 + 2s);

    CHECK(here.runs() == lines{"finished 1 x 2000 ms", "dropped 1 x 1000 ms"});
}

TEST_CASE("run_recorder: a lost session loses all of its runs", "[unit][telemetry]") {
    recording here;
    here.recorder.begin(1, t0);
    here.recorder.begin(2, t0);
    here.recorder.lose(t0 + 1s);
    here.recorder.lose(t0 + 2s);

    CHECK(here.runs() == lines{"lost 2 x 2000 ms"});
    CHECK_FALSE(here.recorder.awaits_text());
}

TEST_CASE("run_recorder: without a telemetry it does nothing", "[unit][telemetry]") {
    run_recorder recorder(nullptr);
    recorder.begin(1, t0);
    CHECK_FALSE(recorder.awaits_text());
    recorder.end(1, run_result::finished, t0);
    recorder.lose(t0);
}

} // namespace run_recorder_test
