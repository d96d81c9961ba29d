#include "policy/send_queue.hpp"
#include "support/catch.hpp"

#include <vector>

namespace send_queue_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0{1'000h};

send_queue::message push(send_queue& queue, send_lane lane, std::string text, time_point now = t0) {
    auto added = std::make_shared<outgoing>(lane, std::move(text));
    queue.push(now, added);
    return added;
}

send_queue::message push_answer(send_queue& queue, std::uint64_t id, std::size_t size) {
    auto added = std::make_shared<outgoing>(send_lane::answer, std::string(size, 'a'), id);
    queue.push(t0, added);
    return added;
}

send_queue::message push(send_queue& queue, std::string text) {
    return push(queue, send_lane::data, std::move(text));
}

/// Writes whatever may be written.
std::vector<std::string> write_all(send_queue& queue, bool ready = true, time_point now = t0) {
    std::vector<std::string> written;
    while (const auto one = queue.next(now, ready)) {
        written.push_back(one->text());
        queue.written(one, true);
    }
    return written;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("send_queue: control precedes answers, and answers precede messages, each in order",
          "[unit][send_queue][H86]") {
    send_queue queue{send_limits()};
    push(queue, "m1");
    push(queue, send_lane::answer, "a1");
    push(queue, "m2");
    push(queue, send_lane::control, "c1");
    push(queue, send_lane::answer, "a2");
    push(queue, send_lane::control, "c2");

    CHECK(write_all(queue) == texts{"c1", "c2", "a1", "a2", "m1", "m2"});
    CHECK(queue.empty());
}

TEST_CASE("send_queue: before the session is ready only control is sent", "[unit][send_queue]") {
    send_queue queue{send_limits()};
    push(queue, "m");
    push(queue, send_lane::answer, "a");
    push(queue, send_lane::control, "c");

    CHECK(write_all(queue, false) == texts{"c"});
    CHECK(queue.messages() == 2);
    CHECK(write_all(queue) == texts{"a", "m"});
}

TEST_CASE("send_queue: a message goes from queued to writing to sent", "[unit][send_queue]") {
    send_queue queue{send_limits()};
    const auto one = push(queue, "m");
    CHECK(one->state() == send_state::queued);
    CHECK(queue.bytes() == 1);

    REQUIRE(queue.next(t0, true) == one);
    CHECK(one->state() == send_state::writing);
    CHECK_FALSE(one->settled());
    CHECK(queue.bytes() == 0);
    queue.written(one, true);

    CHECK(one->state() == send_state::sent);
    CHECK(one->settled());
}

TEST_CASE("send_queue: an interrupted write is unconfirmed, and never repeated",
          "[unit][send_queue]") {
    send_queue queue{send_limits()};
    const auto one = push(queue, "m");
    queue.next(t0, true);

    queue.written(one, false);

    CHECK(one->state() == send_state::unconfirmed);
    CHECK(queue.next(t0, true) == nullptr);
}

TEST_CASE("send_queue: an entry that is not being written can be withdrawn",
          "[unit][send_queue][F76]") {
    send_queue queue{send_limits()};
    const auto first = push(queue, "1");
    const auto second = push(queue, "2");
    const auto third = push(queue, "3");
    queue.next(t0, true);

    CHECK_FALSE(queue.remove(first)); // being written
    CHECK(queue.remove(second));
    CHECK_FALSE(queue.remove(second));
    CHECK(second->state() == send_state::not_sent);
    CHECK(third->state() == send_state::queued);
    CHECK(write_all(queue) == texts{"3"});
    CHECK(queue.bytes() == 0);
}

TEST_CASE("send_queue: a lost session drops its control messages only", "[unit][send_queue]") {
    send_queue queue{send_limits()};
    const auto control = push(queue, send_lane::control, "c");
    push(queue, send_lane::answer, "a");
    push(queue, "m");

    queue.end_session(t0);

    CHECK(control->state() == send_state::not_sent);
    CHECK(write_all(queue) == texts{"a", "m"});
}

TEST_CASE("send_queue: an answer expires", "[unit][send_queue]") {
    send_queue queue{send_limits()};
    const auto first = push(queue, send_lane::answer, "1", t0);
    const auto second = push(queue, send_lane::answer, "2", t0 + 1s);

    CHECK(write_all(queue, true, t0 + 60s) == texts{"2"});

    CHECK(first->state() == send_state::not_sent);
    CHECK(second->state() == send_state::sent);
}

TEST_CASE("send_queue: an answer does not expire while a session can send it",
          "[unit][send_queue]") {
    send_queue queue{send_limits()};
    CHECK_FALSE(queue.next(t0, true));
    const auto first = push(queue, send_lane::answer, "1", t0);
    push(queue, send_lane::answer, "2", t0 + 10min);
    CHECK(queue.next(t0 + 20min, true) == first); // and all that while a write stood still

    queue.end_session(t0 + 30min); // now it waits for another
    SECTION("the session comes in time") {
        CHECK(write_all(queue, true, t0 + 30min + 59s) == texts{"2"});
    }
    SECTION("the session comes too late, however often that was tried") {
        queue.end_session(t0 + 30min + 50s);
        CHECK(write_all(queue, true, t0 + 31min).empty());
    }
}

TEST_CASE("send_queue: the end settles everything but the entry being written",
          "[unit][send_queue]") {
    const auto as = GENERATE(send_state::not_sent, send_state::aborted);
    send_queue queue{send_limits()};
    const auto writing = push(queue, "1");
    queue.next(t0, true);
    const std::vector<send_queue::message> others{push(queue, "2"), push(queue, "3"),
                                                  push(queue, send_lane::answer, "a"),
                                                  push(queue, send_lane::control, "c")};

    queue.drop_all(as);

    CHECK(writing->state() == send_state::writing);
    for (const auto& each : others)
        CHECK(each->state() == as);
    CHECK(queue.empty());
    CHECK(queue.bytes() == 0);
}

TEST_CASE("send_queue: it is congested when answers accumulate", "[unit][send_queue]") {
    send_limits limits;
    limits.urgent = 3;
    send_queue queue{limits};
    for (int n = 0; n < 100; ++n)
        push(queue, "messages do not count");
    for (int n = 0; n < 3; ++n)
        push(queue, send_lane::control, "c");
    CHECK_FALSE(queue.congested());

    push(queue, send_lane::answer, "a");

    CHECK(queue.congested());
    queue.written(queue.next(t0, true), true);
    CHECK_FALSE(queue.congested());
}

TEST_CASE("send_queue: it is congested when the answers are large", "[unit][send_queue]") {
    send_limits limits;
    limits.urgent_bytes = 10;
    send_queue queue{limits};
    push(queue, std::string(100, 'm'));
    push(queue, send_lane::answer, std::string(10, 'a'));
    CHECK_FALSE(queue.congested());

    push(queue, send_lane::answer, "a");

    CHECK(queue.congested());
}

TEST_CASE("send_queue: each message is notified of its writing and, once, of its outcome",
          "[unit][send_queue]") {
    class listening : public outgoing {
    public:
        using outgoing::outgoing;
        int writing = 0;
        int settled = 0;

    private:
        void on_writing() override { ++writing; }
        void on_settled() override { ++settled; }
    };
    send_queue queue{send_limits()};
    const auto one = std::make_shared<listening>(send_lane::data, "m");
    queue.push(t0, one);

    queue.written(queue.next(t0, true), true);
    queue.drop_all(send_state::aborted);

    CHECK(one->writing == 1);
    CHECK(one->settled == 1);
    CHECK(one->state() == send_state::sent);
}

TEST_CASE("send_queue: knows the answer that was the largest message of the last session",
          "[unit][send_queue][O143]") {
    send_queue queue{send_limits()};
    const auto largest = [&] {
        queue.end_session(t0);
        return queue.largest_answer();
    };
    CHECK(largest() == 0);

    push_answer(queue, 1, 10);
    push_answer(queue, 2, 300);
    push_answer(queue, 3, 20);
    push(queue, std::string(100, 'm'));
    write_all(queue);
    CHECK(largest() == 2);
    CHECK(largest() == 0); // it is of that session alone

    push_answer(queue, 4, 300);
    push(queue, std::string(301, 'm'));
    write_all(queue);
    CHECK(largest() == 0); // a message was larger

    push_answer(queue, 5, 300); // its writing has not begun
    CHECK(largest() == 0);
    const auto writing = queue.next(t0, true);
    CHECK(largest() == 5);
    queue.written(writing, false);
}

} // namespace send_queue_test
