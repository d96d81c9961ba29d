#include "simulation/seeded_clock.hpp"

#include "simulation/world.hpp"

#include <cstdint>
#include <utility>

namespace parley::simulation {

namespace {

struct rung {
    std::unique_ptr<alarm> inner;
    std::uint64_t wait = 0; // the number of the last wait
};

class seeded_alarm final : public alarm {
public:
    seeded_alarm(world& in, std::unique_ptr<alarm> inner)
        : world_(in), held_(std::make_shared<rung>(rung{std::move(inner), 0})) {}

    awaitable<void> wait_until(time_point until) override {
        ++held_->wait;
        return held_->inner->wait_until(until);
    }

    void call_at(time_point until, std::function<void()> due) override {
        ++held_->wait;
        held_->inner->call_at(until, std::move(due));
    }

    void ring() override {
        world_.later([weak = std::weak_ptr(held_), wait = held_->wait] {
            const auto held = weak.lock();
            if (held && held->wait == wait) held->inner->ring();
        });
    }

private:
    world& world_;
    std::shared_ptr<rung> held_;
};

class seeded_clock final : public clock_source {
public:
    explicit seeded_clock(world& in) : world_(in) {}
    time_point now() const noexcept override { return world_.time->now(); }
    wall_time wall_now() const noexcept override { return world_.time->wall_now(); }
    std::unique_ptr<alarm> make_alarm(asio::any_io_executor executor) override {
        return std::make_unique<seeded_alarm>(world_, world_.time->make_alarm(std::move(executor)));
    }

private:
    world& world_;
};

} // namespace

std::shared_ptr<clock_source> make_seeded_clock(world& in) {
    return std::make_shared<seeded_clock>(in);
}

} // namespace parley::simulation
