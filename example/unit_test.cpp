// A test of one's own service: the server is in the process, and its faults are switched on one by
// one.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace asio = boost::asio;
using namespace parley::testing;

//! [subject]
/// What is tested: it says something to its user whatever happens.
parley::awaitable<std::string> reply_to(parley::chat_client& client, std::string question) {
    const auto got = co_await parley::as_result(client.ask(std::move(question)));
    if (got) co_return got->text;
    if (got.error().is(parley::errc::chat_failed)) co_return "The assistant failed.";
    co_return "The connection is bad.";
}
//! [subject]

void expect(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

//! [cases]
parley::awaitable<void> cases(parley::chat_client& client, chat_server& server) {
    server.on_message([](const received_message& message) {
        return answer_script().text("You said " + message.content);
    });
    co_await client.init();
    expect(co_await reply_to(client, "hi") == "You said hi", "an answer is passed on");

    server.on_message([](const received_message&) { return answer_script().chat_error("broken"); });
    expect(co_await reply_to(client, "hi") == "The assistant failed.", "a failed run is told");

    server.on_message([](const received_message&) { return answer_script().text("so").drop(); });
    expect(co_await reply_to(client, "hi") == "The connection is bad.", "a loss is told");
    co_await client.disconnect();
    expect(server.violations().empty(), "the client keeps to the protocol");
}
//! [cases]

//! [outage]
parley::awaitable<void> outage(parley::chat_client& client, chat_server& server) {
    server.fail(endpoint::ticket, http_fault::status(503), 1);
    co_await client.init();
    expect(server.seen().ticket_requests == 2, "a 503 is tried again");

    server.revoke_tickets(); // as when the server was replaced: it knows no ticket any more
    server.drop_all();
    while (const auto happened = co_await client.next_event())
        if (std::holds_alternative<parley::connection_restored>(*happened)) break;
    expect(server.seen().sessions_opened == 2, "the session comes back with a fresh ticket");
    co_await client.disconnect();
}
//! [outage]

//! [main]
using test = parley::awaitable<void>(parley::chat_client&, chat_server&);

void run(test& body) {
    chat_server server;
    parley::chat_client_config config;
    config.server_url = server.url();
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, body(client, server), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    io.run(); // returns when nothing is left running: a leak would hang the test
}

int main() {
    try {
        run(cases);
        run(outage);
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
//! [main]
