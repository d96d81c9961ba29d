// Runs: what the server says in answer to a message, and the tools that it calls.

#include "simulation/model_server.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

std::string event_frame(std::string_view event, std::string_view data) {
    return fmt::format(R"({{"type":"chat_event","event":"{}","data":{}}})", event, data);
}

} // namespace

void model_server::begin_run(const session_ptr& s) {
    if (s->waiting_runs.empty()) return;
    s->run = s->waiting_runs.front();
    s->waiting_runs.pop_front();
    s->running = true;
    s->stopping = false;
    s->paused = false;
    s->steps_left = static_cast<unsigned>(world_.faults.between(1, 14));
    next_step(s);
}

void model_server::next_step(const session_ptr& s) {
    const bool pauses = world_.faults.percent(5);
    auto delay = pauses ? world_.faults.ms(1'000, 8'000) : world_.faults.ms(0, 150);
    // One pause is shorter than the least timeouts::answer of a user; two in a row need not be.
    if (pauses && std::exchange(s->paused, true)) delay = 150ms;
    soon(s, delay, [this, run = s->run](const session_ptr& to) {
        if (to->running && to->run == run) step(to);
    });
}

std::string model_server::piece(const session_ptr& s) {
    const bool joins = std::exchange(s->cut, world_.happens(fault::text_cut, 5));
    return fmt::format(R"("{}[#{}] Zürich \"\u00fc\" \n{}")", joins ? R"(\ude80)" : "",
                       observer_.next_delta(), s->cut ? R"(\ud83d)" : "");
}

void model_server::step(const session_ptr& s) {
    if (s->stopping || s->steps_left == 0) return end_run(s);
    --s->steps_left;
    if (world_.happens(fault::run_unfinished, 0.3)) {
        s->running = false; // not a word more of it
        return;
    }
    const auto what = world_.faults.below(12);
    // These two go to next_event, also during an ask.
    if (what != 4 && what != 5) s->paused = false;
    switch (what) {
    case 0:
        send(s, event_frame("provider-event", R"({"type":"reasoning-start","id":"r"})"));
        break;
    case 1:
        send(s,
             event_frame("provider-event", R"({"type":"reasoning-delta","id":"r","text":"hm"})"));
        break;
    case 2:
        send(s, event_frame("provider-event", R"({"type":"reasoning-end","id":"r"})"));
        break;
    case 3:
        send(s,
             event_frame("provider-event",
                         R"({"type":"tool-call","toolName":"search","toolCallId":"s","args":{}})"));
        send(s, event_frame("latitude-event",
                            R"({"type":"tool-result","toolName":"search","toolCallId":"s"})"));
        break;
    case 4:
        send(
            s,
            R"({"type":"ui_component","toolCallId":"u","componentName":"chart","props":{"a":[1]},"status":"streaming"})");
        break;
    case 5:
        send(
            s,
            R"({"type":"messages_persisted","data":{"threadId":"t","providerResId":"conversation"}})");
        break;
    case 6:
    case 7:
        call_tool(s);
        break;
    case 8:
        s->wire->send(event_frame(
            "provider-event", fmt::format(R"({{"type":"text-delta","textDelta":{}}})", piece(s))));
        break;
    default:
        s->wire->send(event_frame("content-delta", fmt::format(R"({{"delta":{}}})", piece(s))));
    }
    next_step(s);
}

void model_server::end_run(const session_ptr& s) {
    if (world_.happens(fault::odd_field, 5))
        send(s, R"({"type":"chat_finished","uuid":[],"data":{"messageCount":"3"}})");
    else if (world_.happens(fault::chat_error, 5))
        send(s, R"({"type":"chat_error","error":"the model failed","data":{"errorCode":"M"}})");
    else
        send(s, fmt::format(
                    R"({{"type":"chat_finished","uuid":"u{}","data":{{"conversationId":"c"}}}})",
                    s->run));
    s->running = false;
    begin_run(s);
}

void model_server::call_tool(const session_ptr& s) {
    std::string name = "nothing";
    if (!s->tools.empty() && !world_.happens(fault::tool_unknown, 5))
        name = *std::next(s->tools.begin(),
                          static_cast<std::ptrdiff_t>(world_.faults.below(s->tools.size())));
    const auto call = fmt::format("call-{}", ++last_);
    auto& made = calls_[call];
    made.id = new_call_id(call);
    auto parameters = fmt::format(R"({{"call":"{}"}})", call);
    if (world_.happens(fault::parameters_in_text, 5)) parameters = json_quoted(parameters);
    made.frame =
        fmt::format(R"({{"type":"tool_call_request","toolName":"{}","callId":{},"parameters":{}}})",
                    name, made.id, parameters);
    ids_[made.id].calls.insert(call);
    ask(s, made);
    if (world_.happens(fault::tool_request_repeated, 5)) ask(s, made);
}

/// Models number their calls anew in each turn.
std::string model_server::new_call_id(const std::string& call) {
    if (world_.happens(fault::call_id_again, 15))
        return fmt::format("\"call_{}\"", world_.faults.below(3));
    if (world_.happens(fault::call_id_number, 5)) return fmt::format("{}.50", last_);
    return json_quoted(call);
}

void model_server::ask(const session_ptr& s, const tool_request& made) {
    ++ids_[made.id].asked;
    s->owed.emplace(made.id, world_.now());
    s->wire->send(made.frame);
}

void model_server::repeat_call(const session_ptr& s) {
    if (calls_.empty()) return;
    // One of the last: the client remembers a thousand.
    const auto back = world_.faults.between(1, std::min<std::size_t>(calls_.size(), 40));
    const auto one = std::prev(calls_.end(), static_cast<std::ptrdiff_t>(back));
    if (world_.inflict(fault::tool_request_repeated)) ask(s, one->second);
}

} // namespace parley::simulation
