// Many sessions in one process, a server that harms them in another, and everything at random:
// load_test --sessions N --seconds S [--seed X]. Says what was broken, and exits with 1.

#include "load/server.hpp"
#include "load/user.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace parley::load;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct settings {
    unsigned sessions = 100;
    unsigned seconds = 10;
    unsigned seed = 1;
};

settings parse(const std::vector<std::string>& words) {
    settings out;
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        const auto value = static_cast<unsigned>(std::stoul(words[i + 1]));
        if (words[i] == "--sessions")
            out.sessions = value;
        else if (words[i] == "--seconds")
            out.seconds = value;
        else if (words[i] == "--seed")
            out.seed = value;
        else
            throw std::invalid_argument("load_test --sessions N --seconds S [--seed X]");
    }
    return out;
}

/// But for pipes, which we open none of: ThreadSanitizer talks through two with its symbolizer.
std::size_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::count_if(begin(all), end(all), [](const auto& each) {
        std::error_code gone; // the directory itself is open while it is read
        return !std::filesystem::read_symlink(each, gone).native().starts_with("pipe:") && !gone;
    }));
}

double resident_mib() {
    std::ifstream statm("/proc/self/statm");
    double all = 0;
    double held = 0;
    statm >> all >> held;
    return held * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// Both ends of what is said of each message agree.
void compare(const server_tally& there, findings& here) {
    const auto said = here.messages();
    for (const auto& [number, times] : there.messages) {
        if (times > 1) here.broke("I8", fmt::format("{} arrived {} times", number, times));
        const auto known = said.find(number);
        if (known == said.end())
            here.broke("I8", fmt::format("{} arrived, and nobody sent it", number));
        else if (known->second == told::not_sent)
            here.broke("I8", fmt::format("{} arrived, and its sender was told not_sent", number));
    }
    for (const auto& [number, what] : said)
        if (what == told::answered && !there.messages.contains(number))
            here.broke("I8", fmt::format("{} was answered, and never arrived", number));
}

class run_of_load {
public:
    explicit run_of_load(const settings& with) : with_(with), server_(with.seed, with.sessions) {}

    bool run() {
        const auto began = steady::now();
        const auto idle_descriptors = descriptors();
        {
            boost::asio::io_context io;
            start(io, began + std::chrono::seconds(with_.seconds));
            std::vector<std::thread> threads;
            for (int i = 0; i < 2; ++i)
                threads.emplace_back([&io] { io.run(); });
            std::thread watch([this, began] { watch_memory(began); });
            for (auto& one : threads)
                one.join(); // I4: the context runs out of work
            over_ = true;
            watch.join();
        }
        if (left_ > 0) found_->broke("I1", fmt::format("{} users never ended", left_.load()));
        if (descriptors() != idle_descriptors)
            found_->broke(
                "I4", fmt::format("{} descriptors, {} before", descriptors(), idle_descriptors));
        // What was said of each message is kept here, some 50 bytes each.
        const double kept = static_cast<double>(found_->messages().size()) * 64 / (1 << 20);
        if (most_after_ > 1.25 * most_before_ + kept + 16)
            found_->broke("I6",
                          fmt::format("{:.0f} MiB, {:.0f} before", most_after_, most_before_));
        const auto seen = server_.tally();
        compare(seen, *found_);
        if (seen.violations > 0) found_->broke("protocol", seen.first_violation);
        if (seen.internal_errors > 0) found_->broke("server", "it failed inside");
        report(seen, steady::now() - began);
        return found_->broken == 0;
    }

private:
    void start(boost::asio::io_context& io, steady::time_point until) {
        server_.harm(true);
        for (unsigned i = 1; i <= with_.sessions; ++i) {
            auto one = std::make_shared<user>(io.get_executor(), server_.url(), i, found_);
            ++left_;
            boost::asio::co_spawn(one->strand(), user::live(one, until),
                                  [this](const std::exception_ptr& thrown) {
                                      if (thrown) found_->broke("I1", "a user's call threw");
                                      --left_;
                                  });
        }
    }

    /// After half of the time there is what there will be.
    void watch_memory(steady::time_point began) {
        const auto half = began + std::chrono::seconds(with_.seconds) / 2;
        const auto last = began + std::chrono::seconds(with_.seconds);
        while (!over_ && steady::now() < last) {
            std::this_thread::sleep_for(200ms);
            auto& most = steady::now() < half ? most_before_ : most_after_;
            most = std::max(most, resident_mib());
        }
        server_.harm(false);
    }

    void report(const server_tally& seen, steady::duration took) {
        std::size_t outcomes[5] = {};
        for (const auto& [number, what] : found_->messages())
            ++outcomes[static_cast<std::size_t>(what)];
        fmt::print("{} sessions, {} s: {} operations, {} of them failed as they should; "
                   "{} connections lost, {} tools run\n",
                   with_.sessions, std::chrono::duration_cast<std::chrono::seconds>(took).count(),
                   found_->operations.load(), found_->failures.load(), found_->losses.load(),
                   found_->tools.load());
        fmt::print(
            "messages: {} answered, {} sent, {} not sent, {} unconfirmed, {} ended otherwise; "
            "{} arrived\n",
            outcomes[1], outcomes[2], outcomes[3], outcomes[4], outcomes[0], seen.messages.size());
        fmt::print("the server: {} sessions, {} requests for tickets, {} faults\n", seen.sessions,
                   seen.ticket_requests, seen.faults);
        fmt::print("the slowest operation took {} ms; memory {:.0f} MiB in the first half, {:.0f} "
                   "MiB after\n",
                   found_->slowest_ms.load(), most_before_, most_after_);
        for (const auto& one : found_->first_broken())
            fmt::print("BROKEN {}\n", one);
        for (const auto& [invariant, times] : found_->broken_by_invariant())
            fmt::print("{} was broken {} times\n", invariant, times);
        fmt::print("{} promises broken\n", found_->broken.load());
    }

    const settings with_;
    server_process server_; // before any thread
    const std::shared_ptr<findings> found_ = std::make_shared<findings>();
    std::atomic<unsigned> left_{0};
    std::atomic<bool> over_{false};
    double most_before_ = 0;
    double most_after_ = 0;
};

} // namespace

int main(int count, char** arguments) {
    try {
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
        return run_of_load(parse({arguments + 1, arguments + count})).run() ? 0 : 1;
    } catch (const std::exception& thrown) {
        fmt::print(stderr, "{}\n", thrown.what());
        return 2;
    }
}
