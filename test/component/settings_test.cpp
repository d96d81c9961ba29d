// Every public class with every number of its settings at its ends: refused by the constructor, or
// it works.

#include <parley/chat_client.hpp>
#include <parley/message_handler.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/settings.hpp"
#include "support/ticket_world.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace settings_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// Makes something that is to be allowed, or else refused with that name in the error.
bool made(const std::string& name, bool allowed, const std::function<void()>& make) {
    try {
        make();
        CHECK(allowed);
        return allowed;
    } catch (const client_error& refused) {
        CHECK_FALSE(allowed);
        CHECK(refused.info().is(errc::invalid_configuration));
        CHECK(refused.message().starts_with("The setting " + name + " must be "));
        return false;
    }
}

bool refused(const std::function<void()>& make, const std::string& part) {
    try {
        make();
        return false;
    } catch (const client_error& thrown) {
        INFO(thrown.message());
        CHECK(thrown.info().is(errc::invalid_configuration));
        CHECK(thrown.message().find(part) != std::string::npos);
        return true;
    }
}

tool echoing() { return echo_tool("echo"); }

const std::string hello = R"({"type":"chat_message","content":"Hi","media":[]})";

} // namespace

TEST_CASE("settings: a client works with each number at its limits, or names the invalid one",
          "[component][settings][O149]") {
    try_settings(
        chat_client_config(), [](const std::string& name, chat_client_config config, bool allowed) {
            INFO(name);
            client_case test;
            config.server_url = test.config.server_url;
            config.auth = test.config.auth;
            config.client_tools.push_back(echoing());
            test.config = std::move(config);
            if (!made(name, allowed, [&] { test.make(); })) return;

            auto& peer = test.expect_session();
            peer.expect_write("configure_tools").reply(tools_configured_frame);
            auto opening = start(test.io, test.client->init());
            poll(test.io);
            const bool too_small = test.config.connection.limits.message_bytes == 1;
            if (too_small) test.pass(1min); // nothing that the server says can be read
            REQUIRE(opening.done());
            CHECK(opening.failed() == too_small);
            if (!too_small) {
                CHECK(test.client->is_connected());
                auto sending = start(test.io, test.client->send_message("Hi"));
                poll(test.io);
                CHECK(sending.done());
                CHECK(sending.failed() == (test.config.connection.limits.queue_bytes == 1));
                peer.reply(text_frame("Hello"));
                poll(test.io);
                CHECK(test.told() == std::vector<std::string>{"text Hello"});
            }
            auto ending = start(test.io, test.client->disconnect());
            test.pass(1min);
            CHECK(ending.done());
            CHECK_FALSE(ending.failed());
        });
}

TEST_CASE("settings: a lost session is restored with each number at its limits",
          "[component][settings][O149]") {
    try_settings(chat_client_config(),
                 [](const std::string& name, chat_client_config config, bool allowed) {
                     if (!allowed || config.connection.limits.message_bytes == 1) return;
                     INFO(name);
                     client_case test;
                     config.server_url = test.config.server_url;
                     config.auth = test.config.auth;
                     test.config = std::move(config);
                     test.make();
                     test.expect_session();
                     test.init();
                     test.transports->otherwise(
                         [](scripted_connection& next) { next.reply(session_established_frame); });
                     test.transports->last().fail_read(errc::connection_reset);
                     test.pass(1min); // no wait is longer than the cap
                     const bool no_time = test.config.connection.reconnect.max_elapsed == 1ms;
                     CHECK(test.client->is_connected() != no_time);
                 });
}

TEST_CASE(
    "settings: a ticket_manager works with each number at its limits, or names the invalid one",
    "[component][settings][O149]") {
    const auto works = [](ticket_world& w) {
        auto& tickets = *w.tickets;
        tickets.start_proactive_renewal();
        auto waiting = w.start(tickets.get_valid_ticket());
        CHECK(value_of(waiting) == "ticket-1");
        w.source->fail(error_info(errc::ticket_refused, "no"));
        auto failing = w.start(tickets.refresh_ticket());
        w.pass(1s);
        CHECK(failing.failed_with(errc::ticket_refused));
        w.pass(3h); // with its renewals
        CHECK(w.ends());
    };
    try_settings(ticket_config(), [&](const std::string& name, ticket_config config, bool allowed) {
        INFO(name);
        ticket_world w;
        if (made("config." + name, allowed, [&] { w.manage(config); })) works(w);
    });
    try_settings(ticket_manager_options(),
                 [&](const std::string& name, ticket_manager_options options, bool allowed) {
                     INFO(name);
                     ticket_world w;
                     if (made("options." + name, allowed, [&] {
                             w.tickets.emplace(w.io.get_executor(), w.identity(), w.source,
                                               ticket_config(), options, w.environment);
                         }))
                         works(w);
                     made("options." + name, allowed, [&] {
                         ticket_manager over_http(w.io.get_executor(), w.identity(),
                                                  std::string("wss://chat.example"),
                                                  ticket_config(), options, w.environment);
                     });
                 });
}

TEST_CASE(
    "settings: a websocket_manager works with each number at its limits, or names the invalid one",
    "[component][settings][O149]") {
    const auto attempt = [](const std::string& name, connection_config config,
                            websocket_manager_options options, bool allowed) {
        INFO(name);
        asio::io_context io;
        const auto environment = test_environment::make();
        const auto transports = std::make_shared<scripted_transports>(environment->time);
        environment->set_transports(transports);
        std::unique_ptr<websocket_manager> socket;
        if (!made(name, allowed, [&] {
                socket = std::make_unique<websocket_manager>(
                    io.get_executor(), "wss://chat.example", std::move(config), std::move(options),
                    environment);
            }))
            return;
        transports->expect_connect().reply("hello");
        ticket held(secret("ticket-1"), environment->time->wall_now() + 1h);
        run(io, socket->connect(std::move(held)));
        CHECK(run(io, socket->receive())->data() == "hello");
        auto sending = start(io, socket->send(hello));
        poll(io);
        CHECK(sending.done());
        auto ending = start(io, socket->disconnect());
        pass(io, *environment->time, 1min);
        CHECK(ending.done());
        socket.reset();
        CHECK(out_of_work(io));
    };
    try_settings(connection_config(),
                 [&](const std::string& name, connection_config config, bool allowed) {
                     attempt("config." + name, std::move(config), {}, allowed);
                 });
    try_settings(websocket_manager_options(),
                 [&](const std::string& name, websocket_manager_options options, bool allowed) {
                     attempt("options." + name, {}, std::move(options), allowed);
                 });
}

TEST_CASE(
    "settings: a message_handler works with each number at its limits, or names the invalid one",
    "[component][settings][O149]") {
    try_settings(message_handler_options(), [](const std::string& name,
                                               message_handler_options options, bool allowed) {
        INFO(name);
        asio::io_context io;
        const auto environment = test_environment::make();
        std::vector<std::string> sent;
        const bool too_small = options.limits.message_bytes == 1;
        options.client_tools.push_back(echoing());
        options.send = [&sent](std::string frame) { sent.push_back(std::move(frame)); };
        std::unique_ptr<message_handler> handler;
        if (!made("options." + name, allowed, [&] {
                handler = std::make_unique<message_handler>(io.get_executor(), std::move(options),
                                                            environment);
            }))
            return;
        auto taking = start(io, handler->handle(call_frame("echo", "c")));
        poll(io);
        CHECK(taking.done());
        CHECK(sent.size() == (too_small ? 0u : 1u));
        CHECK(run(io, handler->next_event()).has_value());
        auto ending = start(io, handler->stop());
        pass(io, *environment->time, 1min);
        CHECK(ending.done());
        handler.reset();
        CHECK(out_of_work(io));
    });
}

TEST_CASE("settings: every class rejects an empty executor", "[component][settings][O149]") {
    client_case test;
    ticket_world w;
    const asio::any_io_executor none;
    const std::string what = "executor";
    const auto shared =
        std::make_shared<ticket_manager>(test.io.get_executor(), auth_data(), w.source,
                                         ticket_config(), ticket_manager_options(), w.environment);
    CHECK(refused([&] { chat_client(none, test.config, test.environment); }, what));
    CHECK(refused([&] { chat_client(none, test.config, shared, test.environment); }, what));
    CHECK(refused([&] { ticket_manager(none, auth_data(), w.source); }, what));
    CHECK(refused([&] { ticket_manager(none, auth_data(), std::string("wss://chat.example")); },
                  what));
    CHECK(refused(
        [&] {
            websocket_manager(none, "wss://chat.example", connection_config(),
                              websocket_manager_options(), test.environment);
        },
        what));
    CHECK(
        refused([&] { message_handler(none, message_handler_options(), test.environment); }, what));
}

TEST_CASE("settings: empty shared tickets and an empty source are rejected",
          "[component][settings][O149]") {
    client_case test;
    std::shared_ptr<ticket_manager> none;
    CHECK(refused([&] { chat_client(test.io.get_executor(), test.config, none, test.environment); },
                  "ticket_manager"));
    CHECK(refused(
        [&] {
            ticket_manager(test.io.get_executor(), auth_data(), std::shared_ptr<ticket_source>());
        },
        "source"));
}

TEST_CASE("settings: a client works without a log, a tool executor and event handlers",
          "[component][settings][O149]") {
    client_case test;
    test.config.log = log_sink();
    test.config.tools.executor = asio::any_io_executor();
    test.config.connection.reconnect.classify = nullptr;
    test.config.client_tools.push_back(echoing().executor(asio::any_io_executor()));
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    peer.reply(call_frame("echo", "c"));
    poll(test.io);
    CHECK(peer.writes_with("tool_call_response") == 1);
}

TEST_CASE("settings: the limits of a tool apply when it is added and when it is replaced",
          "[component][settings][O149]") {
    client_case test;
    test.make();
    const auto added = [&test](tool one) {
        auto adding = start(test.io, test.client->add_client_tool(std::move(one)));
        poll(test.io);
        return adding;
    };
    const auto wrong = [](const started<void>& adding, const std::string& part) {
        const auto why = adding.failure();
        return why && why->is(errc::invalid_configuration) &&
               why->message.find(part) != std::string::npos;
    };
    CHECK(wrong(added(echoing().timeout(0ms)), "timeout of the tool \"echo\""));
    CHECK(wrong(added(echoing().timeout(-1ms)), "timeout of the tool \"echo\""));
    CHECK(wrong(added(echoing().max_running(0)), "max_running of the tool \"echo\""));
    CHECK_FALSE(added(echoing().timeout(std::chrono::milliseconds::max()).max_running(1)).failed());

    std::vector<tool> replaced;
    replaced.push_back(echoing().timeout(0ms));
    CHECK_THROWS_AS(test.client->update_client_tools(replaced), tool_configuration_error);

    test.config.client_tools.push_back(echoing().max_running(0));
    CHECK_THROWS_AS(test.make(), tool_configuration_error);
    test.config.client_tools.clear();
    test.make();
}

} // namespace settings_test
