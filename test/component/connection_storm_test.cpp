// What a struggling server sees of us: attempts that are few, spread, and paired with their events
// (doc/protocol.md 3.3, doc/pitfalls.md P58). Hours of simulated time.

#include "support/catch.hpp"
#include "support/connection_case.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

namespace connection_storm_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using events = std::vector<std::string>;

namespace {

/// Many clients of one server, each with its own socket, in one simulated world.
class crowd {
public:
    explicit crowd(std::size_t size) {
        for (std::size_t n = 0; n < size; ++n) {
            auto& one = clients.emplace_back();
            one.transports = std::make_shared<scripted_transports>(environment->time);
            environment->set_transports(one.transports);
            const asio::any_io_executor strand = asio::make_strand(io.get_executor());
            connection_options options;
            options.server_url = "wss://chat.example";
            one.layer = std::make_shared<test_layer>();
            one.socket = std::make_shared<websocket_manager::impl>(strand, environment, options);
            one.layer->link = one.socket.get();
            one.layer->changed = std::make_unique<condition>(strand, environment->time);
            one.socket->attach(one.layer);
            one.transports->otherwise([this](scripted_connection& next) {
                attempts.push_back(environment->time->now());
                if (!up) next.refuse(errc::connect_failed);
            });
            one.opening = start(strand, one.socket->open(environment->time->now() + 30s));
        }
        environment->seed_jitter(2'026);
        poll(io);
        attempts.clear(); // the openings
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() {
        for (auto& one : clients)
            one.socket->abandon();
        poll(io);
    }

    struct client {
        std::shared_ptr<scripted_transports> transports;
        std::shared_ptr<test_layer> layer;
        std::shared_ptr<websocket_manager::impl> socket;
        std::optional<started<void>> opening;
    };

    std::size_t ready() const {
        return static_cast<std::size_t>(std::count_if(
            clients.begin(), clients.end(), [](const client& one) { return one.socket->ready(); }));
    }

    asio::io_context io;
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::vector<time_point> attempts; // when, of all
    bool up = true;
    std::vector<client> clients;
};

/// The largest distance between the samples' distribution and the uniform one on [0, 1).
double distance_from_uniform(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    double worst = 0;
    const auto count = static_cast<double>(samples.size());
    for (std::size_t n = 0; n < samples.size(); ++n) {
        const auto rank = static_cast<double>(n);
        worst = std::max({worst, samples[n] - rank / count, (rank + 1) / count - samples[n]});
    }
    return worst;
}

/// Checks that the events are `(lost reconnecting* (restored | failed))*`, where a loss that is
/// final is followed by `failed` at once, and the attempts are counted up within a loss.
bool paired(const std::vector<connection_event>& happenings) {
    bool lost = false;
    bool final = false;
    for (const auto& one : happenings) {
        if (const auto* loss = std::get_if<connection_lost>(&one)) {
            if (lost) return false;
            lost = true;
            final = !loss->will_reconnect;
        } else if (!lost) {
            return false;
        } else if (std::holds_alternative<connection_failed>(one)) {
            lost = false;
        } else if (final) {
            return false;
        } else if (std::holds_alternative<connection_restored>(one)) {
            lost = false;
        }
    }
    return !final || !lost;
}

} // namespace

TEST_CASE("connection: after a restart of the server a hundred clients come back spread",
          "[component][connection][I92]") {
    constexpr std::size_t size = 100;
    crowd all(size);
    REQUIRE(all.ready() == size);
    const auto lost_at = all.environment->time->now();

    all.up = false;
    for (auto& one : all.clients)
        one.transports->at(0).fail_read(errc::connection_reset);
    pass(all.io, *all.environment->time, 500ms);

    // The first wave: uniform in [0, 0.5 s), by a Kolmogorov-Smirnov test at 0.1 %.
    std::vector<double> first;
    for (std::size_t n = 0; n < size; ++n)
        first.push_back(std::chrono::duration<double>(all.attempts.at(n) - lost_at).count() / 0.5);
    CHECK(distance_from_uniform(first) < 1.95 / std::sqrt(static_cast<double>(size)));

    // A minute of outage: no tenth of a second sees a wave.
    pass(all.io, *all.environment->time, 59'500ms);
    std::size_t busiest = 0;
    for (auto from = all.attempts.begin(); from != all.attempts.end(); ++from) {
        const auto to = std::upper_bound(from, all.attempts.end(), *from + 100ms);
        busiest = std::max(busiest, static_cast<std::size_t>(to - from));
    }
    CHECK(busiest < size / 2);
    CHECK(all.attempts.size() < size * 12); // 0.5, 1, 2, … 30 s: seven on average in a minute

    all.up = true;
    pass(all.io, *all.environment->time, 30s);
    CHECK(all.ready() == size);
}

TEST_CASE("connection: a thousand clients are back at most three seconds after their backoff",
          "[component][connection][I92]") {
    constexpr std::size_t size = 1'000;
    crowd all(size);
    all.up = false;
    for (auto& one : all.clients)
        one.transports->at(0).fail_read(errc::connection_reset);
    pass(all.io, *all.environment->time, 20s);

    all.up = true;
    std::vector<time_point> due;
    for (const auto& one : all.clients) {
        const auto status = one.socket->status();
        REQUIRE(status.retry_at);
        due.push_back(*status.retry_at);
    }
    const auto attempts_before = all.attempts.size();
    std::size_t late = 0;
    while (all.ready() < size && late == 0) {
        pass(all.io, *all.environment->time, 500ms);
        const auto now = all.environment->time->now();
        for (std::size_t n = 0; n < size; ++n)
            if (due[n] + 3s <= now && !all.clients[n].socket->ready()) ++late;
    }
    CHECK(late == 0);
    CHECK(all.attempts.size() - attempts_before == size); // one each
}

TEST_CASE("connection: a session that dies again and again is retried no faster than the backoff",
          "[component][connection][I93]") {
    connection_case test;
    test.environment->seed_jitter(93);
    std::vector<time_point> dialed;
    test.transports->otherwise([&](auto& each) {
        dialed.push_back(test.now());
        each.after(1s).close(1001);
    });
    test.open();

    test.pass(1h);

    // After the sixth each turn is a second of session and 15 s of backoff on average.
    CHECK(dialed.size() > 150);
    CHECK(dialed.size() < 300);
    CHECK(paired(test.layer->happenings));
    CHECK(test.socket->status().attempt == dialed.size() - (test.socket->ready() ? 1 : 0));
}

TEST_CASE("connection: a server that fails in the same way for ever is retried rarely",
          "[component][connection][I94]") {
    struct row {
        const char* what;
        void (*script)(scripted_connection&);
        std::size_t at_most; // attempts in an hour
        errc why;
    };
    // 3600 s at 15 s each on average, and a few early ones; after three disagreements at 30 s and
    // then 60, 120, 150 s each.
    const auto each = GENERATE(
        row{"accepts and resets",
            [](scripted_connection& one) { one.refuse_in(phase::upgrade, errc::connection_reset); },
            280, errc::connection_reset},
        row{"fails in TLS",
            [](scripted_connection& one) { one.refuse_in(phase::tls, errc::tls_failed); }, 280,
            errc::tls_failed},
        row{"upgrades and closes with 1002", [](scripted_connection& one) { one.close(1002); }, 60,
            errc::connection_closed},
        row{"upgrades and breaks the protocol",
            [](scripted_connection& one) { one.fail_read(errc::protocol_violation); }, 60,
            errc::protocol_violation});
    CAPTURE(each.what);
    connection_case test;
    test.environment->seed_jitter(94);
    auto& first = test.transports->expect_connect();
    test.open();
    test.layer->ready_when_open = false;
    test.transports->otherwise(each.script);

    first.fail_read(errc::connection_reset);
    test.pass(1h);

    CHECK(test.transports->made() < each.at_most);
    CHECK(test.transports->made() > 10);
    CHECK(test.state() == websocket_state::waiting);
    CHECK(test.socket->status().attempt + 1 == test.transports->made() + 1);
    REQUIRE(test.socket->status().last_error);
    CHECK(test.socket->status().last_error->is(each.why));
    CHECK(paired(test.layer->happenings));
    CHECK(test.layer->events.front() == "lost(reset)"); // one loss, however many attempts
    CHECK(std::count(test.layer->events.begin(), test.layer->events.end(), "lost(reset)") == 1);
}

TEST_CASE("connection: in any sequence of faults events are paired and one attempt runs at a time",
          "[component][connection][I99][I101]") {
    for (unsigned seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto chance = [&random](unsigned of) { return static_cast<unsigned>(random() % of); };
        connection_config config;
        config.reconnect.max_attempts = chance(3) == 0 ? 3 : 0;
        connection_case test(config);
        test.environment->seed_jitter(seed);
        test.transports->otherwise([&](scripted_connection& next) {
            switch (chance(8)) {
            case 0:
                next.refuse(errc::connect_failed);
                break;
            case 1:
                next.refuse_status(chance(2) == 0 ? 401 : 503);
                break;
            case 2:
                next.hold(phase::tcp);
                break;
            case 3:
                next.after(std::chrono::milliseconds(chance(2'000))).close(1000 + chance(16));
                break;
            case 4:
                next.ignore_close().ignore_pings();
                break;
            default:
                next.after(std::chrono::milliseconds(chance(60'000)));
                next.fail_read(errc::connection_reset);
            }
        });

        std::vector<started<void>> all;
        std::optional<started<void>> opening;
        for (int step = 0; step < 40; ++step) {
            switch (chance(8)) {
            case 0: // the layer opens once at a time
                if (!opening || opening->done()) all.push_back(*(opening = test.begin_open()));
                break;
            case 1:
                all.push_back(test.begin_reconnect());
                break;
            case 2:
                all.push_back(test.begin_send("message"));
                break;
            case 3:
                test.socket->notify_network_change();
                break;
            case 4:
                if (!all.empty()) all[chance(static_cast<unsigned>(all.size()))].cancel();
                break;
            case 5:
                if (test.transports->made() > 0) test.transports->last().let_go();
                break;
            default:
                test.pass(std::chrono::milliseconds(chance(20'000)));
            }
            poll(test.io);
        }
        all.push_back(test.begin_close());
        test.pass(3s);

        CHECK(all.back().done());
        for (const auto& one : all)
            CHECK(one.done()); // I1
        CHECK(paired(test.layer->happenings));
        CHECK(test.transports->dialing_at_most() <= 1); // I11
    }
}

} // namespace connection_storm_test
