#include "message/chunked_queue.hpp"
#include "support/catch.hpp"

#include <deque>
#include <memory>
#include <utility>

namespace chunked_queue_test {

using parley::chunked_queue;

namespace {

template <class T, std::size_t Count>
T taken_from(chunked_queue<T, Count>& queue) {
    T taken = std::move(queue.front());
    queue.pop_front();
    return taken;
}

} // namespace

TEST_CASE("chunked_queue: elements keep their order whatever the sizes of the batches",
          "[unit][chunked_queue]") {
    chunked_queue<std::unique_ptr<int>, 4> queue;
    std::deque<int> expected;
    int next = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < (round * 7) % 13; ++i) {
            expected.push_back(next);
            queue.emplace_back(std::make_unique<int>(next++));
        }
        for (int i = 0; i < (round * 5) % 11 && !expected.empty(); ++i) {
            REQUIRE(*taken_from(queue) == expected.front());
            expected.pop_front();
        }
        REQUIRE(queue.size() == expected.size());
        REQUIRE(queue.empty() == expected.empty());
    }
    while (!queue.empty()) {
        REQUIRE(*taken_from(queue) == expected.front());
        expected.pop_front();
    }
    CHECK(expected.empty());
}

TEST_CASE("chunked_queue: the newest element is the last one pushed, however many were taken",
          "[unit][chunked_queue]") {
    chunked_queue<int, 2> queue;
    for (int i = 0; i < 7; ++i) {
        queue.emplace_back(i);
        CHECK(queue.back() == i);
        if (i % 3 == 2) queue.pop_front();
        CHECK(queue.back() == i);
    }
    while (queue.size() > 1)
        queue.pop_front();
    CHECK(queue.back() == 6);
    queue.pop_front();
    queue.emplace_back(7);
    CHECK(queue.back() == 7);
}

TEST_CASE("chunked_queue: an element is released when it is taken", "[unit][chunked_queue]") {
    const auto watched = std::make_shared<int>(1);
    chunked_queue<std::shared_ptr<int>, 2> queue;
    for (int i = 0; i < 5; ++i)
        queue.emplace_back(std::shared_ptr<int>(watched));
    for (long left = 5; left > 0; --left) {
        CHECK(watched.use_count() == left + 1);
        taken_from(queue);
    }
    CHECK(watched.use_count() == 1);
}

TEST_CASE("chunked_queue: is destroyed with many elements in it", "[unit][chunked_queue]") {
    chunked_queue<int, 1> queue;
    for (int i = 0; i < 1'000'000; ++i)
        queue.emplace_back(int(i));
    CHECK(queue.size() == 1'000'000);
}

} // namespace chunked_queue_test
