#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/with_timeout.hpp>

#include "support/live.hpp"
#include "testing/frames.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace chat_client_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace frames = testing::frames;
using parley::testing::always;
using parley::testing::answer_script;
using parley::testing::chat_server;
using parley::testing::chat_server_options;
using parley::testing::endpoint;
using parley::testing::http_fault;
using parley::testing::server_tls;
using parley::testing::session_fault;

namespace {

tool weather_tool(int* runs = nullptr) {
    auto schema = json_text::parse(
        R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})");
    return tool("get_weather", "The weather in a city", std::move(schema),
                [runs](tool_call call) -> awaitable<json_text> {
                    if (runs) ++*runs;
                    json_object sky;
                    sky.set("city", call.parameters().string_at("/city").value_or("?"));
                    sky.set("sky", "clear");
                    co_return sky;
                });
}

template <class Error>
errc thrown_by(live& l, awaitable<void> operation) {
    try {
        l.run(std::move(operation));
    } catch (const Error& thrown) {
        CHECK_FALSE(thrown.message().empty());
        return static_cast<errc>(thrown.code().value());
    }
    return errc{};
}

std::uint16_t unused_port() {
    asio::io_context io;
    asio::ip::tcp::acceptor once(io, {asio::ip::make_address("127.0.0.1"), 0});
    return once.local_endpoint().port();
}

} // namespace

TEST_CASE("chat_client: initialises with a valid ticket", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    CHECK_FALSE(client.is_connected());
    l.run(client.init());
    CHECK(client.is_connected());
    CHECK(client.status().state == websocket_state::ready);
    CHECK(client.status().has_valid_ticket);
    l.run(client.init()); // at once, and nothing happens
    CHECK(server.seen().ticket_requests == 1);
    CHECK(server.seen().upgrades == 1);
    CHECK(server.violations().empty());
    l.run(client.disconnect());
    CHECK_FALSE(client.is_connected());
    CHECK(l.drains());
}

TEST_CASE("chat_client: throws on connection failure", "[loopback][chat_client]") {
    SECTION("a refused connection: no ticket is available") {
        live l;
        chat_client_config config;
        config.server_url = "ws://127.0.0.1:" + std::to_string(unused_port());
        config.ticket.max_retries = 0;
        chat_client client(l.io.get_executor(), config);
        CHECK(thrown_by<ticket_error>(l, client.init()) == errc::ticket_request_failed);
        CHECK_FALSE(client.is_connected());
    }
    SECTION("the upgrade is refused") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::upgrade, http_fault::status(503), always);
        chat_client client(l.io.get_executor(), config_for(server));
        CHECK(thrown_by<connection_error>(l, client.init()) == errc::upgrade_failed);
    }
    SECTION("the upgrade is reset") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::upgrade, http_fault::reset(), always);
        chat_client client(l.io.get_executor(), config_for(server));
        CHECK(thrown_by<connection_error>(l, client.init()) == errc::connection_reset);
    }
    SECTION("the session is never established") {
        live l;
        chat_server server(awkward_tickets());
        server.fail_sessions(session_fault().never_established(), always);
        auto config = config_for(server);
        config.connection.session_timeout = 50ms;
        chat_client client(l.io.get_executor(), config);
        CHECK(thrown_by<connection_error>(l, client.init()) == errc::session_timeout);
    }
    SECTION("the server accepts and never answers") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::upgrade, http_fault::hang(), always);
        auto config = config_for(server);
        config.connection.upgrade_timeout = 50ms;
        chat_client client(l.io.get_executor(), config);
        CHECK(thrown_by<connection_error>(l, client.init()) == errc::upgrade_timeout);
    }
    SECTION("everything hangs: the deadline of init ends it") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::ticket, http_fault::hang(), always);
        auto config = config_for(server);
        config.timeouts.init = 100ms;
        config.ticket.request_timeout = 300ms;
        chat_client client(l.io.get_executor(), config);
        CHECK_THROWS_AS(l.run(client.init()), ticket_error);
        CHECK(l.drains());
    }
}

TEST_CASE("chat_client: a failed init leaves nothing running, and the next may succeed",
          "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    server.fail(endpoint::upgrade, http_fault::status(500), 1);
    chat_client client(l.io.get_executor(), config_for(server));
    CHECK_THROWS_AS(l.run(client.init()), connection_error);
    CHECK(l.drains());
    l.run(client.init());
    CHECK(client.is_connected());
    l.run(client.disconnect());
}

TEST_CASE("chat_client: handles authentication errors", "[loopback][chat_client]") {
    SECTION("the ticket endpoint rejects the token") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::ticket, http_fault::status(401), always);
        chat_client client(l.io.get_executor(), config_for(server));
        CHECK(thrown_by<authentication_error>(l, client.init()) == errc::authentication_failed);
        CHECK(server.seen().ticket_requests == 1);
    }
    SECTION("the upgrade rejects two tickets: there is no third attempt") {
        live l;
        chat_server server(awkward_tickets());
        server.fail(endpoint::upgrade, http_fault::status(401), always);
        chat_client client(l.io.get_executor(), config_for(server));
        CHECK(thrown_by<authentication_error>(l, client.init()) == errc::ticket_rejected);
        CHECK(server.seen().upgrades == 2);
        CHECK(server.seen().tickets_issued == 2);
    }
    SECTION("the session is rejected permanently") {
        live l;
        chat_server server(awkward_tickets());
        server.fail_sessions(session_fault().authentication_error("USER_BLOCKED"), always);
        chat_client client(l.io.get_executor(), config_for(server));
        CHECK(thrown_by<authentication_error>(l, client.init()) == errc::session_refused);
        CHECK(server.seen().upgrades == 1);
    }
}

TEST_CASE("chat_client: recovers from ticket expiration", "[loopback][chat_client][B31]") {
    SECTION("the session rejects the first ticket, and accepts the second") {
        live l;
        chat_server server(awkward_tickets());
        server.fail_sessions(session_fault().authentication_error("TICKET_EXPIRED"), 1);
        chat_client client(l.io.get_executor(), config_for(server));
        l.run(client.init());
        CHECK(server.seen().tickets_issued == 2);
        l.run(client.disconnect());
    }
    SECTION("the held ticket has expired when the connection is lost") {
        live l;
        chat_server server(awkward_tickets());
        chat_client client(l.io.get_executor(), config_for(server));
        l.run(client.init());
        server.expire_tickets();
        server.drop_all();
        const auto events = l.run(events_until<connection_restored>(client));
        CHECK(all_of<connection_lost>(events).size() == 1);
        CHECK(client.is_connected());
        CHECK(server.seen().tickets_issued == 2);
        l.run(client.disconnect());
    }
    SECTION("a close with 4401 makes the ticket suspect") {
        live l;
        chat_server server(awkward_tickets());
        chat_client client(l.io.get_executor(), config_for(server));
        l.run(client.init());
        server.close_all(4401, "expired");
        const auto events = l.run(events_until<connection_restored>(client));
        const auto lost = all_of<connection_lost>(events);
        REQUIRE(lost.size() == 1);
        CHECK(lost[0].cause.details.close_code == 4401u);
        CHECK(server.seen().tickets_issued == 2);
        l.run(client.disconnect());
    }
}

TEST_CASE("chat_client: sends tools after the session is established", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.client_tools.push_back(weather_tool());
    config.context_helpers = json_text::parse(R"({"page":"home"})");
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    const auto configured = server.received("configure_tools");
    REQUIRE(configured.size() == 1);
    const auto frame = json_text::parse(configured[0].text);
    CHECK(frame.string_at("/toolSchemas/0/name") == "get_weather");
    CHECK(frame.string_at("/toolSchemas/0/parameters/0/name") == "city");
    CHECK(frame.bool_at("/toolSchemas/0/parameters/0/isRequired") == true);
    CHECK(frame.string_at("/contextHelpers/page") == "home");
    l.run(client.disconnect());
}

TEST_CASE("chat_client: tools that the server rejects or ignores are an error of init",
          "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.client_tools.push_back(weather_tool());
    config.timeouts.acknowledge = 2s;
    chat_client client(l.io.get_executor(), config);
    server.fail_sessions(session_fault().refuse_tools("bad schema", "SCHEMA"), 1);
    CHECK(thrown_by<tool_configuration_error>(l, client.init()) == errc::tools_refused);
    server.fail_sessions(session_fault().ignore_tools(), 1);
    CHECK(thrown_by<tool_configuration_error>(l, client.init()) == errc::tools_not_acknowledged);
    l.run(client.init());
    l.run(client.disconnect());
}

TEST_CASE("chat_client: a whole conversation, plain and over TLS", "[loopback][chat_client]") {
    const auto tls = GENERATE(server_tls::off, server_tls::generated);
    live l;
    chat_server_options options = awkward_tickets();
    options.tls = tls;
    chat_server server(options);
    int runs = 0;
    auto config = config_for(server);
    config.client_tools.push_back(weather_tool(&runs));
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    l.run(client.send_message("What's the weather in Zürich?"));
    const auto events = l.run(events_until<chat_finished>(client));
    CHECK(runs == 1);
    const auto started_tools = all_of<tool_started>(events);
    REQUIRE(started_tools.size() == 1);
    CHECK(started_tools[0].parameters.string_at("/city") == "Zürich");
    const auto finished_tools = all_of<tool_finished>(events);
    REQUIRE(finished_tools.size() == 1);
    CHECK(finished_tools[0].outcome == tool_outcome::succeeded);
    CHECK(finished_tools[0].result->string_at("/sky") == "clear");
    CHECK(text_of(events).find("Zürich") != std::string::npos);
    CHECK(server.seen().tool_responses == 1);
    l.run(client.disconnect());
    CHECK(server.violations().empty());
    CHECK(server.internal_errors().empty());
    CHECK_FALSE(client.is_connected());
    CHECK(l.drains());
}

TEST_CASE("chat_client: ask collects the answer of its own run", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    server.on_message([](const auto& message) {
        return answer_script()
            .reasoning({"thinking ", "hard"})
            .text({"You said ", message.content});
    });
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    const auto first = l.run(client.ask("one"));
    CHECK(first.text == "You said one");
    CHECK(first.reasoning == "thinking hard");
    CHECK(first.conversation_id.has_value());
    auto second = start(l.io, client.ask("two"));
    auto third = start(l.io, client.ask("three"));
    CHECK(l.until([&] { return second.done() && third.done(); }));
    CHECK(second.get().text == "You said two");
    CHECK(third.get().text == "You said three");
    l.run(client.disconnect());
}

TEST_CASE("chat_client: ask throws the server's error of a failed run", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    server.on_message(
        [](const auto&) { return answer_script().text("so far").chat_error("no", "QUOTA"); });
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    try {
        l.run(client.ask("hi"));
        FAIL("ask returned");
    } catch (const client_error& thrown) {
        CHECK(thrown.code() == errc::chat_failed);
        CHECK(thrown.details().server_text == "no");
        CHECK(thrown.details().server_code == "QUOTA");
        CHECK(error_kind(thrown) == "CLIENT_ERROR");
    }
    l.run(client.disconnect());
}

TEST_CASE("chat_client: stop_run ends the run on the server", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    server.on_message([](const auto&) { return answer_script().text("on and on").never_finish(); });
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    auto asked = start(l.io, client.ask("go"));
    CHECK(l.until([&] { return server.seen().chat_messages == 1; }));
    CHECK_FALSE(asked.done());
    l.run(client.stop_run());
    CHECK(l.until([&] { return asked.done(); }));
    CHECK(asked.get().text == "on and on");
    CHECK(server.seen().stop_runs == 1);
    l.run(client.disconnect());
}

TEST_CASE("chat_client: ticket renewal during an active connection", "[loopback][chat_client]") {
    live l;
    chat_server_options options = awkward_tickets();
    options.ticket_lifetime = 3s;
    chat_server server(options);
    auto config = config_for(server);
    config.ticket.validity_buffer = 100ms;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    const auto events = l.run(events_until<ticket_renewed>(client));
    CHECK(all_of<ticket_renewed>(events).front().expires_in > 0ms);
    CHECK(all_of<connection_lost>(events).empty());
    CHECK(client.is_connected());
    CHECK(server.seen().upgrades == 1);
    CHECK(server.seen().tickets_issued == 2);
    CHECK(l.run(client.ask("still there?")).text.size() > 0);
    l.run(client.disconnect());
    CHECK(l.drains());
}

TEST_CASE("chat_client: reconnect after network failure", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.client_tools.push_back(weather_tool());
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    for (std::size_t loss = 1; loss <= 3; ++loss) {
        server.drop_all();
        const auto events = l.run(events_until<connection_restored>(client));
        const auto lost = all_of<connection_lost>(events);
        REQUIRE(lost.size() == 1);
        CHECK(lost[0].will_reconnect);
        CHECK_FALSE(all_of<reconnecting>(events).empty());
        CHECK(server.seen().sessions_opened == loss + 1);
        CHECK(server.seen().configure_tools == loss + 1);
        CHECK(l.run(client.ask("again")).text.size() > 0);
    }
    CHECK(server.seen().ticket_requests == 1); // reused while valid
    l.run(client.disconnect());
    CHECK(l.drains());
}

TEST_CASE(
    "chat_client: a message sent during a reconnect is sent once, when the session is restored",
    "[loopback][chat_client][F74]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    server.fail(endpoint::upgrade, http_fault::status(503), 2);
    server.drop_all();
    CHECK(l.until([&] { return !client.is_connected(); }));
    l.run(client.send_message("are you back?"));
    CHECK(client.is_connected());
    CHECK(server.wait_until([](const auto& seen) { return seen.chat_messages == 1; }));
    l.run(client.disconnect());
}

TEST_CASE("chat_client: without reconnecting the first loss is final", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    auto config = config_for(server);
    config.connection.reconnect.enabled = false;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    server.drop_all();
    const auto events = l.run(events_until<connection_failed>(client));
    REQUIRE(all_of<connection_lost>(events).size() == 1);
    CHECK_FALSE(all_of<connection_lost>(events)[0].will_reconnect);
    CHECK_FALSE(l.run(client.next_event()).has_value());
    CHECK(thrown_by<connection_error>(l, client.send_message("hello?")) == errc::not_connected);
    l.run(client.init());
    CHECK(client.is_connected());
    l.run(client.disconnect());
}

TEST_CASE("chat_client: a close with 1000 ends the session permanently",
          "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    server.close_all(1000, "bye");
    const auto events = l.run(events_until<connection_failed>(client));
    REQUIRE(all_of<connection_lost>(events).size() == 1);
    CHECK(all_of<connection_lost>(events)[0].reason == loss_reason::closed);
    CHECK(all_of<connection_lost>(events)[0].cause.details.close_code == 1000u);
    CHECK_FALSE(l.run(client.next_event()).has_value());
}

TEST_CASE("chat_client: malformed messages are skipped", "[loopback][chat_client]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    for (const char* malformed :
         {"", "not json", "[1,2]", "null", "{}", R"({"type":5})", R"({"type":"no_such_type"})",
          R"({"type":"chat_event","event":"no_such_event","data":{}})", R"({"type":"chat_event"})",
          R"({"type":"tool_call_request"})", R"({"type":"ui_component","props":1})", "{\"type\":"})
        server.send_to_all(malformed);
    server.send_binary_to_all("\x01\x02\x03");
    server.send_to_all(frames::error("the last one"));
    const auto events = l.run(events_until<server_error>(client));
    CHECK(all_of<message_skipped>(events).size() == 13);
    CHECK(client.is_connected());
    CHECK(l.run(client.ask("fine?")).text.size() > 0);
    CHECK(client.metrics().messages_skipped == 13);
    l.run(client.disconnect());
}

TEST_CASE("chat_client: a tool's result over the server's limit is replaced by an error",
          "[loopback][chat_client][O143]") {
    live l;
    auto options = awkward_tickets();
    options.max_message_size = 10'000;
    chat_server server(options);
    auto config = config_for(server);
    config.connection.compression = false;
    config.client_tools.emplace_back("big", "", json_text::parse("{}"),
                                     [](tool_call) -> awaitable<json_text> {
                                         co_return json_text::from_string(std::string(20'000, 'x'));
                                     });
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    const auto call = frames::tool_call_request("big", frames::quoted("c"), "{}");
    const auto answers = [&server] { return server.received("tool_call_response"); };
    server.send_to_all(call); // the result is refused, and not recorded
    REQUIRE(l.until([&] { return answers().size() == 1; }));
    CHECK(server.seen().sessions_opened == 2);
    server.send_to_all(call);
    REQUIRE(l.until([&] { return answers().size() == 2; }));
    for (const auto& each : answers())
        CHECK(each.text.find("Tool result too large: big") != std::string::npos);
    CHECK(client.is_connected());
    l.run(client.disconnect());
}

TEST_CASE("chat_client: many concurrent callers share one session and one ticket",
          "[loopback][chat_client][F74]") {
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    std::vector<started<void>> calls;
    for (int i = 0; i < 50; ++i)
        calls.push_back(start(l.io, client.init()));
    CHECK(l.until([&] { return std::ranges::all_of(calls, [](auto& c) { return c.done(); }); }));
    for (auto& call : calls)
        call.get();
    CHECK(server.seen().upgrades == 1);
    CHECK(server.seen().ticket_requests == 1);
    std::vector<started<void>> sends;
    for (int i = 0; i < 200; ++i)
        sends.push_back(start(l.io, client.send_message("message " + std::to_string(i))));
    CHECK(l.until([&] { return std::ranges::all_of(sends, [](auto& c) { return c.done(); }); }));
    for (auto& send : sends)
        send.get();
    CHECK(server.wait_until([](const auto& seen) { return seen.chat_messages == 200; }));
    std::set<std::string> contents;
    for (const auto& frame : server.received("chat_message"))
        contents.insert(json_text::parse(frame.text).string_at("/content").value());
    CHECK(contents.size() == 200);
    l.run(client.disconnect());
}

TEST_CASE("chat_client: a caller's own timeout gives timed_out, and affects no other",
          "[loopback][chat_client][J104]") {
    live l;
    chat_server server(awkward_tickets());
    server.fail(endpoint::upgrade, http_fault::hang(), 1);
    auto config = config_for(server);
    config.connection.upgrade_timeout = 300ms;
    config.connection.reconnect.retry_first = true;
    chat_client client(l.io.get_executor(), config);
    auto patient = start(l.io, client.init());
    CHECK(thrown_by<connection_error>(l, with_timeout(client.init(), 50ms)) == errc::timed_out);
    CHECK_FALSE(patient.done());
    CHECK(l.until([&] { return patient.done(); }));
    CHECK_NOTHROW(patient.get());
    l.run(client.disconnect());
}

TEST_CASE("chat_client: a race against a timer on a strand cancels the loser, and loses no event",
          "[loopback][chat_client][J104]") {
    using namespace asio::experimental::awaitable_operators;
    live l;
    chat_server server(awkward_tickets());
    chat_client client(l.io.get_executor(), config_for(server));
    l.run(client.init());
    auto race = [](chat_client& of) -> awaitable<std::size_t> {
        asio::steady_timer soon(co_await asio::this_coro::executor);
        soon.expires_after(20ms);
        auto first = co_await (of.next_event() || soon.async_wait(asio::use_awaitable));
        co_return first.index();
    };
    const auto strand = asio::make_strand(l.io.get_executor());
    auto racing = start(strand, race(client));
    CHECK(l.until([&] { return racing.done(); }));
    CHECK(racing.get() == 1);
    server.send_to_all(frames::content_delta("kept"));
    const auto next = l.run(client.next_event());
    REQUIRE(next);
    CHECK(std::get<text_delta>(*next).text == "kept");
    l.run(client.disconnect());
}

} // namespace chat_client_test
