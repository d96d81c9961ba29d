#include "dialect/parley/run_fsm.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstddef>

namespace run_fsm_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

using who = run_fsm::listener;

run_fsm::run_id sent(run_fsm& runs, who listens) {
    const auto run = runs.add(listens, std::nullopt);
    runs.writing(run);
    runs.written(run);
    return run;
}

} // namespace

TEST_CASE("run_fsm: a run begins when its message is written, not when it is queued",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = runs.add(who::asker, std::nullopt);
    CHECK_FALSE(runs.current());
    CHECK_FALSE(runs.idle());
    runs.writing(run);
    CHECK(runs.current() == run);
    CHECK(runs.collected() == run);
}

TEST_CASE("run_fsm: runs end in the order in which their messages were written",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto first = sent(runs, who::everybody);
    const auto second = sent(runs, who::asker);
    CHECK(runs.current() == first);
    CHECK_FALSE(runs.collected());
    CHECK(runs.finish() == first);
    CHECK(runs.collected() == second);
    CHECK(runs.finish() == second);
    CHECK(runs.idle());
    CHECK_FALSE(runs.finish());
}

TEST_CASE("run_fsm: a run continues without its ask", "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = sent(runs, who::asker);
    CHECK_FALSE(runs.disowned());
    runs.disown(run);
    CHECK(runs.current() == run);
    CHECK_FALSE(runs.collected());
    CHECK(runs.listening() == who::everybody);
    CHECK(runs.disowned());
    runs.finish();
    CHECK_FALSE(runs.disowned());
}

TEST_CASE("run_fsm: events of a run that is being stopped are dropped", "[unit][run_fsm]") {
    const time_point until(std::chrono::seconds(10));
    run_fsm runs;
    CHECK(runs.next_deadline() == time_point::max());
    const auto stopped = sent(runs, who::asker);
    const auto after = sent(runs, who::everybody);
    CHECK(runs.listening() == who::asker);
    runs.discard(stopped, until);
    CHECK(runs.listening() == who::nobody);
    CHECK_FALSE(runs.collected());
    CHECK(runs.next_deadline() == until);

    SECTION("until its end") {
        CHECK(runs.finish() == stopped);
        CHECK(runs.listening() == who::everybody);
        CHECK(runs.current() == after);
        CHECK(runs.next_deadline() == time_point::max());
    }
    SECTION("until its deadline") {
        runs.pass_time(until - std::chrono::nanoseconds(1));
        CHECK(runs.current() == stopped);
        runs.pass_time(until);
        CHECK(runs.current() == after);
    }
    SECTION("until the end of its session, which counts it") {
        CHECK(runs.lose() == 2);
        CHECK(runs.idle());
    }
}

TEST_CASE("run_fsm: a lost session ends the runs on the server, and counts those sent whole",
          "[unit][run_fsm]") {
    run_fsm runs;
    const auto whole = sent(runs, who::everybody);
    const auto partly = runs.add(who::everybody, std::nullopt);
    runs.writing(partly);
    const auto queued = runs.add(who::asker, std::nullopt);
    CHECK(runs.lose() == 1);
    CHECK_FALSE(runs.known(whole));
    CHECK_FALSE(runs.known(partly));
    CHECK(runs.known(queued));
    CHECK(runs.lose() == 0);
}

TEST_CASE("run_fsm: a message that was not sent leaves no run", "[unit][run_fsm]") {
    run_fsm runs;
    const auto run = runs.add(who::asker, std::nullopt);
    runs.drop(run);
    CHECK(runs.idle());
}

TEST_CASE("run_fsm: stop_run names the message's conversation, else the last known one",
          "[unit][run_fsm]") {
    run_fsm runs;
    CHECK(runs.conversation().empty());
    runs.conversation_finished("next", "finished");
    CHECK(runs.conversation() == "finished");
    runs.conversation_named("named");
    CHECK(runs.conversation() == "named");
    const auto run = runs.add(who::everybody, "given");
    CHECK(runs.conversation() == "named");
    runs.writing(run);
    CHECK(runs.conversation() == "given");
    runs.finish();
    CHECK(runs.conversation() == "named");
}

TEST_CASE("run_fsm: the next message continues the conversation named last", "[unit][run_fsm]") {
    run_fsm runs;
    CHECK_FALSE(runs.next_conversation());
    runs.conversation_named("one");
    CHECK(runs.next_conversation() == "one");
    runs.conversation_finished("two", "unheard");
    CHECK(runs.next_conversation() == "two");
    runs.conversation_named("");
    CHECK(runs.next_conversation() == "two");
    sent(runs, who::everybody);
    runs.lose(); // with its session
    CHECK(runs.next_conversation() == "two");
    runs.add(who::everybody, "of this message alone");
    CHECK(runs.next_conversation() == "two");
    runs.conversation_named("three");
    CHECK(runs.next_conversation() == "three");
}

TEST_CASE("run_fsm: ids of a conversation that was left are ignored", "[unit][run_fsm]") {
    run_fsm runs;
    runs.conversation_named("old");

    SECTION("after the end of its last run") {
        const auto first = runs.add_first(who::everybody);
        CHECK_FALSE(runs.next_conversation());
        CHECK(runs.conversation().empty());
        runs.writing(first);
        runs.written(first);
        runs.conversation_named("old");
        CHECK_FALSE(runs.next_conversation());
        runs.conversation_named("new");
        CHECK(runs.next_conversation() == "new");
        runs.conversation_named("old"); // once the new one has a name, it is news
        CHECK(runs.next_conversation() == "old");
    }
    SECTION("while its runs go on, under any name") {
        sent(runs, who::everybody);
        runs.writing(runs.add_first(who::everybody));
        runs.conversation_named("renamed");
        runs.conversation_finished("renamed", "renamed");
        runs.finish();
        CHECK_FALSE(runs.next_conversation());
        runs.conversation_named("renamed");
        CHECK_FALSE(runs.next_conversation());
        runs.conversation_named("new");
        CHECK(runs.next_conversation() == "new");
    }
    SECTION("unless the server continues it") {
        runs.writing(runs.add_first(who::everybody));
        runs.conversation_finished("old", "old");
        CHECK(runs.next_conversation() == "old");
    }
    SECTION("unless the user returns to it") {
        runs.writing(runs.add_first(who::everybody));
        runs.add(who::everybody, "old");
        runs.conversation_named("old");
        CHECK(runs.next_conversation() == "old");
    }
    SECTION("unless the message that was to begin another is not sent, or is lost") {
        const auto first = runs.add_first(who::everybody);
        const bool lost = GENERATE(false, true);
        if (lost) {
            runs.writing(first);
            runs.lose();
        } else {
            runs.drop(first);
        }
        CHECK_FALSE(runs.next_conversation());
        runs.conversation_named("old");
        CHECK(runs.next_conversation() == "old");
    }
}

TEST_CASE("run_fsm: with runs that are never finished each message costs as little as the first",
          "[unit][run_fsm]") {
    constexpr std::size_t many = 200'000; // a walk over them for each would take minutes
    run_fsm runs;
    const auto asked = sent(runs, who::asker);
    runs.discard(asked, time_point(1'000h));
    for (std::size_t i = 1; i < many; ++i) {
        const auto run = sent(runs, who::everybody);
        runs.conversation_named("c");
        runs.pass_time(time_point());
        if (runs.next_deadline() != time_point(1'000h) || runs.disowned() || !runs.known(run))
            FAIL();
    }
    CHECK(runs.unfinished() == many);
    CHECK(runs.current() == asked);
    for (std::size_t i = 0; i < many / 2; ++i)
        runs.finish();
    CHECK(runs.unfinished() == many / 2);
    CHECK(runs.lose() == many / 2);
    CHECK(runs.idle());
}

} // namespace run_fsm_test
