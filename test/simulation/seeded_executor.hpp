#pragma once

#include "simulation/world.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace parley::simulation {

/// An executor whose handlers run in the order that the seed chooses, as those of a pool of threads
/// might, and never two at once. Work that is tracked counts as work of the world's context.
class seeded_executor {
public:
    seeded_executor(world& in, who of) : world_(&in), of_(of), work_(in.io.get_executor()) {}

    template <class Function>
    void execute(Function&& function) const {
        auto held = std::make_shared<std::decay_t<Function>>(std::forward<Function>(function));
        world_->push(of_, [held] { std::move (*held)(); });
    }

    asio::execution_context& query(asio::execution::context_t) const noexcept { return world_->io; }
    // A strand over it runs what is dispatched within the strand at once only if it may block.
    asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
        return never_ ? asio::execution::blocking_t(asio::execution::blocking.never)
                      : asio::execution::blocking_t(asio::execution::blocking.possibly);
    }
    seeded_executor require(asio::execution::blocking_t::never_t) const { return with(true); }
    seeded_executor require(asio::execution::blocking_t::possibly_t) const { return with(false); }
    seeded_executor require(asio::execution::outstanding_work_t::tracked_t) const {
        auto copy = *this;
        copy.work_ =
            asio::prefer(world_->io.get_executor(), asio::execution::outstanding_work.tracked);
        return copy;
    }
    seeded_executor require(asio::execution::outstanding_work_t::untracked_t) const {
        auto copy = *this;
        copy.work_ = world_->io.get_executor();
        return copy;
    }

    friend bool operator==(const seeded_executor& a, const seeded_executor& b) noexcept {
        return a.world_ == b.world_ && a.of_ == b.of_ && a.never_ == b.never_;
    }
    friend bool operator!=(const seeded_executor& a, const seeded_executor& b) noexcept {
        return !(a == b);
    }

private:
    seeded_executor with(bool never) const {
        auto copy = *this;
        copy.never_ = never;
        return copy;
    }

    world* world_;
    who of_;
    bool never_ = false;
    asio::any_io_executor work_;
};

} // namespace parley::simulation
