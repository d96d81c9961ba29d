#include "simulation/simulation.hpp"

#include "simulation/http.hpp"
#include "simulation/model_server.hpp"
#include "simulation/network.hpp"
#include "simulation/observer.hpp"
#include "simulation/user.hpp"
#include "simulation/world.hpp"
#include "transport/environment.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t most_steps_at_once = 200'000;

class simulated_environment final : public environment {
public:
    simulated_environment(world& in, std::shared_ptr<transport_factory> transports,
                          std::shared_ptr<http_client> http)
        : world_(in), transports_(std::move(transports)), http_(std::move(http)) {}

    std::shared_ptr<clock_source> clock() const override { return world_.clock; }
    double jitter() const override { return world_.jitter.real(); }
    std::shared_ptr<transport_factory>
    make_transports(std::shared_ptr<const connection_config>) const override {
        return transports_;
    }
    std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config>) const override {
        return http_;
    }

private:
    world& world_;
    std::shared_ptr<transport_factory> transports_;
    std::shared_ptr<http_client> http_;
};

class run {
public:
    run(std::uint64_t seed, bool traced)
        : world_(seed, traced), observer_(world_), server_(world_, observer_),
          network_(std::make_shared<network_of_seeds>(world_, server_, observer_)),
          user_(world_, observer_, server_, *network_,
                std::make_shared<simulated_environment>(
                    world_, network_, std::make_shared<http_of_seeds>(world_, server_, observer_))),
          begun_(world_.now()) {}
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() {
        user_.destroy();
        world_.shut();
    }

    void play() {
        world_.set_severity(0.1 + 1.9 * world_.faults.real() * world_.faults.real());
        server_.set_skew(std::chrono::seconds(world_.faults.between(0, 7'200)) - 3'600s);
        if (world_.faults.percent(40))
            server_.set_ticket_lifetime(world_.faults.ms(40'000, 900'000));
        // Most are short: what goes wrong goes wrong at the beginnings and the ends.
        const auto length = world_.faults.percent(85) ? world_.faults.ms(600'000, 1'200'000)
                                                      : world_.faults.ms(1'200'000, 3'600'000);
        user_.begin();
        trouble_later();
        go_on_until(begun_ + length);
        calm_down();
        end();
        world_.seen.simulated_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(world_.now() - begun_).count());
    }

    world& in() { return world_; }

private:
    void settle() {
        std::uint64_t steps = 0;
        while (!world_.broken() && world_.step()) {
            user_.look();
            if (++steps > most_steps_at_once)
                world_.broke("I2", "the client keeps busy, and time stands still");
        }
    }

    void go_on_until(time_point end) {
        for (;;) {
            settle();
            if (world_.broken() || world_.now() >= end) return;
            user_.time_passes();
            world_.advance(end);
            user_.look();
        }
    }

    template <class Condition>
    void go_on_until(time_point end, Condition holds) {
        while (!world_.broken() && !holds() && world_.now() < end)
            go_on_until(std::min(end, world_.now() + 1s));
    }

    void trouble_later() {
        world_.in(world_.faults.ms(10'000, 200'000), [this] {
            if (world_.healed()) return;
            trouble();
            trouble_later();
        });
    }

    void trouble() {
        switch (world_.faults.below(5)) {
        case 0:
            if (!world_.faults.percent(40) || !world_.inflict(fault::server_restart)) return;
            server_.restart(world_.faults.ms(0, 40'000), world_.faults.percent(40));
            return network_->reset_all();
        case 1:
            if (!world_.inflict(fault::clock_step)) return;
            return world_.time->step_wall(std::chrono::seconds(world_.faults.between(0, 90'000)) -
                                          45'000s);
        case 2: {
            if (!world_.faults.percent(40) || !world_.inflict(fault::sleep)) return;
            world_.time->step_wall(world_.faults.ms(60'000, 43'200'000));
            if (world_.faults.percent(60)) network_->freeze_all();
            return;
        }
        case 3: {
            // Nothing of ours runs for a while.
            if (!world_.inflict(fault::loop_stall)) return;
            const auto by = world_.faults.ms(500, 15'000);
            world_.stalled += by;
            return world_.time->advance(by);
        }
        default:
            return;
        }
    }

    // Nothing goes wrong any more: the client has to come to rest, and to work.
    void calm_down() {
        if (world_.broken()) return;
        world_.heal();
        user_.stop_acting();
        const auto healed = world_.now();
        // The longest backoff, and an attempt; then whatever was begun has to be over.
        go_on_until(healed + 420s, [this] { return user_.settled(); });
        if (!world_.broken() && !user_.settled())
            world_.broke("I12", "the client did not come to rest");
        go_on_until(world_.now() + 320s);
        if (world_.broken()) return;
        if (const auto call = server_.unanswered()) world_.broke("I10", *call);
        user_.check_tools();
        user_.last_words();
        go_on_until(world_.now() + 205s);
    }

    void end() {
        if (world_.broken()) return;
        const bool politely = world_.work.percent(70);
        if (politely) {
            user_.disconnect();
            go_on_until(world_.now() + 4s);
            if (world_.broken()) return;
            observer_.finish();
            if (!user_.all_done()) world_.broke("I1", "something goes on after disconnect");
        }
        user_.destroy();
        settle();
        go_on_until(world_.now() + 200s,
                    [this] { return user_.tools_running() == 0 && user_.all_done(); });
        go_on_until(world_.now() + 3s);
        if (world_.broken()) return;
        if (!user_.all_done()) world_.broke("I4", "something goes on after destruction");
        if (network_->alive() != 0) world_.broke("I4", "a connection is left");
        world_.forget_plans();
        settle();
        if (!world_.idle()) world_.broke("I4", "work is left: " + world_.left_over());
    }

    world world_;
    observer observer_;
    model_server server_;
    std::shared_ptr<network_of_seeds> network_;
    user user_;
    const time_point begun_;
};

} // namespace

result_of_seed simulate(std::uint64_t seed, bool traced) {
    result_of_seed out;
    out.seed = seed;
    {
        run one(seed, traced);
        one.play();
        out.broken = one.in().broken();
        out.trace = one.in().trace();
        out.seen = one.in().seen;
    }
    return out;
}

} // namespace parley::simulation
