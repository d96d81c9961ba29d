#include "async/join_on_strand.hpp"
#include "support/async_world.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/strand.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace join_on_strand_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

awaitable<void> asleep(async_world& in) { co_await in.sleep(1s); }

awaitable<void> failing(async_world& in) {
    co_await in.sleep(1s);
    throw std::runtime_error("no luck");
}

/// A call of a world's, which notes what becomes of it.
class noted_call final : public joining_call {
public:
    using operation = awaitable<void> (*)(async_world&);

    explicit noted_call(async_world& in, operation what = asleep) : in_(in), what_(what) {}

    std::shared_ptr<flight<void>> begin() override {
        ++begun;
        if (refused) throw std::logic_error("refused");
        if (!what_) return nullptr;
        if (!joined)
            joined = flight<void>::start(in_.strand, in_.clock, [this] { return what_(in_); });
        return joined;
    }
    void ended(const std::shared_ptr<flight<void>>& of) override {
        CHECK(in_.strand.running_in_this_thread());
        landed.push_back(of->done());
        if (fails_to_end) throw std::logic_error("at the end");
    }

    std::shared_ptr<flight<void>> joined;
    std::vector<bool> landed; // for each end
    int begun = 0;
    bool refused = false;
    bool fails_to_end = false;

private:
    async_world& in_;
    const operation what_;
};

} // namespace

TEST_CASE("join_on_strand: the caller is resumed on his own executor when the flight has landed",
          "[component][flight]") {
    async_world w;
    const auto callers = asio::make_strand(asio::any_io_executor(w.io.get_executor()));
    const auto asked = std::make_shared<noted_call>(w);
    bool on_his = false;
    auto calling = [&]() -> awaitable<void> {
        auto joining = join_on_strand(w.strand, asked);
        co_await std::move(joining);
        on_his = callers.running_in_this_thread();
    };
    auto one = start(callers, calling());
    auto two = start(w.io, join_on_strand(w.strand, asked));
    pass(w.io, *w.clock, 999ms);
    CHECK(asked->begun == 2);
    CHECK_FALSE(one.done());
    pass(w.io, *w.clock, 1ms);

    CHECK_NOTHROW(one.get());
    CHECK_NOTHROW(two.get());
    CHECK(on_his);
    CHECK(asked->landed == std::vector<bool>{true, true});
}

TEST_CASE("join_on_strand: what is thrown reaches the caller", "[component][flight]") {
    async_world w;
    SECTION("by the flight") {
        auto call = start(w.io, join_on_strand(w.strand, std::make_shared<noted_call>(w, failing)));
        pass(w.io, *w.clock, 1s);
        CHECK_THROWS_AS(call.get(), std::runtime_error);
    }
    SECTION("at its beginning") {
        const auto asked = std::make_shared<noted_call>(w);
        asked->refused = true;
        auto call = start(w.io, join_on_strand(w.strand, asked));
        poll(w.io);
        CHECK_THROWS_AS(call.get(), std::logic_error);
        CHECK(asked->landed.empty());
    }
    SECTION("at its end") {
        const auto asked = std::make_shared<noted_call>(w);
        asked->fails_to_end = true;
        auto call = start(w.io, join_on_strand(w.strand, asked));
        pass(w.io, *w.clock, 1s);
        CHECK_THROWS_AS(call.get(), std::logic_error);
    }
    CHECK(out_of_work(w.io));
}

TEST_CASE("join_on_strand: with nothing to wait for it returns", "[component][flight]") {
    async_world w;
    const auto asked = std::make_shared<noted_call>(w, nullptr);
    auto call = start(w.io, join_on_strand(w.strand, asked));
    poll(w.io);
    CHECK_NOTHROW(call.get());
    CHECK(asked->landed.empty());
}

TEST_CASE("join_on_strand: one that has landed is not waited for", "[component][flight]") {
    async_world w;
    const auto asked = std::make_shared<noted_call>(w);
    auto first = start(w.io, join_on_strand(w.strand, asked));
    pass(w.io, *w.clock, 1s);
    auto second = start(w.io, join_on_strand(w.strand, asked));
    poll(w.io);
    CHECK_NOTHROW(second.get());
    CHECK(asked->landed == std::vector<bool>{true, true});
}

TEST_CASE("join_on_strand: who is cancelled leaves, and the flight goes on",
          "[component][flight]") {
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        async_world w;
        const auto asked = std::make_shared<noted_call>(w);
        auto joining = [&]() -> awaitable<void> {
            co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
            auto going = join_on_strand(w.strand, asked);
            co_await std::move(going);
        };
        auto leaves = start(w.io, joining());
        auto stays = start(w.io, joining());
        poll(w.io);
        leaves.cancel(type);
        poll(w.io);
        CHECK(leaves.aborted());
        CHECK(asked->landed == std::vector<bool>{false});
        pass(w.io, *w.clock, 1s);
        CHECK_NOTHROW(stays.get());
        CHECK(asked->landed == std::vector<bool>{false, true});
        CHECK(out_of_work(w.io));
    }
}

TEST_CASE("join_on_strand: a context destroyed with calls pending leaves nothing behind",
          "[component][flight]") {
    auto clock = std::make_shared<manual_clock>();
    std::weak_ptr<noted_call> held;
    std::optional<started<void>> call; // whose signal outlives the context
    {
        async_world w;
        w.clock = clock;
        auto asked = std::make_shared<noted_call>(w);
        held = asked;
        call = start(w.io, join_on_strand(w.strand, std::move(asked)));
        poll(w.io);
        CHECK_FALSE(call->done());
        CHECK_FALSE(held.expired());
    }
    CHECK(held.expired());
}

} // namespace join_on_strand_test
