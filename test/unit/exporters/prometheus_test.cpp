#include <parley/prometheus.hpp>

#include "support/catch.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <memory>
#include <string>

namespace prometheus_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("prometheus: the text has every family, with help and type", "[unit][telemetry]") {
    const telemetry counted;
    const auto text = prometheus_text(counted);

    for (const auto& family : counted.collect()) {
        INFO(family.name);
        CHECK(has_line(text, "# HELP " + family.name + " " + family.help));
        CHECK(has_line(text, "# TYPE " + family.name + " " + std::string(to_string(family.type))));
    }
}

TEST_CASE("prometheus: counters, gauges and histograms have their series", "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();
    to.count<metric::ticket_requests>(3, ticket_reason::renewal, request_result::failed);
    to.observe<metric::heartbeat_round_trip>(30ms);
    to.observe<metric::heartbeat_round_trip>(1min);
    const auto text = prometheus_text(counted);

    CHECK(has_line(text, R"(parley_ticket_requests_total{reason="renewal",result="failed"} 3)"));
    CHECK(has_line(text, R"(parley_ticket_requests_total{reason="first",result="succeeded"} 0)"));
    CHECK(has_line(text, R"(parley_sessions{state="ready"} 0)"));
    const std::string name = "parley_heartbeat_round_trip_seconds";
    CHECK(has_line(text, name + R"(_bucket{le="0.025"} 0)"));
    CHECK(has_line(text, name + R"(_bucket{le="0.05"} 1)"));
    CHECK(has_line(text, name + R"(_bucket{le="10"} 1)"));
    CHECK(has_line(text, name + R"(_bucket{le="+Inf"} 2)"));
    CHECK(has_line(text, name + "_count 2"));
    CHECK(has_line(text, name + "_sum 60.03"));
}

TEST_CASE("prometheus: the name of a tool is escaped", "[unit][telemetry]") {
    const telemetry counted;
    auto& to = *counted.implementation();
    const std::string name = "a \"quoted\"\nname\\";
    to.register_tool(name);
    to.observe_tool(name, tool_outcome::succeeded, 0ms);

    CHECK(has_line(
        prometheus_text(counted),
        R"(parley_tool_duration_seconds_count{tool="a \"quoted\"\nname\\",outcome="succeeded"} 1)"));
}

TEST_CASE("prometheus: the collectable shows what has been counted when it is collected",
          "[unit][telemetry]") {
    auto counted = std::make_shared<telemetry>();
    const auto numbers = counted->implementation();
    const auto collected = prometheus_collectable(std::move(counted));
    const auto joins = [&collected] {
        for (const auto& family : collected->Collect())
            if (family.name == "parley_ticket_joins_total")
                return family.metric.front().counter.value;
        return -1.0;
    };

    CHECK(joins() == 0);
    numbers->count<metric::ticket_joins>(1);
    CHECK(joins() == 1);
}

} // namespace prometheus_test
