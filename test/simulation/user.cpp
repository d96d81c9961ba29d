// The user: its configuration, its pace, and its checks.

#include "simulation/user.hpp"

#include "async/condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

class running_tool {
public:
    explicit running_tool(std::shared_ptr<std::size_t> count) : count_(std::move(count)) {
        ++*count_;
    }
    running_tool(const running_tool&) = delete;
    running_tool& operator=(const running_tool&) = delete;
    ~running_tool() { --*count_; }

private:
    std::shared_ptr<std::size_t> count_;
};

awaitable<json_text> run_tool(world* in, observer* by, std::shared_ptr<std::size_t> running,
                              tool_call call) {
    const running_tool mark(std::move(running));
    const auto which = call.parameters().string_at("/call").value_or("");
    if (which.empty()) in->broke("protocol", "a tool got parameters of no call");
    by->tool_ran(which);
    const auto executor = co_await asio::this_coro::executor;
    condition bell(executor, in->clock);
    auto until = in->now();
    if (in->happens(fault::tool_throws, 5)) {
        if (in->work.percent(30)) throw 42;
        throw std::runtime_error("the tool broke");
    }
    if (in->happens(fault::tool_hangs, 4)) {
        until = time_point::max();
    } else if (in->happens(fault::tool_deaf, 2)) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        until += in->work.ms(20'000, 80'000);
    } else if (in->work.percent(40)) {
        until += in->work.ms(1, 5'000);
    }
    while (in->now() < until)
        co_await bell.wait_until(until);
    json_object out;
    out.set("call", which);
    co_return json_text(out);
}

} // namespace

user::user(world& in, observer& by, model_server& server, network_of_seeds& network,
           environment_ptr environment)
    : world_(in), observer_(by), server_(server), network_(network),
      environment_(std::move(environment)), config_(configuration()) {
    pace_ms_ = static_cast<double>(world_.work.between(4'000, 30'000));
}

user::~user() = default;

chat_client_config user::configuration() {
    auto& work = world_.work;
    chat_client_config config;
    config.server_url = "wss://chat.example/prefix";
    config.auth.user_mp_auth_token = secret("SENTINEL-token");
    config.auth.chat_server_key = secret("SENTINEL-key");
    if (work.percent(50)) config.auth.user_id = "user \"1\"";
    config.log = [this](log_level level, std::string_view line) {
        observer_.read(line, "the log");
        if (world_.traced()) world_.note(fmt::format("log {}: {}", to_string(level), line));
    };
    // A line costs its formatting, so that not every run has them all.
    const bool every_line = work.percent(30);
    config.log_threshold = world_.traced() || every_line ? log_level::debug : log_level::warning;
    if (work.percent(40)) config.context_helpers = json_object().set("page", "start");
    if (work.percent(20)) config.component_schemas = json_array().add("chart");
    if (work.percent(30)) config.tools.executor = world_.executor(who::tools);
    if (work.percent(30)) config.tools.max_running = static_cast<unsigned>(work.between(1, 3));
    if (work.percent(30)) config.tools.max_waiting = static_cast<unsigned>(work.between(0, 4));
    if (work.percent(40)) config.connection.limits.event_count = work.between(2, 40);
    config.connection.reconnect.retry_first = work.percent(20);
    if (work.percent(10)) config.connection.reconnect.enabled = false;
    if (work.percent(15))
        config.connection.reconnect.max_attempts = static_cast<unsigned>(work.between(2, 12));
    if (work.percent(10)) config.connection.reconnect.max_elapsed = work.ms(5'000, 120'000);
    if (work.percent(30))
        config.connection.reconnect.on_normal_close = reconnect_config::normal_close::reconnect;
    if (work.percent(20)) config.timeouts.answer = work.ms(12'000, 60'000);
    if (work.percent(20)) config.timeouts.send = work.ms(1'000, 20'000);
    if (work.percent(20)) config.timeouts.init = work.ms(2'000, 20'000);
    config.stop_cancelled_asks = work.percent(80);
    observer_.set_stable_after(config.connection.reconnect.stable_after);
    observer_.set_event_limit(config.connection.limits.event_count);
    return config;
}

tool user::make_tool(const std::string& name) {
    tool made(name, "a tool", json_text::parse(R"({"type":"object","properties":{"a":{}}})"),
              [in = &world_, by = &observer_, running = tools_running_](tool_call call) {
                  return run_tool(in, by, running, std::move(call));
              });
    if (world_.work.percent(20)) made.max_running(1);
    return made;
}

void user::make_client() {
    ++clients_;
    server_.forget_calls(); // they were another's
    tools_.clear();
    tools_uncertain_ = false;
    config_.client_tools.clear();
    const auto count = world_.work.percent(40) ? 0 : world_.work.between(1, 3);
    for (std::size_t i = 0; i < count; ++i) {
        const auto name = fmt::format("t{}", ++last_);
        config_.client_tools.push_back(make_tool(name));
        tools_.insert(name);
    }
    client_ = std::make_unique<chat_client>(world_.executor(who::client), config_, environment_);
    observer_.client_made();
    patience_until_.reset(); // before the first is taken, events are dropped
    stream_over_ = false;
    state_ = websocket_state::idle;
    had_session_ = false;
    ++epoch_;
}

void user::begin() {
    make_client();
    init();
    schedule();
}

void user::schedule() {
    const auto pause = -std::log(1.0 - world_.work.real()) * pace_ms_;
    world_.in(milliseconds(static_cast<milliseconds::rep>(pause)), [this] {
        if (!acting_) return;
        act();
        schedule();
    });
}

void user::act() {
    if (!client_) {
        make_client();
        return init();
    }
    const auto state = client_->status().state;
    const bool out = state == websocket_state::idle || state == websocket_state::closed ||
                     state == websocket_state::failed;
    if (out && world_.work.percent(60)) return init();
    struct choice {
        void (user::*what)();
        unsigned weight;
    };
    constexpr choice choices[] = {
        {&user::send, 22},           {&user::ask, 16},           {&user::send_many, 3},
        {&user::stop_run, 4},        {&user::add_tool, 5},       {&user::remove_tool, 4},
        {&user::replace_tool, 2},    {&user::change_helpers, 4}, {&user::change_entity, 2},
        {&user::change_metadata, 3}, {&user::reconnect, 3},      {&user::refresh, 3},
        {&user::change_network, 5},  {&user::idle_away, 4},      {&user::init, 3},
        {&user::disconnect, 2},      {&user::destroy, 1},        {&user::cancel_something, 14},
    };
    unsigned all = 0;
    for (const auto& one : choices)
        all += one.weight;
    auto drawn = world_.work.below(all);
    for (const auto& one : choices) {
        if (drawn < one.weight) return (this->*one.what)();
        drawn -= one.weight;
    }
}

void user::stop_acting() {
    acting_ = false;
    patience_until_.reset();
    if (client_ && !client_->is_connected()) observer_.nudged();
}

void user::look() {
    if (client_) look_at(client_->status());
    consume();
    if (operations_.size() > 64)
        std::erase_if(operations_, [](const auto& one) { return one->done; });
}

void user::look_at(const connection_status& now) {
    using enum websocket_state;
    observer_.look(now);
    const auto before = std::exchange(state_, now.state);
    if (now.state == ready || now.state == closed) had_session_ = true;
    if (before == connecting || now.state != connecting || !had_session_) return;
    ++epoch_;
    stream_over_ = false;
}

void user::time_passes() {
    for (const auto& one : operations_) {
        if (one->done) continue;
        if (one->client != clients_ || !client_) {
            world_.broke("I4", one->name + " goes on after its client was destroyed");
            continue;
        }
        if (!one->bound) continue;
        auto since = one->begun;
        if (one->of_run) since = std::max({since, observer_.last_run_frame(), last_ask_ended_});
        if (world_.now() - since > *one->bound + (world_.stalled - one->stalled_before))
            world_.broke("I2", one->name + " goes on beyond its bound");
    }
}

bool user::ready() const { return client_ && client_->is_connected(); }

bool user::settled() const {
    if (!client_) return true;
    using enum websocket_state;
    const auto state = client_->status().state;
    return state == ready || state == idle || state == closed || state == failed;
}

void user::last_words() {
    if (!ready() || std::exchange(final_words_spoken_, true)) return;
    // On a new session: of the old one there may be runs that never end.
    start("the last reconnect", config_.timeouts.init, client_->reconnect(),
          [this](const outcome& how, void*) {
              if (!how.ok)
                  return world_.broke("I12", "nothing is wrong, and reconnect fails: " + how.text);
              ask_for_the_last_time();
          });
}

void user::ask_for_the_last_time() {
    const auto content = new_message();
    const auto number = ++last_;
    observer_.ask_began(number);
    start("the last ask " + content, 200s, client_->ask(content),
          [this, number](const outcome& how, answer* what) {
              observer_.ask_ended(number, what ? &what->text : nullptr);
              if (!how.ok) world_.broke("I12", "nothing is wrong, and ask fails: " + how.text);
          });
}

void user::check_tools() {
    const auto known = server_.known_tools();
    if (!ready() || !known || tools_uncertain_) return;
    if (*known != tools_)
        world_.broke("tools",
                     fmt::format("the server knows {} tools of {}", known->size(), tools_.size()));
}

bool user::all_done() const {
    return std::ranges::all_of(operations_, [](const auto& one) { return one->done; });
}

void user::consume() {
    if (!client_ || consuming_ || stream_over_) return;
    if (patience_until_ && world_.now() < *patience_until_) return;
    consuming_ = true;
    start("next_event", std::nullopt, client_->next_event(),
          [this, of = clients_, since = epoch_](const outcome& how, std::optional<event>* what) {
              consuming_ = false;
              if (of != clients_ || !client_) return;
              if (!how.ok && !how.aborted) world_.broke("I1", "next_event threw: " + how.text);
              if (!what) return;
              if (*what) return observer_.happened(**what);
              stream_over_ = since == epoch_; // until the next init
              observer_.stream_ended(stream_over_);
          });
}

} // namespace parley::simulation
