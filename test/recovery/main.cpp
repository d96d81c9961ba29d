// How soon sessions are back after an outage: recovery_figures [--rounds N]
//
// Eight clients lose their sessions at the same moment, and each tries to come back by itself. Time
// is simulated, and each client has its own chance, so that the figures are those of the policy and
// the same on every machine.

#include <parley/chat_client.hpp>

#include "support/scripted_transport.hpp"
#include "support/test_environment.hpp"
#include "testing/frames.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t sessions = 8;

/// One client, from its ready session through the outage to the next.
class outage {
public:
    outage(std::uint64_t seed, std::chrono::seconds length, bool ticket_forgotten)
        : length_(length), forgotten_(ticket_forgotten) {
        environment_->seed_jitter(seed);
        environment_->set_transports(transports_);
        for (int n = 0; n < 20; ++n)
            environment_->http->answer_ticket("ticket-" + std::to_string(n), 1h);
        transports_->otherwise([this](scripted_connection& next) { script(next); });
    }

    /// From the server's return to the ready session.
    milliseconds time_to_recover() {
        chat_client_config config;
        config.server_url = "wss://chat.example";
        chat_client client(io_.get_executor(), config, environment_);
        bool opened = false;
        asio::co_spawn(io_, client.init(), [&opened](const std::exception_ptr& thrown) {
            if (thrown) std::rethrow_exception(thrown);
            opened = true;
        });
        settle();
        if (!opened) throw std::logic_error("the first session did not open");
        back_at_ = environment_->time->now() + length_;
        transports_->last().fail_read(errc::connection_reset);
        settle();
        while (!client.is_connected()) {
            if (!environment_->time->advance_to_next()) throw std::logic_error("nobody waits");
            settle();
        }
        const auto took = environment_->time->now() - back_at_;
        return std::chrono::duration_cast<milliseconds>(took);
    }

private:
    void settle() {
        io_.restart();
        io_.poll();
    }

    // What the server makes of the next connection.
    void script(scripted_connection& next) {
        const bool away = environment_->time->now() < back_at_;
        if (away)
            next.refuse(errc::connect_failed);
        else if (back_at_ != time_point::min() && std::exchange(forgotten_, false))
            next.refuse_status(401); // the ticket of before
        else
            next.reply(testing::frames::session_established());
    }

    asio::io_context io_;
    std::shared_ptr<test_environment> environment_ = test_environment::make();
    std::shared_ptr<scripted_transports> transports_ =
        std::make_shared<scripted_transports>(environment_->time);
    const std::chrono::seconds length_;
    bool forgotten_;
    time_point back_at_ = time_point::min();
};

milliseconds median(std::vector<milliseconds> all) {
    std::ranges::sort(all);
    return all[all.size() / 2];
}

double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

/// Prints a row, and returns the longest time of all.
milliseconds measure(std::chrono::seconds length, bool forgotten, std::size_t rounds) {
    std::vector<milliseconds> each, slowest;
    for (std::size_t round = 0; round < rounds; ++round) {
        milliseconds last{0};
        for (std::size_t n = 0; n < sessions; ++n) {
            outage one(round * sessions + n + 1, length, forgotten);
            each.push_back(one.time_to_recover());
            last = std::max(last, each.back());
        }
        slowest.push_back(last);
    }
    const auto longest = std::ranges::max(slowest);
    fmt::print("| {} s | {} | {:.1f} | {:.1f} | {:.1f} |\n", length.count(),
               forgotten ? "forgotten" : "known", seconds(median(each)), seconds(median(slowest)),
               seconds(longest));
    return longest;
}

std::size_t rounds_of(int count, char** words) {
    std::size_t rounds = 250;
    if (count == 3 && std::string_view(words[1]) == "--rounds") {
        const std::string_view number(words[2]);
        std::from_chars(number.data(), number.data() + number.size(), rounds);
    }
    return std::max<std::size_t>(rounds, 1);
}

} // namespace

int main(int count, char** words) {
    const auto rounds = rounds_of(count, words);
    fmt::print("{} rounds of {} sessions; seconds from the server's return to the ready session\n\n"
               "| outage | held ticket | median | slowest of {}, median | longest of all |\n"
               "| --- | --- | --- | --- | --- |\n",
               rounds, sessions, sessions);
    bool in_time = true;
    for (const auto length : {3s, 10s, 30s})
        for (const bool forgotten : {false, true}) {
            // The wait that is on when the server returns; a forgotten ticket adds none.
            in_time = measure(length, forgotten, rounds) <= 30s && in_time;
        }
    if (!in_time) fmt::print("\na session was away for longer than its backoff explains\n");
    return in_time ? EXIT_SUCCESS : EXIT_FAILURE;
}
