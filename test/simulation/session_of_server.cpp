// A session: its opening, its heartbeats, and what goes wrong in it.

#include "simulation/model_server.hpp"

#include <fmt/format.h>

#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

const std::vector<std::string> malformed{
    "",
    "hello",
    "[]",
    "null",
    "42",
    "{",
    R"({"type":null})",
    R"({"type":7})",
    R"({"no":"type"})",
    R"({"type":"tomorrow"})",
    R"({"type":"chat_event"})",
    R"({"type":"chat_event","event":"later","data":{}})",
    R"({"type":"chat_event","event":"content-delta","data":{"delta":5}})",
    R"({"type":"chat_event","event":"provider-event","data":{"type":"dream"}})",
    R"({"type":"tool_call_request"})",
    R"({"type":"tool_call_request","toolName":"t0","parameters":{}})",
    R"({"type":"thread_created","data":{}})",
};

} // namespace

void model_server::send(const session_ptr& s, std::string text) {
    const bool twice = s->acknowledged && world_.happens(fault::duplicate_message, 0.6);
    s->wire->send(text);
    if (twice) s->wire->send(std::move(text));
}

void model_server::opened(std::shared_ptr<peer> by) {
    ++world_.seen.sessions;
    const auto s = std::make_shared<session>();
    s->wire = std::move(by);
    sessions_[s->wire->number()] = s;
    if (world_.happens(fault::session_silent, 3)) return;
    if (world_.happens(fault::stray_message, 2)) send_stray(s);
    soon(s, world_.faults.ms(1, 300), [this](const session_ptr& to) { establish(to); });
}

void model_server::reject(const session_ptr& s) {
    observer_.ticket_doubted();
    observer_.session_doubted(s->wire->number());
    s->wire->send(fmt::format(R"({{"type":"authentication_error","error":"no","code":"{}"}})",
                              world_.faults.percent(50) ? "TICKET_INVALID" : "TICKET_EXPIRED"));
    s->final_said = true;
    if (world_.faults.percent(70)) s->wire->close(world_.faults.percent(50) ? 4401 : 1000);
}

void model_server::establish(const session_ptr& s) {
    if (world_.happens(fault::session_rejected, 3)) return reject(s);
    if (world_.happens(fault::session_refused, 0.4)) {
        observer_.session_doubted(s->wire->number());
        s->wire->send(R"({"type":"authentication_error","error":"never","code":"BANNED"})");
        s->final_said = true;
        return s->wire->close(4403);
    }
    s->established = true;
    s->wire->send(R"({"type":"session_established"})");
    soon(s, world_.faults.ms(5'000, 40'000), [this](const session_ptr& to) { ping(to); });
    soon(s, world_.faults.ms(1'000, 120'000), [this](const session_ptr& to) { incident(to); });
}

void model_server::ping(const session_ptr& s) {
    unsigned count = 1;
    if (world_.happens(fault::heartbeat_flood, 1)) count = 60;
    if (count > 1) s->bad = true; // beyond what is answered
    for (unsigned i = 0; i < count; ++i) {
        const auto stamp = fmt::format("2026-11-22T00:00:00.{:06}Z", ++last_);
        const auto time = world_.faults.percent(50) ? fmt::format("9007199254{:06}", last_)
                                                    : fmt::format("\"p{}\"", last_);
        s->pings[stamp] = time;
        s->wire->send(fmt::format(R"({{"type":"heartbeat_ping","timestamp":"{}","pingTime":{}}})",
                                  stamp, time));
    }
    soon(s, world_.faults.ms(20'000, 60'000), [this](const session_ptr& to) { ping(to); });
}

void model_server::send_stray(const session_ptr& s) {
    static const std::vector<std::string> frames{
        R"({"type":"session_established"})",
        R"({"type":"tools_configured","data":{"toolCount":1}})",
        R"({"type":"client_tools_updated","data":{}})",
        R"({"type":"chat_finished","uuid":"stray"})",
        R"({"type":"chat_finished","uuid":{"id":7},"data":[]})",
        R"({"type":"tools_configured","data":"all"})",
        R"({"type":"client_tools_updated","data":[]})",
        R"({"type":"heartbeat_ack","timestamp":{"s":1},"originalTimestamp":[]})",
        R"({"type":"heartbeat_ack"})",
        R"({"type":"heartbeat_ack","timestamp":"2099-01-01T00:00:00Z","originalTimestamp":"x"})",
        R"({"type":"configure_tools","data":{"toolSchemas":[],"contextHelpers":{}}})",
        R"({"type":"error","error":"something","data":{"errorCode":"E"}})",
        R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-end"}})",
        R"({"type":"ui_component","toolCallId":"u","componentName":"c","props":{}})",
    };
    const auto& one = world_.faults.pick(frames);
    // What begins an opening, or asks for the tools, is no stray before the session is established.
    const bool opens = one.find("session_established") != std::string::npos ||
                       one.find("configure_tools") != std::string::npos;
    if (opens && !s->established) return;
    if (one.find("configure_tools") != std::string::npos) s->reconfigured = true;
    // Where the acknowledgement that was due stays away, this is one: also of tools that the client
    // is still writing.
    if (one.find("tools_configured") != std::string::npos)
        (s->configured > 0 ? s->acknowledged : s->acknowledged_early) = true;
    s->wire->send(one);
}

void model_server::incident(const session_ptr& s) {
    trouble(s);
    soon(s, world_.faults.ms(5'000, 240'000), [this](const session_ptr& to) { incident(to); });
}

void model_server::trouble(const session_ptr& s) {
    static const std::vector<unsigned> codes{1000, 1001, 1001, 1002, 1003, 1005, 1006, 1007,
                                             1008, 1009, 1011, 1011, 1012, 1012, 1013, 1014,
                                             3000, 4000, 4401, 4403, 4500, 4999};
    switch (world_.faults.below(9)) {
    case 0:
        if (world_.inflict(fault::malformed_message)) s->wire->send(world_.faults.pick(malformed));
        return;
    case 1:
        if (world_.inflict(fault::binary_message)) s->wire->send_binary(world_.faults.below(500));
        return;
    case 2:
        if (world_.inflict(fault::stray_message)) send_stray(s);
        return;
    case 3: {
        if (world_.faults.percent(40) || !world_.inflict(fault::close_with_code)) return;
        const auto code = world_.faults.pick(codes);
        if (code == 1008 || code == 4401 || code == 4403) observer_.ticket_doubted();
        s->final_said = true;
        closed_too_large_ = closed_too_large_ || code == 1009;
        return s->wire->close(code);
    }
    case 4:
        if (world_.faults.percent(60) || !world_.inflict(fault::close_unfinished)) return;
        s->final_said = true;
        return s->wire->begin_close();
    case 5:
        if (world_.faults.percent(60) && world_.inflict(fault::reset_while_reading))
            s->wire->reset();
        return;
    case 6:
        if (world_.faults.percent(30) && world_.inflict(fault::half_open)) s->wire->freeze();
        return;
    case 7:
        if (!s->acknowledged || !world_.inflict(fault::tool_burst)) return;
        for (int i = 0; i < 12; ++i)
            call_tool(s);
        return;
    default:
        if (s->acknowledged) repeat_call(s);
    }
}

} // namespace parley::simulation
