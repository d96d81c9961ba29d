#include "support/catch.hpp"
#include "support/enumerators.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace telemetry_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using labels = std::map<std::string, std::string>;

labels labels_of(const metric_series& one) {
    labels all;
    for (const auto& label : one.labels)
        all.emplace(label.name, label.value);
    return all;
}

metric_family family(const telemetry& of, const std::string& name) {
    for (auto& one : of.collect())
        if (one.name == name) return one;
    FAIL("there is no " << name);
    return {};
}

metric_series series(const telemetry& of, const std::string& name, const labels& with = {}) {
    const auto all = family(of, name).series;
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return labels_of(one) == with; });
    REQUIRE(found != all.end());
    return *found;
}

double value(const telemetry& of, const std::string& name, const labels& with = {}) {
    return series(of, name, with).value;
}

/// How many values lie in each bucket alone.
std::vector<std::uint64_t> in_each(const metric_series& one) {
    auto each = one.buckets;
    for (auto at = each.size() - 1; at > 0; --at)
        each[at] -= each[at - 1];
    return each;
}

/// A client, as far as its messages go.
class counting_source final : public telemetry_source {
public:
    explicit counting_source(const telemetry& of) : telemetry_source(of.implementation()) {
        enter();
    }
    ~counting_source() { leave(); }
    void add_counters(metric_readings& to) const noexcept override {
        to.add<metric::messages>(received, direction::received);
    }
    void add_gauges(metric_readings& to) const noexcept override {
        to.add<metric::sessions>(1, websocket_state::ready);
    }

    std::atomic<std::uint64_t> received{0};
};

/// An expiry at that second.
class expiring_source final : public telemetry_source {
public:
    expiring_source(const telemetry& of, int second)
        : telemetry_source(of.implementation()), second_(second) {
        enter();
    }
    ~expiring_source() { leave(); }
    void add_counters(metric_readings&) const noexcept override {}
    void add_gauges(metric_readings& to) const noexcept override {
        to.add_expiry(std::chrono::system_clock::time_point(std::chrono::seconds(second_)));
    }

private:
    const int second_;
};

template <class Enum>
void check_label(metric what, std::size_t at, std::size_t left_out = 0) {
    const auto& label = description_of(what).labels[at];
    INFO(label.name);
    CHECK(label.count + left_out == enumerators<Enum>().size());
}

} // namespace

TEST_CASE("telemetry: every series exists with the value 0 from the start", "[unit][telemetry]") {
    const telemetry counted;

    std::size_t all = 0;
    for (const auto& family : counted.collect())
        for (const auto& one : family.series) {
            INFO(family.name);
            CHECK(one.value == (family.name == "parley_build_info" ? 1 : 0));
            CHECK(std::all_of(one.buckets.begin(), one.buckets.end(),
                              [](auto count) { return count == 0; }));
            CHECK(one.buckets.size() == (family.bounds.empty() ? 0 : family.bounds.size() + 1));
            ++all;
        }
    CHECK(all > 100);
}

TEST_CASE("telemetry: the names follow the conventions, and no two series are the same",
          "[unit][telemetry]") {
    const telemetry counted;

    std::set<std::string> names;
    for (const auto& family : counted.collect()) {
        INFO(family.name);
        CHECK(family.name.starts_with("parley_"));
        CHECK(family.name.ends_with("_total") == (family.type == metric_type::counter));
        CHECK(family.bounds.empty() == (family.type != metric_type::histogram));
        CHECK(std::is_sorted(family.bounds.begin(), family.bounds.end()));
        CHECK_FALSE(family.help.empty());
        CHECK(names.insert(family.name).second);
        std::set<labels> seen;
        for (const auto& one : family.series)
            CHECK(seen.insert(labels_of(one)).second);
    }
}

TEST_CASE("telemetry: a label has every enumerator of its enumeration", "[unit][telemetry]") {
    check_label<ticket_reason>(metric::ticket_requests, 0);
    check_label<request_result>(metric::ticket_requests, 1);
    check_label<authentication_source>(metric::authentication_failures, 0);
    check_label<attempt_kind>(metric::connect_attempts, 0);
    check_label<attempt_result>(metric::connect_attempts, 1);
    check_label<phase>(metric::connect_attempts, 2, 2); // none and closing are none of an attempt
    check_label<phase>(metric::connect_duration, 0, 3);
    check_label<loss_reason>(metric::connections_lost, 0);
    check_label<websocket_state>(metric::sessions, 0);
    check_label<send_outcome>(metric::sends, 0);
    check_label<direction>(metric::messages, 0);
    check_label<direction>(metric::bytes, 0);
    check_label<skip_reason>(metric::messages_skipped, 0);
    check_label<run_result>(metric::run_duration, 0);
    check_label<tool_outcome>(metric::tool_duration, 1);
}

TEST_CASE("telemetry: a counter grows in the series of its labels alone", "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();

    to.count<metric::connect_attempts>(2, attempt_kind::reconnect, attempt_result::failed,
                                       phase::tls);

    const std::string name = "parley_connect_attempts_total";
    CHECK(value(counted, name, {{"kind", "reconnect"}, {"result", "failed"}, {"phase", "tls"}}) ==
          2);
    double all = 0;
    for (const auto& family : counted.collect())
        for (const auto& one : family.series)
            all += one.value;
    CHECK(all == 3); // with build_info
}

TEST_CASE("telemetry: the first and the last series of a metric are its own", "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();

    to.count<metric::ticket_requests>(1, ticket_reason::first, request_result::succeeded);
    to.count<metric::ticket_requests>(2, ticket_reason::requested, request_result::cancelled);

    const auto all = family(counted, "parley_ticket_requests_total").series;
    CHECK(all.front().value == 1);
    CHECK(all.back().value == 2);
    CHECK(labels_of(all.front()) == labels{{"reason", "first"}, {"result", "succeeded"}});
    CHECK(labels_of(all.back()) == labels{{"reason", "requested"}, {"result", "cancelled"}});
}

TEST_CASE("telemetry: a bound belongs to its bucket, and what is above it does not",
          "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();

    to.observe<metric::heartbeat_round_trip>(0ns);
    to.observe<metric::heartbeat_round_trip>(5ms);
    to.observe<metric::heartbeat_round_trip>(5ms + 1ns);
    to.observe<metric::heartbeat_round_trip>(10s);
    to.observe<metric::heartbeat_round_trip>(10s + 1us);

    const auto seen = series(counted, "parley_heartbeat_round_trip_seconds");
    CHECK(in_each(seen) == std::vector<std::uint64_t>{2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1});
    CHECK(seen.buckets.back() == 5);
    CHECK(std::lround(seen.value * 1e6) == 20'010'002);
}

TEST_CASE("telemetry: a clock that goes back, and times beyond all bounds, are bounded",
          "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();

    to.observe<metric::outage_duration>(-1h);
    to.observe<metric::outage_duration>(std::chrono::nanoseconds::min());
    to.observe<metric::outage_duration>(std::chrono::nanoseconds::max());

    const auto seen = series(counted, "parley_outage_duration_seconds");
    CHECK(in_each(seen).front() == 2);
    CHECK(in_each(seen).back() == 1);
    CHECK(seen.value == 365.0 * 24 * 3'600);
}

TEST_CASE("telemetry: of 10,000 names of tools 100 have series, the others are one",
          "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();

    for (int i = 0; i < 10'000; ++i) {
        const auto name = "tool " + std::to_string(i);
        to.register_tool(name);
        to.register_tool(name);
        to.observe_tool(name, tool_outcome::succeeded, 15ms);
    }

    const std::string name = "parley_tool_duration_seconds";
    CHECK(family(counted, name).series.size() == 101 * enumerators<tool_outcome>().size());
    const labels first{{"tool", "tool 0"}, {"outcome", "succeeded"}};
    CHECK(in_each(series(counted, name, first))[1] == 1);
    const labels others{{"tool", "_OTHER"}, {"outcome", "succeeded"}};
    CHECK(series(counted, name, others).buckets.back() == 9'900);
}

TEST_CASE("telemetry: the name of a tool is a label as it is, or else it is an other",
          "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();
    const std::string quoted = "a \"quoted\"\nname\\", broken = "a\xff";

    for (const auto& name : {quoted, broken, std::string(129, 'a'), std::string("_OTHER")}) {
        to.register_tool(name);
        to.observe_tool(name, tool_outcome::failed, 0ms);
    }
    to.observe_tool("never registered", tool_outcome::failed, 0ms);

    const std::string name = "parley_tool_duration_seconds";
    CHECK(family(counted, name).series.size() == 2 * enumerators<tool_outcome>().size());
    CHECK(series(counted, name, {{"tool", quoted}, {"outcome", "failed"}}).buckets.back() == 1);
    CHECK(series(counted, name, {{"tool", "_OTHER"}, {"outcome", "failed"}}).buckets.back() == 4);
}

TEST_CASE("telemetry: what a source has counted stays when it goes, and its state does not",
          "[unit][telemetry]") {
    const telemetry counted;
    auto first = std::make_unique<counting_source>(counted);
    auto second = std::make_unique<counting_source>(counted);
    first->received = 3;
    second->received = 4;

    CHECK(value(counted, "parley_messages_total", {{"direction", "received"}}) == 7);
    CHECK(value(counted, "parley_sessions", {{"state", "ready"}}) == 2);

    first.reset();
    CHECK(value(counted, "parley_messages_total", {{"direction", "received"}}) == 7);
    CHECK(value(counted, "parley_sessions", {{"state", "ready"}}) == 1);
    second.reset();
    CHECK(value(counted, "parley_messages_total", {{"direction", "received"}}) == 7);
    CHECK(value(counted, "parley_sessions", {{"state", "ready"}}) == 0);
}

TEST_CASE("telemetry: a source may outlive it", "[unit][telemetry]") {
    auto counted = std::make_unique<telemetry>();
    const auto numbers = counted->implementation();
    counting_source source(*counted);
    counted.reset();

    source.received = 1;
    CHECK_FALSE(numbers->collect().empty());
}

TEST_CASE("telemetry: the earliest expiry of a ticket counts", "[unit][telemetry]") {
    const telemetry counted;
    const std::string name = "parley_ticket_expiry_timestamp_seconds";
    const expiring_source late(counted, 2'000);
    {
        const expiring_source early(counted, 1'000);
        CHECK(value(counted, name) == 1'000);
    }
    CHECK(value(counted, name) == 2'000);
}

TEST_CASE("telemetry: no counter falls while eight threads count, come and go",
          "[unit][telemetry][threads]") {
    const telemetry counted;
    auto& to = *counted.implementation();
    constexpr int each = 200;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread)
        threads.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                counting_source client(counted);
                client.received = 5;
                const auto name = "tool " + std::to_string((i + thread) % 150);
                to.register_tool(name);
                to.observe_tool(name, tool_outcome::succeeded, 1ms);
                to.count<metric::ticket_joins>(1);
            }
        });

    double received = 0;
    bool fell = false;
    for (int i = 0; i < 50; ++i) {
        const auto now = value(counted, "parley_messages_total", {{"direction", "received"}});
        fell = fell || now < received;
        received = now;
    }
    for (auto& thread : threads)
        thread.join();

    CHECK_FALSE(fell);
    CHECK(value(counted, "parley_messages_total", {{"direction", "received"}}) == 8 * each * 5);
    CHECK(value(counted, "parley_ticket_joins_total") == 8 * each);
    std::uint64_t calls = 0;
    for (const auto& one : family(counted, "parley_tool_duration_seconds").series)
        calls += one.buckets.back();
    CHECK(calls == 8 * each);
}

TEST_CASE("telemetry: the numbers of all metrics fit in a few KiB", "[unit][telemetry]") {
    CHECK(sizeof(metric_readings) <= 4'096);
}

} // namespace telemetry_test
