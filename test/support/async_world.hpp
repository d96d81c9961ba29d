#pragma once

#include <parley/detail/strand.hpp>
#include <parley/fwd.hpp>

#include "async/condition.hpp"
#include "support/manual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>

namespace parley::test {

/// A strand whose time stands still, and operations that take some.
struct async_world {
    asio::io_context io;
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    parley::detail::strand::direct strand = asio::make_strand(io);

    awaitable<void> sleep(std::chrono::milliseconds delay) {
        const auto until = clock->now() + delay;
        condition never(strand, clock);
        while (clock->now() < until)
            co_await never.wait_until(until);
    }

    awaitable<int> after_a_while(int value) {
        co_await sleep(std::chrono::seconds(1));
        co_return value;
    }

    awaitable<int> failing() {
        co_await sleep(std::chrono::seconds(1));
        throw std::runtime_error("no luck");
    }
};

} // namespace parley::test
