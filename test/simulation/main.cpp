// Runs the whole client through seeds: simulation --seeds N --from S [--trace]

#include "simulation/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace parley::simulation;

struct options {
    std::vector<std::uint64_t> seeds;
    bool trace = false;
    bool partial = false; // not every fault has to occur
    bool first = false;   // ends with the first that fails
    unsigned jobs = 1;
};

[[noreturn]] void usage() {
    fmt::print(stderr, "simulation --seeds N --from S [--trace] [--jobs N] [--partial] [--first]\n"
                       "simulation --replay FILE\n"
                       "  --trace    prints everything that happens\n"
                       "  --jobs     seeds at the same time\n"
                       "  --partial  does not ask for every fault to have occurred\n"
                       "  --first    ends with the first seed that fails\n"
                       "  --replay   the seeds in that file, one a line; # begins a comment\n");
    std::exit(2);
}

std::vector<std::uint64_t> seeds_in(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file);
    std::vector<std::uint64_t> out;
    for (std::string line; std::getline(in, line);) {
        line = line.substr(0, line.find('#'));
        if (line.find_first_not_of(" \t") != std::string::npos) out.push_back(std::stoull(line));
    }
    return out;
}

options parse(const std::vector<std::string>& arguments) {
    options out;
    std::uint64_t from = 1, count = 0;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& name = arguments[i];
        if (name == "--trace") {
            out.trace = true;
        } else if (name == "--partial") {
            out.partial = true;
        } else if (name == "--first") {
            out.first = true;
        } else {
            if (++i == arguments.size()) usage();
            if (name == "--seeds")
                count = std::stoull(arguments[i]);
            else if (name == "--from")
                from = std::stoull(arguments[i]);
            else if (name == "--jobs")
                out.jobs = static_cast<unsigned>(std::stoul(arguments[i]));
            else if (name == "--replay") {
                out.seeds = seeds_in(arguments[i]);
                out.partial = true;
            } else
                usage();
        }
    }
    for (std::uint64_t i = 0; i < count; ++i)
        out.seeds.push_back(from + i);
    return out;
}

class all_of_them {
public:
    explicit all_of_them(const options& with) : options_(with) {}

    int run() {
        std::vector<std::thread> others;
        const auto jobs = options_.trace ? 1u : std::max(options_.jobs, 1u);
        for (unsigned i = 1; i < jobs; ++i)
            others.emplace_back([this] { work(); });
        work();
        for (auto& one : others)
            one.join();
        fmt::print("{}{} seeds, {} failed\n", seen_.table(), options_.seeds.size(), failed_);
        if (!options_.partial && failed_ == 0 && !seen_.every_fault()) {
            fmt::print("a fault never occurred\n");
            return 1;
        }
        return failed_ == 0 ? 0 : 1;
    }

private:
    void work() {
        for (auto i = next_++; i < options_.seeds.size(); i = next_++)
            report(simulate(options_.seeds[i], options_.trace));
    }

    void report(const result_of_seed& one) {
        const std::lock_guard lock(mutex_);
        seen_.add(one.seen);
        if (options_.trace) fmt::print("seed {}\n{}", one.seed, one.trace);
        if (!one.broken) return;
        ++failed_;
        if (options_.first) next_ = options_.seeds.size();
        fmt::print("seed {} failed: {}\n  simulation --seeds 1 --from {} --trace\n", one.seed,
                   *one.broken, one.seed);
        std::fflush(stdout);
    }

    const options options_;
    std::atomic<std::size_t> next_{0};
    std::mutex mutex_; // guards what is below
    coverage seen_;
    std::size_t failed_ = 0;
};

} // namespace

int main(int count, char** arguments) {
    try {
        return all_of_them(parse({arguments + 1, arguments + count})).run();
    } catch (const std::exception& thrown) {
        fmt::print(stderr, "{}\n", thrown.what());
        return 2;
    }
}
