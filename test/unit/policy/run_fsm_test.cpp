#include "policy/run_fsm.hpp"
#include "support/catch.hpp"

namespace run_fsm_test {

using namespace parley;

namespace {

run_fsm::run_id sent(run_fsm& runs, bool asked) {
    const auto run = runs.add(asked, std::nullopt);
    runs.writing(run);
    runs.written(run);
    return run;
}

} // namespace

TEST_CASE("run_fsm: a run begins when its message is written, not when it is queued",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = runs.add(true, std::nullopt);
    CHECK_FALSE(runs.current());
    CHECK_FALSE(runs.idle());
    runs.writing(run);
    CHECK(runs.current() == run);
    CHECK(runs.collected() == run);
}

TEST_CASE("run_fsm: runs end in the order in which their messages were written",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto first = sent(runs, false);
    const auto second = sent(runs, true);
    CHECK(runs.current() == first);
    CHECK_FALSE(runs.collected());
    CHECK(runs.finish() == first);
    CHECK(runs.collected() == second);
    CHECK(runs.finish() == second);
    CHECK(runs.idle());
    CHECK_FALSE(runs.finish());
}

TEST_CASE("run_fsm: says whether a run is on, or how the last one ended", "[unit][run_fsm]") {
    using state = run_fsm::state;
    run_fsm runs;
    CHECK(runs.now() == state::idle);
    runs.finish();
    CHECK(runs.now() == state::idle);
    const auto queued = runs.add(true, std::nullopt);
    CHECK(runs.now() == state::idle);
    runs.writing(queued);
    CHECK(runs.now() == state::running);
    runs.finish();
    CHECK(runs.now() == state::finished);
    sent(runs, false);
    sent(runs, true);
    runs.finish(true);
    CHECK(runs.now() == state::running);
    runs.finish(true);
    CHECK(runs.now() == state::failed);
    runs.finish();
    CHECK(runs.now() == state::failed);
    sent(runs, false);
    runs.lose();
    CHECK(runs.now() == state::failed);
}

TEST_CASE("run_fsm: a run that nobody collects any more goes on", "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = sent(runs, true);
    runs.disown(run);
    CHECK(runs.current() == run);
    CHECK_FALSE(runs.collected());
}

TEST_CASE("run_fsm: a lost session takes the runs on the server, and counts those sent whole",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto whole = sent(runs, false);
    const auto partly = runs.add(false, std::nullopt);
    runs.writing(partly);
    const auto queued = runs.add(true, std::nullopt);
    CHECK(runs.lose() == 1);
    CHECK_FALSE(runs.known(whole));
    CHECK_FALSE(runs.known(partly));
    CHECK(runs.known(queued));
    CHECK(runs.lose() == 0);
}

TEST_CASE("run_fsm: a message that was not sent leaves no run", "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = runs.add(true, std::nullopt);
    runs.drop(run);
    CHECK(runs.idle());
}

TEST_CASE("run_fsm: stop_run names the message's conversation, else the last known one",
          "[unit][run_fsm]") {
    run_fsm runs;
    CHECK(runs.conversation().empty());
    runs.conversation_finished("finished");
    CHECK(runs.conversation() == "finished");
    runs.conversation_named("named");
    CHECK(runs.conversation() == "named");
    const auto run = runs.add(false, "given");
    CHECK(runs.conversation() == "named");
    runs.writing(run);
    CHECK(runs.conversation() == "given");
    runs.finish();
    CHECK(runs.conversation() == "named");
}

} // namespace run_fsm_test
