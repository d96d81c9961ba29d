#pragma once

#include <parley/chat_client.hpp>

#include "support/event_text.hpp"
#include "support/log_capture.hpp"
#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include "support/test_environment.hpp"
#include "testing/frames.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::test {

namespace frames = testing::frames;

inline const std::string session_established_frame = frames::session_established();
inline const std::string tools_configured_frame = frames::tools_acknowledged("tools_configured");
inline const std::string finished_frame = frames::chat_finished("conversation-1");

inline std::string text_frame(std::string_view delta) { return frames::content_delta(delta); }
/// A call of a client tool, without parameters.
inline std::string call_frame(std::string_view name, std::string_view id) {
    return frames::tool_call_request(name, frames::quoted(id), "{}");
}

/// A whole client on manual time, over a scripted peer and scripted HTTP.
class client_case {
public:
    /// With that many tickets of an hour each to be had.
    explicit client_case(int tickets = 20) {
        environment->set_transports(transports);
        config.server_url = "wss://chat.example";
        config.auth.user_mp_auth_token = secret("SENTINEL-TOKEN");
        config.log = log.sink();
        config.log_threshold = log_level::debug;
        for (int i = 0; i < tickets; ++i)
            environment->http->answer_ticket("ticket-" + std::to_string(i + 1),
                                             std::chrono::hours(1));
    }

    ~client_case() {
        client.reset();
        if (!leave_everything) poll(io);
    }
    client_case(const client_case&) = delete;
    client_case& operator=(const client_case&) = delete;

    chat_client& make() {
        client.emplace(io.get_executor(), config, environment);
        return *client;
    }

    /// The next connection, whose session is established at once.
    scripted_connection& expect_session() {
        auto& next = transports->expect_connect();
        next.reply(session_established_frame);
        return next;
    }

    void init() { run(io, client->init()); }

    /// A ready client that runs a tool of that name, which takes twenty seconds; `obeys` its
    /// cancellation, or is deaf to it.
    scripted_connection& init_with_slow_tool(const std::string& name, bool obeys) {
        const auto slow = [clock = environment->time, obeys](tool_call call) {
            return take_twenty_seconds(clock, obeys, std::move(call));
        };
        config.client_tools.push_back(tool(name, "", json_text::parse("{}"), slow));
        make();
        auto& peer = expect_session();
        peer.expect_write("configure_tools").reply(tools_configured_frame);
        init();
        peer.reply(call_frame(name, "c"));
        poll(io);
        return peer;
    }

    /// The events that are there, each as a line.
    std::vector<std::string> told() {
        std::vector<std::string> all;
        for (;;) {
            auto next = start(io, client->next_event());
            poll(io);
            if (!next.done()) {
                next.cancel();
                poll(io);
                return all;
            }
            if (!next.get()) return all;
            all.push_back(event_text(*next.get()));
        }
    }
    void pass(manual_clock::duration by) { test::pass(io, *environment->time, by); }

    asio::io_context io;
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<scripted_transports> transports =
        std::make_shared<scripted_transports>(environment->time);
    log_capture log;
    chat_client_config config;
    std::optional<chat_client> client;
    std::vector<started<void>> pending; ///< what a test has begun and not awaited
    std::vector<started<answer>> asked;
    bool leave_everything = false; ///< the context goes with whatever is left to run

private:
    static awaitable<json_text> take_twenty_seconds(std::shared_ptr<manual_clock> clock, bool obeys,
                                                    tool_call asked) {
        if (!obeys)
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        const auto executor = co_await asio::this_coro::executor;
        const auto bell = clock->make_alarm(executor);
        co_await bell->wait_until(clock->now() + std::chrono::seconds(20));
        co_return asked.parameters();
    }
};

inline tool echo_tool(std::string name) {
    return tool(std::move(name), "says it back", json_text::parse(R"({"type":"object"})"),
                [](tool_call call) -> awaitable<json_text> { co_return call.parameters(); });
}

/// The same, and calls `gone` when its last copy is destroyed.
inline tool passing_tool(std::string name, std::function<void()> gone) {
    const std::shared_ptr<void> held(nullptr, [gone = std::move(gone)](void*) { gone(); });
    return tool(std::move(name), "says it back", json_text::parse(R"({"type":"object"})"),
                [held](tool_call call) -> awaitable<json_text> { co_return call.parameters(); });
}

} // namespace parley::test
