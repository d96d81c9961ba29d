// Everything at once: every public member from several threads and contexts, clients and shared
// managers that are exchanged meanwhile, every type of cancellation, contexts that go while
// callers wait, and a server that fails. stress_test [--seconds S] [--seed X]. For sanitizers: by
// itself it says what hung and what was thrown that should not be, and exits with 1.

#include "stress/owners.hpp"
#include "stress/user.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace parley::stress;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct settings {
    unsigned seconds = 2;
    std::uint64_t seed = std::random_device()();
};

settings parse(const std::vector<std::string>& words) {
    settings out;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const bool known = words[i] == "--seconds" || words[i] == "--seed";
        if (!known || i + 1 == words.size())
            throw std::invalid_argument("stress_test [--seconds S] [--seed X]");
        const auto value = std::stoull(words[i + 1]);
        if (words[i] == "--seconds")
            out.seconds = static_cast<unsigned>(value);
        else
            out.seed = value;
    }
    return out;
}

int run(const settings& chosen) {
    constexpr std::size_t contexts = 3;
    constexpr unsigned threads_of_each = 2;
    constexpr std::uint64_t users = 10;
    findings found;
    const auto until = steady::now() + std::chrono::seconds(chosen.seconds);
    std::vector<std::unique_ptr<asio::io_context>> io;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> work;
    for (std::size_t i = 0; i < contexts; ++i) {
        io.push_back(std::make_unique<asio::io_context>());
        work.push_back(asio::make_work_guard(*io.back()));
    }
    std::vector<std::thread> threads;
    for (const auto& each : io)
        for (unsigned i = 0; i < threads_of_each; ++i)
            threads.emplace_back([&each] { each->run(); });
    {
        owners world(io, chosen.seed);
        std::vector<std::thread> others;
        others.emplace_back([&] { world.exchange_until(until); });
        others.emplace_back([&] { world.fail_until(until); });
        others.emplace_back([&] { pass_by_until(until, world, found, chosen.seed + 1); });
        others.emplace_back([&] { leave_until(until, world, *io[0], found, chosen.seed + 2); });
        for (std::uint64_t i = 0; i < users; ++i)
            start_user(*io[i % contexts], world, found, chosen.seed + 10 + i, until);
        for (auto& each : others)
            each.join();
        // Twice as long as any operation may take, and more than that under a sanitizer.
        const auto patience = steady::now() + 120s;
        while (found.under_way() > 0 && steady::now() < patience)
            std::this_thread::sleep_for(10ms);
        if (found.under_way() > 0) {
            found.print();
            std::printf("%zu operations hang\n", found.under_way());
            std::fflush(stdout);
            std::_Exit(1);
        }
    }
    work.clear();
    for (auto& each : threads)
        each.join();
    found.print();
    return found.broken() ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        const auto chosen = parse(std::vector<std::string>(argv + 1, argv + argc));
        std::printf("stress_test --seconds %u --seed %llu\n", chosen.seconds,
                    static_cast<unsigned long long>(chosen.seed));
        std::fflush(stdout);
        return run(chosen);
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "%s\n", thrown.what());
        return 2;
    }
}
