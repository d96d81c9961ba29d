#include "policy/tool_call_fsm.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

namespace tool_call_fsm_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0 = time_point() + 1h;

using actions = tool_actions;

tool_input::requested call(tool_request_id id, std::string call_id, std::string name = "sum",
                           std::string_view parameters = "{}") {
    tool_input::requested request;
    request.id = id;
    request.identity = call_identity(call_id, false, name, parameters);
    request.call_id = std::move(call_id);
    request.name = std::move(name);
    request.timeout = 30s;
    request.bytes = 100;
    return request;
}

tool_input::ended done(tool_request_id id, int value) {
    tool_input::ended ended;
    ended.id = id;
    ended.answer = tool_answer(json_text::parse(std::to_string(value)));
    return ended;
}

tool_action_t run(tool_request_id id, time_point deadline) {
    return tool_action::run{id, deadline};
}

tool_action_t cancel(tool_request_id id) { return tool_action::cancel{id}; }
tool_action_t join(tool_request_id id) { return tool_action::join{id}; }

tool_action_t answered(tool_request_id id, std::string call_id, int value,
                       std::chrono::milliseconds duration = 0ms, bool repeated = false) {
    return tool_action::answer{id,
                               std::move(call_id),
                               false,
                               "sum",
                               tool_answer(json_text::parse(std::to_string(value))),
                               duration,
                               repeated ? answer_turn::again : answer_turn::first};
}

tool_action_t refused(tool_request_id id, std::string call_id, tool_outcome outcome,
                      std::string text, std::chrono::milliseconds duration = 0ms) {
    return tool_action::answer{
        id,       std::move(call_id), false, "sum", tool_answer(outcome, std::move(text)),
        duration, answer_turn::first};
}

tool_limits small(unsigned running, unsigned waiting) {
    tool_limits limits;
    limits.max_running = running;
    limits.max_waiting = waiting;
    return limits;
}

} // namespace

TEST_CASE("tool_call_fsm: a call runs, and its outcome is the answer", "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};

    CHECK(fsm.resume(t0, call(1, "a")) == actions{run(1, t0 + 30s)});
    CHECK(fsm.next_deadline() == t0 + 30s);
    CHECK(fsm.resume(t0 + 2s, done(1, 42)) == actions{answered(1, "a", 42, 2s)});
    CHECK(fsm.next_deadline() == time_point::max());
}

TEST_CASE("tool_call_fsm: a repeat while it runs shares the one answer",
          "[unit][tool_call_fsm][G78]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));

    for (tool_request_id id = 2; id <= 1'000; ++id)
        REQUIRE(fsm.resume(t0, call(id, "a")) == actions{join(id)});
    CHECK(fsm.resume(t0, done(1, 42)) == actions{answered(1, "a", 42)});
}

TEST_CASE("tool_call_fsm: a repeat of a waiting call shares the answer",
          "[unit][tool_call_fsm][G78]") {
    tool_call_fsm fsm{small(1, 1)};
    fsm.resume(t0, call(1, "a"));
    CHECK(fsm.resume(t0, call(2, "b")).empty());

    CHECK(fsm.resume(t0, call(3, "b")) == actions{join(3)});
    CHECK(fsm.waiting() == 1);
}

TEST_CASE("tool_call_fsm: a repeat after the answer gets that answer again, each time",
          "[unit][tool_call_fsm][G78]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0 + 1s, done(1, 42));

    CHECK(fsm.resume(t0 + 2s, call(2, "a")) == actions{answered(2, "a", 42, 0ms, true)});
    CHECK(fsm.resume(t0 + 1h, call(3, "a")) == actions{answered(3, "a", 42, 0ms, true)});
    CHECK_FALSE(fsm.running());
}

TEST_CASE("tool_call_fsm: an unknown tool is answered with its name", "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};
    auto request = call(1, "a");
    request.known = false;

    CHECK(fsm.resume(t0, request) ==
          actions{refused(1, "a", tool_outcome::not_found, "Tool not found: sum")});
}

TEST_CASE("tool_call_fsm: parameters that are not an object are an error",
          "[unit][tool_call_fsm][G79]") {
    tool_call_fsm fsm{tool_limits()};
    auto request = call(1, "a");
    request.valid = false;

    CHECK(fsm.resume(t0, request) ==
          actions{refused(1, "a", tool_outcome::invalid_parameters, "Invalid parameters: sum")});
}

TEST_CASE("tool_call_fsm: a very long name is shortened in the error", "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};
    auto request = call(1, "a", std::string(1'000'000, 'n'));
    request.known = false;

    const auto out = fsm.resume(t0, request);

    REQUIRE(out.size() == 1);
    CHECK(std::get<tool_action::answer>(out[0]).what.error.size() < 300);
}

TEST_CASE("tool_call_fsm: limits running and waiting calls, and answers busy beyond",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{small(2, 2)};
    CHECK(fsm.resume(t0, call(1, "a")) == actions{run(1, t0 + 30s)});
    CHECK(fsm.resume(t0, call(2, "b")) == actions{run(2, t0 + 30s)});
    CHECK(fsm.resume(t0, call(3, "c")).empty());
    CHECK(fsm.resume(t0, call(4, "d")).empty());

    CHECK(fsm.resume(t0, call(5, "e")) ==
          actions{refused(5, "e", tool_outcome::busy, "Tool busy: sum")});
    CHECK(fsm.resume(t0 + 1s, done(2, 7)) == actions{answered(2, "b", 7, 1s), run(3, t0 + 31s)});
    CHECK(fsm.resume(t0 + 1s, call(6, "f")).empty());
}

TEST_CASE("tool_call_fsm: a refused call is not remembered", "[unit][tool_call_fsm][O141]") {
    tool_call_fsm fsm{small(1, 0)};
    fsm.resume(t0, call(1, "a"));
    CHECK(fsm.resume(t0, call(2, "b")) ==
          actions{refused(2, "b", tool_outcome::busy, "Tool busy: sum")});
    auto unknown = call(3, "c");
    unknown.known = false;
    CHECK(fsm.resume(t0, unknown) ==
          actions{refused(3, "c", tool_outcome::not_found, "Tool not found: sum")});
    auto invalid = call(4, "d");
    invalid.valid = false;
    CHECK(fsm.resume(t0, invalid) ==
          actions{refused(4, "d", tool_outcome::invalid_parameters, "Invalid parameters: sum")});
    fsm.resume(t0, tool_input::stopping());
    CHECK(fsm.resume(t0, call(5, "e")) ==
          actions{refused(5, "e", tool_outcome::shut_down, "Client is shutting down")});
    CHECK(fsm.remembered() == 0);

    fsm.resume(t0, tool_input::restarted());
    tool_request_id id = 6;
    for (const char* again : {"a", "b", "c", "d", "e"}) {
        CHECK(fsm.resume(t0, call(id, again)) == actions{run(id, t0 + 30s)});
        CHECK(fsm.resume(t0, done(id, 7)) == actions{answered(id, again, 7)});
        ++id;
    }
}

TEST_CASE("tool_call_fsm: the same callId with another name or other parameters is another call",
          "[unit][tool_call_fsm][O141]") {
    tool_call_fsm fsm{tool_limits()};
    const auto other = [](tool_request_id id, std::string name, std::string_view parameters) {
        return call(id, "call_0", std::move(name), parameters);
    };
    // Also while the other runs; each is answered by itself.
    CHECK(fsm.resume(t0, other(1, "sum", R"({"path":"a"})")) == actions{run(1, t0 + 30s)});
    CHECK(fsm.resume(t0, other(2, "sum", R"({"path":"b"})")) == actions{run(2, t0 + 30s)});
    CHECK(fsm.resume(t0, other(3, "sum", R"({"path":"a"})")) == actions{join(3)});
    CHECK(fsm.resume(t0, done(2, 22)) == actions{answered(2, "call_0", 22)});
    CHECK(fsm.resume(t0, done(1, 11)) == actions{answered(1, "call_0", 11)});
    CHECK(fsm.resume(t0, other(4, "product", R"({"path":"a"})")) == actions{run(4, t0 + 30s)});
    fsm.resume(t0, done(4, 44));
    // And each of them is known again.
    CHECK(fsm.resume(t0, other(5, "sum", R"({"path":"a"})")) ==
          actions{answered(5, "call_0", 11, 0ms, true)});
    CHECK(fsm.resume(t0, other(6, "sum", R"({"path":"b"})")) ==
          actions{answered(6, "call_0", 22, 0ms, true)});
    CHECK(fsm.remembered() == 3);
}

TEST_CASE("tool_call_fsm: the identity of a call is unambiguous", "[unit][tool_call_fsm][O141]") {
    CHECK(call_identity("", false, "sum", "{}").empty());
    const std::vector<std::string> all{
        call_identity("17", false, "sum", "{}"), call_identity("17", true, "sum", "{}"),
        call_identity("1", false, "7sum", "{}"), call_identity("17s", false, "um", "{}"),
        call_identity("17", false, "sum{", "}"), call_identity("17", false, "", "sum{}"),
        call_identity("17", false, "sum", "{ }")};
    for (std::size_t one = 0; one < all.size(); ++one)
        for (std::size_t other = 0; other < one; ++other)
            CHECK(all[one] != all[other]);
}

TEST_CASE("tool_call_fsm: an empty callId is never a repeat", "[unit][tool_call_fsm][O141]") {
    tool_call_fsm fsm{tool_limits()};
    for (tool_request_id id = 1; id <= 3; ++id)
        CHECK(fsm.resume(t0, call(id, "")) == actions{run(id, t0 + 30s)});
    for (tool_request_id id = 1; id <= 3; ++id)
        CHECK(fsm.resume(t0, done(id, 5)) == actions{answered(id, "", 5)});
    CHECK(fsm.resume(t0, call(4, "")) == actions{run(4, t0 + 30s)});
    CHECK(fsm.remembered() == 0);
}

TEST_CASE("tool_call_fsm: an answered call can be forgotten, and then runs again",
          "[unit][tool_call_fsm][O141]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0, done(1, 42));

    CHECK(fsm.resume(t0, tool_input::forgotten()).empty());
    CHECK(fsm.remembered() == 0);
    CHECK(fsm.resume(t0, call(2, "a")) == actions{run(2, t0 + 30s)});
    CHECK(fsm.forgotten() == 0); // for lack of room: none
}

TEST_CASE("tool_call_fsm: an answer that is too large is replaced by an error, once",
          "[unit][tool_call_fsm][O143]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0, done(1, 42));
    fsm.resume(t0, call(2, "a")); // the answer goes to this request, too
    const auto too_large = [](tool_request_id id) {
        tool_input::too_large input;
        input.id = id;
        return input;
    };
    const auto error = [](tool_request_id id, answer_turn turn) {
        return actions{tool_action::answer{
            id, "a", false, "sum", tool_answer(tool_outcome::failed, "Tool result too large: sum"),
            0ms, turn}};
    };

    CHECK(fsm.resume(t0, too_large(9)).empty());
    CHECK(fsm.resume(t0, too_large(2)) == error(2, answer_turn::instead));
    CHECK(fsm.resume(t0, too_large(2)).empty()); // it is an error now
    CHECK(fsm.resume(t0, call(3, "a")) == error(3, answer_turn::again));
    CHECK_FALSE(fsm.running());
}

TEST_CASE("tool_call_fsm: waiting calls are bounded in bytes too", "[unit][tool_call_fsm][G79]") {
    auto limits = small(1, 64);
    limits.waiting_bytes = 250;
    tool_call_fsm fsm{limits};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0, call(2, "b"));
    fsm.resume(t0, call(3, "c"));

    CHECK(fsm.resume(t0, call(4, "d")) ==
          actions{refused(4, "d", tool_outcome::busy, "Tool busy: sum")});
    fsm.resume(t0, done(1, 1)); // the second runs, and no longer counts
    CHECK(fsm.resume(t0, call(5, "e")).empty());
}

TEST_CASE("tool_call_fsm: a tool's own limit delays its calls and no others",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{small(3, 8)};
    auto slow = [](tool_request_id id, std::string call_id) {
        auto request = call(id, std::move(call_id), "slow");
        request.max_running = 1;
        return request;
    };
    CHECK(fsm.resume(t0, slow(1, "a")) == actions{run(1, t0 + 30s)});
    CHECK(fsm.resume(t0, slow(2, "b")).empty());
    CHECK(fsm.resume(t0, call(3, "c")) == actions{run(3, t0 + 30s)});

    CHECK(fsm.resume(t0, done(3, 1)) == actions{answered(3, "c", 1)});
    const auto after_slow = fsm.resume(t0, done(1, 1));
    REQUIRE(after_slow.size() == 2);
    CHECK(after_slow[1] == run(2, t0 + 30s));
}

TEST_CASE("tool_call_fsm: a tool's own limit of waiting calls makes it busy, and no others",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{small(1, 10)};
    fsm.resume(t0, call(1, "a"));
    for (const unsigned allowed : {0u, 1u}) {
        auto first = call(2 + 2 * allowed, "b" + std::to_string(allowed));
        auto second = call(3 + 2 * allowed, "c" + std::to_string(allowed));
        first.max_waiting = second.max_waiting = allowed;
        CHECK(fsm.resume(t0, first).size() == 1 - allowed);
        CHECK(fsm.resume(t0, second).size() == 1);
    }
    auto other = call(9, "d");
    other.name = "other";
    CHECK(fsm.resume(t0, other).empty());
    CHECK(fsm.waiting() == 2);
}

TEST_CASE("tool_call_fsm: a call past its deadline is answered, cancelled, and frees its slot",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{small(1, 8)};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0 + 5s, call(2, "b"));

    CHECK(fsm.resume(t0 + 29s, tool_input::time_passed()).empty());
    CHECK(fsm.resume(t0 + 30s, tool_input::time_passed()) ==
          actions{refused(1, "a", tool_outcome::timed_out, "Tool timed out: sum", 30s), cancel(1),
                  run(2, t0 + 60s)});
}

TEST_CASE("tool_call_fsm: a result after the deadline is dropped", "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0 + 30s, tool_input::time_passed());

    CHECK(fsm.resume(t0 + 31s, done(1, 42)).empty());
    const auto again = fsm.resume(t0 + 32s, call(2, "a"));
    REQUIRE(again.size() == 1);
    CHECK(std::get<tool_action::answer>(again[0]).what.error == "Tool timed out: sum");
}

TEST_CASE("tool_call_fsm: handlers that never end eventually make the tools busy",
          "[unit][tool_call_fsm][G80]") {
    auto limits = small(1, 0);
    limits.max_stuck = 2;
    tool_call_fsm fsm{limits};
    for (tool_request_id id = 1; id <= 2; ++id) {
        fsm.resume(t0, call(id, std::to_string(id)));
        fsm.resume(t0 + 30s, tool_input::time_passed());
    }

    CHECK(fsm.resume(t0 + 31s, call(3, "3")) ==
          actions{refused(3, "3", tool_outcome::busy, "Tool busy: sum")});
    fsm.resume(t0 + 32s, done(1, 0));
    CHECK(fsm.resume(t0 + 33s, call(4, "4")) == actions{run(4, t0 + 63s)});
}

TEST_CASE("tool_call_fsm: stopping answers running and waiting calls, and accepts no more",
          "[unit][tool_call_fsm]") {
    const std::string text = "Client is shutting down";
    tool_call_fsm fsm{small(1, 8)};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0, call(2, "b"));

    CHECK(fsm.resume(t0 + 1s, tool_input::stopping()) ==
          actions{refused(1, "a", tool_outcome::shut_down, text, 1s), cancel(1),
                  refused(2, "b", tool_outcome::shut_down, text)});
    CHECK(fsm.resume(t0 + 2s, call(3, "c")) ==
          actions{refused(3, "c", tool_outcome::shut_down, text)});
    CHECK_FALSE(fsm.running());
    CHECK(fsm.waiting() == 0);
}

TEST_CASE("tool_call_fsm: after a restart calls run again, and the memory is kept",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    fsm.resume(t0, done(1, 42));
    fsm.resume(t0, tool_input::stopping());
    fsm.resume(t0, tool_input::restarted());

    CHECK(fsm.resume(t0, call(2, "a")) == actions{answered(2, "a", 42, 0ms, true)});
    CHECK(fsm.resume(t0, call(3, "b")) == actions{run(3, t0 + 30s)});
}

TEST_CASE("tool_call_fsm: a failure without a message gets the tool's name",
          "[unit][tool_call_fsm]") {
    tool_call_fsm fsm{tool_limits()};
    fsm.resume(t0, call(1, "a"));
    tool_input::ended failed;
    failed.id = 1;
    failed.answer = tool_answer(tool_outcome::failed, "");

    CHECK(fsm.resume(t0, failed) ==
          actions{refused(1, "a", tool_outcome::failed, "Tool failed: sum")});
}

TEST_CASE("tool_call_fsm: forgets the answer that was requested least recently",
          "[unit][tool_call_fsm][G85]") {
    tool_call_fsm fsm{tool_limits()};
    const auto finish = [&](tool_request_id id) {
        fsm.resume(t0, call(id, std::to_string(id)));
        fsm.resume(t0, done(id, 1));
    };
    for (tool_request_id id = 1; id <= 1'024; ++id)
        finish(id);
    CHECK(fsm.forgotten() == 0);
    fsm.resume(t0, call(2'000, "1")); // asked for again: now the second is the oldest
    finish(1'025);

    CHECK(fsm.remembered() == 1'024);
    CHECK(fsm.forgotten() == 1);
    CHECK(fsm.resume(t0, call(2'001, "1")) == actions{answered(2'001, "1", 1, 0ms, true)});
    CHECK(fsm.resume(t0, call(2'002, "2")) == actions{run(2'002, t0 + 30s)});
}

TEST_CASE("tool_call_fsm: an answer in a reused slot is found by its own name",
          "[unit][tool_call_fsm][G85]") {
    tool_limits limits;
    limits.remembered = 3;
    limits.remembered_bytes = 1'000;
    tool_call_fsm fsm{limits};
    // Of all lengths: short texts lie in the string itself, long ones elsewhere.
    const auto name = [](tool_request_id id) {
        return std::string(static_cast<std::size_t>(1 + id * 7 % 40),
                           static_cast<char>('a' + id % 26));
    };
    for (tool_request_id id = 1; id <= 100; ++id) {
        fsm.resume(t0, call(id, name(id)));
        fsm.resume(t0, done(id, static_cast<int>(id)));
        const tool_request_id oldest = id < 3 ? 1 : id - 2;
        for (auto known = oldest; known <= id; ++known)
            REQUIRE(fsm.resume(t0, call(1'000, name(known))) ==
                    actions{answered(1'000, name(known), static_cast<int>(known), 0ms, true)});
    }
    CHECK(fsm.remembered() == 3);
    CHECK(fsm.forgotten() == 97);
    CHECK(fsm.resume(t0, call(3'000, name(97))) == actions{run(3'000, t0 + 30s)});
}

TEST_CASE("tool_call_fsm: the memory is bounded in bytes too, and keeps the last answer",
          "[unit][tool_call_fsm][G85]") {
    tool_limits limits;
    limits.remembered_bytes = 1'000;
    tool_call_fsm fsm{limits};
    const auto finish = [&](tool_request_id id, std::size_t bytes) {
        fsm.resume(t0, call(id, std::to_string(id)));
        tool_input::ended ended;
        ended.id = id;
        ended.answer = tool_answer(json_text::from_string(std::string(bytes, 'x')));
        fsm.resume(t0, ended);
    };
    for (tool_request_id id = 1; id <= 3; ++id)
        finish(id, 5'000);
    CHECK(fsm.remembered() == 1);
    CHECK(fsm.forgotten() == 2);

    finish(4, 400);
    finish(5, 400);
    CHECK(fsm.remembered() == 2);
    finish(6, 400);
    CHECK(fsm.remembered() == 2);
}

TEST_CASE("tool_call_fsm: a flood of calls stays within the limits", "[unit][tool_call_fsm][G81]") {
    tool_call_fsm fsm{tool_limits()};
    std::size_t busy = 0;
    for (tool_request_id id = 1; id <= 100'000; ++id)
        for (const auto& action : fsm.resume(t0, call(id, std::to_string(id))))
            busy += std::holds_alternative<tool_action::answer>(action) ? 1 : 0;

    CHECK(busy == 100'000 - 8 - 64);
    CHECK(fsm.waiting() == 64);
    CHECK(fsm.remembered() == 0); // nothing has ended yet
}

} // namespace tool_call_fsm_test
