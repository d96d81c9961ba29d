// The whole client on manual time, without sockets.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace chat_client_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("chat_client: an init without a response ends at its deadline",
          "[component][chat_client][B35][B36]") {
    const auto step =
        GENERATE(phase::resolve, phase::tcp, phase::tls, phase::upgrade, phase::session);
    client_case test;
    test.config.timeouts.init = 4s;
    test.make();
    auto& peer = test.transports->expect_connect();
    if (step != phase::session) peer.hold(step);
    auto opening = start(test.io, test.client->init());
    test.pass(3999ms);
    CHECK_FALSE(opening.done());
    test.pass(1ms);
    REQUIRE(opening.done());
    REQUIRE(opening.failure());
    CHECK(error_kind(*opening.failure()) == "CONNECTION_ERROR");
    CHECK(test.transports->alive() == 0);
}

TEST_CASE("chat_client: a missing ticket is a ticket error within the deadline of init",
          "[component][chat_client]") {
    client_case test;
    test.environment = test_environment::make(); // whose HTTP hangs
    test.environment->set_transports(test.transports);
    test.config.timeouts.init = 4s;
    test.make();
    auto opening = start(test.io, test.client->init());
    test.pass(4s);
    REQUIRE(opening.failure());
    CHECK(error_kind(*opening.failure()) == "TICKET_ERROR");
    CHECK(test.transports->made() == 0);
    test.pass(1h);
}

TEST_CASE("chat_client: callers of init join one opening", "[component][chat_client][I99][J103]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.hold(phase::tls);
    auto first = start(test.io, test.client->init());
    auto second = start(test.io, test.client->init());
    poll(test.io);
    first.cancel();
    poll(test.io);
    CHECK(first.aborted());
    CHECK_FALSE(second.done());
    peer.let_go();
    poll(test.io);
    CHECK(second.done());
    CHECK(test.client->is_connected());
    CHECK(test.transports->made() == 1);
}

TEST_CASE("chat_client: the attempt is abandoned when the last caller of init is cancelled",
          "[component][chat_client][J102]") {
    client_case test;
    test.make();
    test.expect_session().hold(phase::tls);
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    opening.cancel();
    poll(test.io);
    CHECK(opening.aborted());
    CHECK(test.transports->alive() == 0);
    test.expect_session();
    test.init();
    CHECK(test.client->is_connected());
}

TEST_CASE("chat_client: no message can be sent before the first session and after the last",
          "[component][chat_client][F74]") {
    client_case test;
    test.make();
    auto early = start(test.io, test.client->send_message("hi"));
    poll(test.io);
    CHECK(early.failed_with(errc::not_connected));
    test.expect_session();
    test.init();
    auto closing = start(test.io, test.client->disconnect());
    test.pass(5s);
    CHECK(closing.done());
    auto late = start(test.io, test.client->send_message("hi"));
    poll(test.io);
    CHECK(late.failed_with(errc::not_connected));
}

TEST_CASE("chat_client: invalid text is rejected before anything is sent",
          "[component][chat_client][F77]") {
    client_case test;
    test.make();
    test.expect_session();
    test.init();
    auto bad = start(test.io, test.client->send_message("\xff\xfe"));
    auto large = start(test.io, test.client->ask(std::string(9u << 20, 'x')));
    poll(test.io);
    CHECK(bad.failed_with(errc::invalid_utf8));
    CHECK(large.failed_with(errc::too_large));
    CHECK(test.transports->at(0).writes().empty());
}

TEST_CASE("chat_client: ask throws when the server falls silent", "[component][chat_client]") {
    client_case test;
    test.config.timeouts.answer = 10s;
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("chat_message").after(8s).reply(text_frame("still here"));
    peer.after(4s).reply(frames::ui_component("u", "c", "{}"));
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    test.pass(17s);
    CHECK_FALSE(asked.done()); // the piece of text counts, what goes to next_event does not
    test.pass(1s);
    CHECK(asked.failed_with(errc::answer_timeout));
}

TEST_CASE("chat_client: a run that does not end after stop_run ends its ask",
          "[component][chat_client]") {
    client_case test;
    test.make();
    test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    run(test.io, test.client->stop_run());
    CHECK(test.transports->at(0).writes_with(R"("type":"stop_run")") == 1);
    test.pass(9999ms);
    CHECK_FALSE(asked.done());
    test.pass(1ms);
    CHECK(asked.failed_with(errc::answer_timeout));
}

TEST_CASE("chat_client: asks take turns, and a run's events go to its ask alone",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("one").reply(text_frame("1")).reply(finished_frame);
    peer.expect_write("two").reply(text_frame("2")).reply(finished_frame);
    peer.reply(frames::error("outside"));
    test.init();
    auto one = start(test.io, test.client->ask("one"));
    auto two = start(test.io, test.client->ask("two"));
    poll(test.io);
    CHECK(one.get().text == "1");
    CHECK(two.get().text == "2");
    const auto next = run(test.io, test.client->next_event());
    REQUIRE(next);
    CHECK(std::holds_alternative<server_error>(*next));
}

TEST_CASE("chat_client: the events of a cancelled ask that is not stopped go to next_event",
          "[component][chat_client]") {
    client_case test;
    test.config.stop_cancelled_asks = false;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    poll(test.io);
    asked.cancel();
    poll(test.io);
    CHECK(asked.aborted());
    peer.reply(text_frame("for nobody")).reply(finished_frame);
    poll(test.io);
    auto text = run(test.io, test.client->next_event());
    CHECK(std::get<text_delta>(*text).text == "for nobody");
    auto end = run(test.io, test.client->next_event());
    CHECK(std::holds_alternative<chat_finished>(*end));
}

TEST_CASE("chat_client: a lost connection fails the ask whose answer was not complete",
          "[component][chat_client][I98]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("hi").reply(text_frame("half an ans")).fail_read(errc::connection_reset);
    test.expect_session();
    test.init();
    auto asked = start(test.io, test.client->ask("hi"));
    test.pass(1s);
    CHECK(asked.failed_with(errc::sent_unconfirmed));
    auto event = run(test.io, test.client->next_event());
    REQUIRE(std::holds_alternative<connection_lost>(*event));
    CHECK(std::get<connection_lost>(*event).unconfirmed == 1);
    CHECK(std::get<connection_lost>(*event).will_reconnect);
    CHECK(test.client->is_connected());
    CHECK(test.client->metrics().connections_lost == 1);
    CHECK(test.client->metrics().connections_opened == 2);
}

TEST_CASE("chat_client: a tool added on a ready session is announced and acknowledged",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto adding = start(test.io, test.client->add_client_tool(echo_tool("echo")));
    poll(test.io);
    CHECK_FALSE(adding.done());
    CHECK(peer.writes_with(R"("type":"update_tools")") == 1);
    peer.reply(frames::tools_acknowledged("client_tools_updated", 1));
    poll(test.io);
    CHECK_NOTHROW(adding.get());
    // Each has its own acknowledgement.
    auto next = start(test.io, test.client->add_client_tool(echo_tool("next")));
    poll(test.io);
    CHECK_FALSE(next.done());
    peer.reply(frames::tools_acknowledged("client_tools_updated", 2));
    poll(test.io);
    CHECK_NOTHROW(next.get());
    auto again = start(test.io, test.client->add_client_tool(echo_tool("echo")));
    poll(test.io);
    CHECK(again.failed_with(errc::tool_duplicate));
}

TEST_CASE("chat_client: a tool that is not acknowledged is an error, and is removed",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    auto adding = start(test.io, test.client->add_client_tool(echo_tool("echo")));
    test.pass(10s);
    CHECK(adding.failed_with(errc::tools_not_acknowledged));
    // Its late acknowledgement is not taken for the next one's.
    auto other = start(test.io, test.client->add_client_tool(echo_tool("echo")));
    poll(test.io);
    peer.reply(frames::tools_acknowledged("client_tools_updated"));
    poll(test.io);
    CHECK_FALSE(other.done());
    peer.reply(frames::error("no"));
    poll(test.io);
    CHECK(other.failed_with(errc::tools_refused));
    auto removing = start(test.io, test.client->remove_client_tool("echo"));
    poll(test.io);
    CHECK(removing.failed_with(errc::tool_unknown));
}

TEST_CASE("chat_client: a tool added while it reconnects is in the first configuration, once",
          "[component][chat_client][I97]") {
    client_case test;
    test.config.client_tools.push_back(echo_tool("first"));
    test.make();
    test.expect_session().expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    test.transports->at(0).fail_read(errc::connection_reset);
    auto& again = test.expect_session();
    again.hold(phase::tls);
    again.expect_write("configure_tools").reply(tools_configured_frame);
    test.pass(1s);
    run(test.io, test.client->add_client_tool(echo_tool("second")));
    again.let_go();
    poll(test.io);
    CHECK(test.client->is_connected());
    CHECK(again.writes_with("\"second\"") == 1);
    CHECK(again.writes_with("update_tools") == 0);
}

TEST_CASE("chat_client: context helpers are merged and sent", "[component][chat_client]") {
    client_case test;
    test.config.context_helpers = json_text::parse(R"({"a":1,"b":2})");
    test.make();
    auto& peer = test.expect_session();
    test.init();
    poll(test.io);
    CHECK(peer.writes_with(R"("contextHelpers":{"a":1,"b":2})") == 1);
    run(test.io, test.client->update_context_helpers(json_text::parse(R"({"b":3,"c":4})")));
    CHECK(peer.writes_with(R"("contextHelpers":{"a":1,"b":3,"c":4})") == 1);
    auto bad = start(test.io, test.client->update_context_helpers(json_text::parse("[1]")));
    poll(test.io);
    CHECK(bad.failed_with(errc::invalid_configuration));
}

TEST_CASE("chat_client: a request for the configuration gets the current one",
          "[component][chat_client]") {
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("configure_tools").reply(tools_configured_frame);
    test.init();
    peer.reply(frames::configure_tools());
    poll(test.io);
    CHECK(peer.writes_with(R"("type":"configure_tools")") == 2);
}

TEST_CASE("chat_client: a full event queue stops the reading, and the silence is not held against "
          "the peer",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.event_count = 4;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    CHECK(test.told().empty()); // the application takes them
    for (int i = 0; i < 40; ++i)
        peer.reply(text_frame(std::to_string(i)));
    test.pass(10min);
    CHECK_FALSE(peer.finished());
    CHECK(test.client->is_connected());
    for (int i = 0; i < 40; ++i) {
        auto next = start(test.io, test.client->next_event());
        poll(test.io);
        REQUIRE(next.done());
        CHECK(std::get<text_delta>(*next.get()).text == std::to_string(i));
    }
}

TEST_CASE("chat_client: run calls the handlers, and an exception of one is an event",
          "[component][chat_client][F73]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.reply(text_frame("a")).reply(text_frame("b")).reply(finished_frame);
    test.init();
    std::vector<std::string> told;
    event_handlers handlers;
    handlers
        .on_text([&](const std::string& piece) {
            told.push_back(piece);
            if (piece == "a") throw std::runtime_error("handler trouble");
        })
        .on_finished([&](const chat_finished&) -> awaitable<void> {
            told.emplace_back("finished");
            co_return;
        })
        .on<handler_failed>([&](const handler_failed& failed) {
            told.push_back(failed.message);
            throw std::runtime_error("again");
        });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    CHECK(told == std::vector<std::string>{"a", "b", "finished", "handler trouble"});
    CHECK_FALSE(running.done());
    CHECK(test.client->metrics().handlers_failed == 2);
    auto closing = start(test.io, test.client->disconnect());
    test.pass(5s);
    CHECK(closing.done());
    CHECK(running.done());
    CHECK_FALSE(running.failed());
}

TEST_CASE("chat_client: a handler may destroy the client", "[component][chat_client][F73][J105]") {
    client_case test;
    test.make();
    test.expect_session().reply(text_frame("a")).reply(text_frame("b"));
    test.init();
    int told = 0;
    event_handlers handlers;
    handlers.on_text([&](const std::string&) {
        ++told;
        test.client.reset();
    });
    auto running = start(test.io, test.client->run(std::move(handlers)));
    poll(test.io);
    CHECK(running.done());
    CHECK(told >= 1);
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: disconnect completes in every phase, and leaves nothing behind",
          "[component][chat_client][I100][J109]") {
    const auto step =
        GENERATE(phase::resolve, phase::tcp, phase::tls, phase::upgrade, phase::session);
    client_case test;
    test.make();
    auto& peer = test.transports->expect_connect();
    if (step != phase::session) peer.hold(step);
    auto opening = start(test.io, test.client->init());
    poll(test.io);
    auto closing = start(test.io, test.client->disconnect());
    auto twice = start(test.io, test.client->disconnect());
    test.pass(3s);
    CHECK(closing.done());
    CHECK(twice.done());
    CHECK(opening.failed());
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: disconnect while it reconnects ends the events, and init starts again",
          "[component][chat_client][I100]") {
    client_case test;
    test.make();
    test.expect_session().fail_read(errc::connection_reset);
    test.transports->otherwise(
        [](scripted_connection& next) { next.refuse(errc::connect_failed); });
    test.init();
    test.pass(1min);
    auto closing = start(test.io, test.client->disconnect());
    test.pass(3s);
    CHECK(closing.done());
    CHECK(out_of_work(test.io));
    std::optional<event> last;
    for (;;) {
        auto next = start(test.io, test.client->next_event());
        poll(test.io);
        REQUIRE(next.done());
        if (!next.get()) break;
        last = next.get();
    }
    REQUIRE(last);
    CHECK_FALSE(std::holds_alternative<connection_failed>(*last));
    test.expect_session();
    test.init();
    CHECK(test.client->is_connected());
}

TEST_CASE("chat_client: destruction at any moment completes each waiter, and leaves nothing behind",
          "[component][chat_client][J105]") {
    const int moment = GENERATE(0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 1000);
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.make();
    test.expect_session().expect_write("configure_tools").reply(tools_configured_frame);
    auto opening = start(test.io, test.client->init());
    auto event = start(test.io, test.client->next_event());
    auto asking = start(test.io, test.client->ask("hi"));
    for (int i = 0; i < moment && test.io.poll_one() > 0; ++i) {
    }
    test.client.reset();
    test.pass(3s);
    CHECK(opening.done());
    CHECK(event.aborted());
    CHECK(asking.done());
    CHECK(test.transports->alive() == 0);
    CHECK(out_of_work(test.io));
}

TEST_CASE("chat_client: a context destroyed with everything pending leaks nothing",
          "[component][chat_client][J106]") {
    auto environment = test_environment::make();
    auto transports = std::make_shared<scripted_transports>(environment->time);
    environment->set_transports(transports);
    environment->http->answer_ticket("t", 1h);
    {
        auto io = std::make_unique<asio::io_context>();
        chat_client_config config;
        config.server_url = "wss://chat.example";
        config.client_tools.push_back(echo_tool("echo"));
        auto client = std::make_unique<chat_client>(io->get_executor(), config, environment);
        transports->expect_connect()
            .reply(session_established_frame)
            .expect_write("configure_tools")
            .reply(tools_configured_frame);
        run(*io, client->init());
        auto asking = start(*io, client->ask("hi"));
        auto waiting = start(*io, client->ask("turn"));
        auto event = start(*io, client->next_event());
        poll(*io);
        client.reset(); // before its context, as the header says; nothing of it has run yet
        io.reset();
        CHECK_FALSE(asking.done());
        CHECK_FALSE(waiting.done());
        CHECK_FALSE(event.done());
    }
    CHECK(transports->alive() == 0);
}

TEST_CASE("chat_client: a failure of any operation of the peer's connection is reported by init",
          "[component][chat_client][J111]") {
    std::size_t n = 0;
    for (bool reached = true; reached;) { // until there is no operation of that number
        CAPTURE(++n);
        client_case test;
        test.config.client_tools.push_back(echo_tool("echo"));
        test.make();
        test.transports->fail_operation(n, errc::connection_reset);
        test.transports->otherwise(
            [](scripted_connection& next) { next.refuse(errc::connect_failed); });
        test.expect_session().expect_write("configure_tools").reply(tools_configured_frame);
        auto opening = start(test.io, test.client->init());
        test.pass(1min);
        REQUIRE(opening.done());
        // The configuration is written by the reader that finds it due; the fourth is the read on a
        // session that has been ready.
        CHECK(opening.failed() == (n < 4));
        if (n == 4) {
            const auto lost = run(test.io, test.client->next_event());
            CHECK(std::holds_alternative<connection_lost>(*lost));
        }
        auto closing = start(test.io, test.client->disconnect());
        test.pass(3s);
        CHECK(closing.done());
        CHECK(out_of_work(test.io));
        CHECK(test.transports->violations().empty());
        reached = test.transports->operations() >= n;
    }
    CHECK(n > 4);
}

TEST_CASE("chat_client: a shared ticket_manager serves two clients with one request",
          "[component][chat_client]") {
    client_case test;
    ticket_manager_options options;
    auto tickets = std::make_shared<ticket_manager>(test.io.get_executor(), test.config.auth,
                                                    test.config.server_url, ticket_config(),
                                                    options, test.environment);
    chat_client first(test.io.get_executor(), test.config, tickets, test.environment);
    chat_client second(test.io.get_executor(), test.config, tickets, test.environment);
    test.expect_session();
    test.expect_session();
    auto one = start(test.io, first.init());
    auto two = start(test.io, second.init());
    poll(test.io);
    CHECK_NOTHROW(one.get());
    CHECK_NOTHROW(two.get());
    CHECK(test.environment->http->count() == 1);
}

TEST_CASE("chat_client: thread updates use HTTP, and the new entity is used for later tickets",
          "[component][chat_client]") {
    client_case test;
    test.environment = test_environment::make();
    test.environment->set_transports(test.transports);
    test.make();
    test.environment->http->answer(200, R"({"success":true})");
    run(test.io, test.client->update_entity("conversation 1", "e1", std::nullopt));
    REQUIRE(test.environment->http->count() == 1);
    const auto request = test.environment->http->requests()[0];
    CHECK(request->method == http_method::patch);
    CHECK(request->target == "/api/v1/threads/conversation%201");
    CHECK(request->body == R"({"entityId":"e1","entityType":null})");
    test.environment->http->answer_ticket("ticket", 1h);
    test.expect_session();
    test.init();
    CHECK(test.environment->http->requests()[1]->body.find(R"("entityId":"e1")") !=
          std::string::npos);
    test.environment->http->answer(404, R"({"success":false,"error":"no such thread"})");
    metadata_patch patch;
    patch.title("new title").tag(std::nullopt);
    auto refused = start(test.io, test.client->update_metadata("x", patch));
    poll(test.io);
    CHECK(refused.failed_with(errc::thread_update_rejected));
    CHECK(test.environment->http->requests()[2]->body == R"({"title":"new title","tag":null})");
}

TEST_CASE("chat_client: the constructor throws for an invalid configuration",
          "[component][chat_client]") {
    client_case test;
    const auto refused = [&](errc why) {
        try {
            chat_client client(test.io.get_executor(), test.config, test.environment);
            return false;
        } catch (const client_error& thrown) {
            return thrown.code() == why;
        }
    };
    const auto good = test.config;
    test.config.server_url = "ws://chat.example";
    CHECK(refused(errc::plaintext_refused));
    test.config.server_url = "ftp://chat.example";
    CHECK(refused(errc::invalid_url));
    test.config = good;
    test.config.auth.user_mp_auth_token = secret("a\r\nb");
    CHECK(refused(errc::invalid_header));
    test.config = good;
    test.config.client_tools = {echo_tool("same"), echo_tool("same")};
    CHECK(refused(errc::tool_duplicate));
    test.config = good;
    test.config.client_tools = {tool("t", "", json_text::parse("3"), {})};
    CHECK(refused(errc::tool_schema_invalid));
    test.config = good;
    test.config.context_helpers = json_text::parse("[]");
    CHECK(refused(errc::invalid_configuration));
}

} // namespace chat_client_test
