// Prints metrics as Prometheus reads them, among them names of tools that need to be escaped.

#include <parley/prometheus.hpp>

#include "telemetry/telemetry_impl.hpp"

#include <chrono>
#include <iostream>
#include <string_view>

int main() {
    using namespace parley;
    const telemetry counted;
    auto& to = *counted.implementation();
    for (const std::string_view name : {"weather", "a \"quoted\"\nname\\", "über", "\xff"}) {
        to.register_tool(name);
        to.observe_tool(name, tool_outcome::succeeded, std::chrono::milliseconds(30));
    }
    to.observe<metric::outage_duration>(std::chrono::hours(100));
    to.count<metric::ticket_joins>(3);
    std::cout << prometheus_text(counted);
}
