// The messages that the page on troubleshooting quotes, each provoked: they cannot change unseen.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/with_timeout.hpp>

#include "first_use/program.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

using namespace parley;
using namespace std::chrono_literals;
using testing::answer_script;
using testing::chat_server;
using testing::endpoint;
using testing::http_fault;
using testing::received_message;

namespace {

int wrong = 0;

void expect_said(const std::string& text, const std::string& piece) {
    if (text.find(piece) != std::string::npos) return;
    std::cerr << "expected: " << piece << "\n  but got: " << text << '\n';
    ++wrong;
}

using setup = std::function<void(chat_server&, chat_client_config&)>;
using action = std::function<awaitable<void>(chat_client&)>;

chat_client_config quick_config(const chat_server& server) {
    auto config = first_use::config_for(server);
    config.ticket.max_retries = 0;
    config.connection.reconnect.backoff.base = 1ms;
    config.connection.reconnect.max_attempts = 1;
    return config;
}

/// What a client says when it is set up and used like this.
std::string said(const setup& prepare, const action& use,
                 const testing::chat_server_options& options = {}) {
    chat_server server(options);
    auto config = quick_config(server);
    prepare(server, config);
    boost::asio::io_context io;
    std::string text;
    try {
        chat_client client(io.get_executor(), std::move(config));
        auto ended = boost::asio::co_spawn(io, use(client), boost::asio::use_future);
        io.run_until(std::chrono::steady_clock::now() + 40s);
        io.stop();
        if (ended.wait_for(0s) != std::future_status::ready) return "nothing: it does not end";
        ended.get();
    } catch (const client_error& error) {
        text = error.what();
    }
    return text;
}

awaitable<void> open(chat_client& client) {
    const auto opened = co_await as_result(client.init());
    if (!opened) {
        co_await client.disconnect();
        opened.value(); // throws
    }
    co_await client.disconnect();
}

awaitable<void> ask(chat_client& client) {
    co_await client.init();
    const auto got = co_await as_result(client.ask("hi"));
    co_await client.disconnect();
    if (!got) got.value(); // throws
}

/// The cause of the first event of that type, as an exception.
template <class Event>
awaitable<void> until(chat_client& client) {
    error_info cause;
    while (const auto happened = co_await client.next_event())
        if (const auto* wanted = std::get_if<Event>(&*happened)) {
            cause = wanted->cause;
            break;
        }
    co_await client.disconnect();
    throw_error(cause);
}

setup with_fault(endpoint where, const http_fault& fault) {
    return [=](chat_server& server, chat_client_config&) { server.fail(where, fault); };
}

void about_tickets() {
    expect_said(said(with_fault(endpoint::ticket, http_fault::status(401)), open),
                "The server does not accept the credentials: HTTP 401");
    expect_said(said(with_fault(endpoint::ticket, http_fault::status(200, "<html>")), open),
                "The server's answer cannot be used: ");
    expect_said(said(with_fault(endpoint::ticket, http_fault::status(302)), open),
                "The server answered with a redirect, which is never followed: ");
    expect_said(said(with_fault(endpoint::upgrade, http_fault::status(401)), open),
                "The server rejected a fresh ticket.");
}

awaitable<void> clear_while_waiting(boost::asio::any_io_executor executor) {
    chat_server server;
    server.fail(endpoint::ticket, http_fault::hang());
    const auto tickets = std::make_shared<ticket_manager>(executor, auth_data(), server.url());
    boost::asio::co_spawn(
        executor,
        [](std::shared_ptr<ticket_manager> cleared, chat_server& asked) -> awaitable<void> {
            while (asked.seen().ticket_requests == 0)
                co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                                           boost::asio::use_awaitable);
            cleared->clear();
        }(tickets, server),
        [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
    const auto got = co_await as_result(tickets->get_valid_ticket());
    expect_said(got.error().message, "The ticket was cleared while a caller waited for it.");
    co_await tickets->stop();
}

void about_connections() {
    const auto host = [](chat_server&, chat_client_config& config) {
        config.server_url = "wss://nowhere.invalid";
    };
    expect_said(said(host, open), "The host name nowhere.invalid could not be resolved");
    expect_said(said(with_fault(endpoint::upgrade, http_fault::status(503)), open),
                "With reconnect.retry_first, init would keep trying until its deadline.");
    expect_said(said(with_fault(endpoint::upgrade,
                                http_fault::raw("HTTP/1.1 101 Switching Protocols\r\n\r\n")),
                     open),
                "The server's answer to the WebSocket upgrade is not valid");
    const auto plain = [](chat_server&, chat_client_config& config) {
        config.server_url = "ws://chat.example";
    };
    expect_said(said(plain, open),
                "it would send the ticket unencrypted; use wss, or set allow_plaintext");
    testing::chat_server_options secure;
    secure.tls = testing::server_tls::generated;
    expect_said(said([](chat_server&, chat_client_config&) {}, open, secure),
                "The certificate of localhost is not trusted");
    const auto plain_to_tls = [](chat_server& server, chat_client_config& config) {
        config.server_url = "ws://127.0.0.1:" + std::to_string(server.port());
    };
    expect_said(said(plain_to_tls, open, secure),
                "without an answer: if the port speaks TLS, use wss:// or https://");
}

void about_losses() {
    const auto dropping = [](chat_server& server, chat_client_config&) {
        server.on_message([](const received_message&) { return answer_script().text("a").drop(); });
    };
    expect_said(said(dropping, ask), "The connection was lost before the answer was complete.");
    const auto gone = [](chat_server& server, chat_client_config&) {
        server.on_message([&server](const received_message&) {
            server.refuse_connections(true);
            return answer_script().drop();
        });
    };
    const action send = [](chat_client& client) -> awaitable<void> {
        co_await client.init();
        co_await client.send_message("hi");
        co_await until<connection_failed>(client);
    };
    expect_said(said(gone, send), "The connection was lost, and reconnecting reached its ");
    const auto large = [](chat_server& server, chat_client_config& config) {
        config.connection.limits.message_bytes = 1'000;
        server.on_message(
            [](const received_message&) { return answer_script().text(std::string(2'000, 'x')); });
    };
    const action wait = [](chat_client& client) -> awaitable<void> {
        co_await client.init();
        co_await client.send_message("hi");
        co_await until<connection_lost>(client);
    };
    expect_said(said(large, wait), "The server sent a message that is larger than the limit");
}

void about_answers() {
    const auto endless = [](chat_server& server, chat_client_config& config) {
        config.timeouts.answer = 300ms;
        server.on_message(
            [](const received_message&) { return answer_script().text("a").never_finish(); });
    };
    expect_said(said(endless, ask), "The server stopped sending the answer.");
    const action second = [](chat_client& client) -> awaitable<void> {
        co_await client.init();
        co_await client.send_message("first");
        const auto got = co_await as_result(client.ask("second"));
        co_await client.disconnect();
        if (!got) got.value(); // throws
    };
    expect_said(said(endless, second), "The runs before this one did not end; nothing was sent.");
    const auto talkative = [](chat_server& server, chat_client_config& config) {
        config.timeouts.answer = 300ms;
        config.connection.limits.event_count = 2;
        server.on_message([](const received_message& message) {
            answer_script script;
            script.text("a");
            for (int i = 0; i < 8 && message.content == "second"; ++i)
                script.raw(R"({"type":"error","error":"outside of the run"})");
            return script.never_finish();
        });
    };
    const action full = [](chat_client& client) -> awaitable<void> {
        co_await client.init();
        auto taken = with_timeout(client.next_event(), 1ms); // from now on the events are taken
        co_await as_result(std::move(taken));
        const auto got = co_await as_result(client.ask("second"));
        co_await client.disconnect();
        if (!got) got.value(); // throws
    };
    expect_said(said(talkative, full),
                "The event queue is full, so nothing is read: call next_event or run beside ask.");
}

awaitable<json_text> nothing(tool_call) { co_return json_text(); }

void about_tools_and_settings() {
    const tool one("one", "A tool", json_text::parse("{}"), nothing);
    const auto ignored = [&one](chat_server& server, chat_client_config& config) {
        config.client_tools.push_back(one);
        config.timeouts.acknowledge = 300ms;
        server.fail_sessions(testing::session_fault().ignore_tools());
    };
    expect_said(said(ignored, open), "The server did not acknowledge the tool configuration.");
    const auto twice = [&one](chat_server&, chat_client_config& config) {
        config.client_tools = {one, one};
    };
    expect_said(said(twice, open), "There is a tool \"one\" already: names are unique.");
    try {
        chat_client client(boost::asio::any_io_executor(), quick_config(chat_server()));
    } catch (const client_error& error) {
        expect_said(error.what(),
                    "The executor is empty; pass the executor of the execution context.");
    }
}

awaitable<void> all(boost::asio::any_io_executor executor) {
    co_await clear_while_waiting(executor);
    about_tickets();
    about_connections();
    about_losses();
    about_answers();
    about_tools_and_settings();
    first_use::expect(wrong == 0, "every message is as the page quotes it");
}

} // namespace

int main() { return first_use::run(all); }
