// Every scenario through the whole public path of the library.

#include "client/client.hpp"

#include <cstdio>
#include <map>
#include <stdexcept>

int main(int count, char** words) {
    using namespace bench;
    const std::map<std::string_view, void (*)(const task&, outcome&)> scenarios = {
        {"stream", run_stream},           {"stream-varied", run_stream},
        {"stream-tls", run_stream},       {"stream-deflate", run_stream},
        {"allocations", run_stream},      {"ping-pong", run_ping_pong},
        {"tool-call", run_tool_call},     {"connect", run_connect},
        {"connect-500", run_connect},     {"memory", run_memory},
        {"memory-tls", run_memory},       {"scale", run_scale},
        {"restart-1000", run_restart},    {"single-flight", run_single_flight},
        {"held-ticket", run_held_ticket}, {"ticket-refresh", run_refresh},
        {"decode", run_decode},           {"stream-telemetry", run_stream},
        {"memory-telemetry", run_memory},
    };
    try {
        const auto asked = task::from(count, words);
        const auto found = scenarios.find(asked.scenario);
        if (found == scenarios.end()) throw std::runtime_error("no such scenario");
        outcome said;
        found->second(asked, said);
        said.print();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
