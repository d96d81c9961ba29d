// The metrics of a client, which Prometheus can read on this machine while the client talks.
// metrics [URL]

#include <parley/chat_client.hpp>
#include <parley/prometheus.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;

using counts = std::shared_ptr<const parley::telemetry>;

//! [answer]
std::string reply_to(const std::string& request, const parley::telemetry& counted) {
    const bool known = request.starts_with("GET /metrics ");
    const std::string body = known ? parley::prometheus_text(counted) : "";
    return std::string(known ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
           "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nConnection: close"
           "\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}
//! [answer]

parley::awaitable<void> answer(tcp::socket peer, counts counted) {
    std::string request;
    auto buffer = asio::dynamic_buffer(request, 8'192);
    co_await asio::async_read_until(peer, buffer, "\r\n\r\n", asio::use_awaitable);
    const auto reply = reply_to(request, *counted);
    co_await asio::async_write(peer, asio::buffer(reply), asio::use_awaitable);
}

parley::awaitable<void> serve(tcp::acceptor& on, counts counted) {
    for (;;) {
        auto peer = co_await on.async_accept(asio::use_awaitable);
        // A reader that hangs up ends its own reply and nothing else.
        asio::co_spawn(on.get_executor(), answer(std::move(peer), counted),
                       [](std::exception_ptr) {});
    }
}

parley::awaitable<void> talk(parley::chat_client& client) {
    co_await client.init();
    const parley::answer got = co_await client.ask("Hello");
    std::cout << got.text << '\n';
    co_await client.disconnect();
}

int main(int argc, char** argv) {
    parley::testing::chat_server server;

    //! [telemetry]
    const auto counted = std::make_shared<parley::telemetry>();
    parley::chat_client_config config;
    config.server_url = argc > 1 ? argv[1] : server.url();
    config.telemetry = counted; // of any number of clients
    //! [telemetry]

    asio::io_context io;
    const auto address = asio::ip::address_v4::loopback();
    tcp::acceptor acceptor(io, tcp::endpoint(address, 0)); // a service has a port of its own
    std::cout << "http://127.0.0.1:" << acceptor.local_endpoint().port() << "/metrics\n";
    asio::co_spawn(io, serve(acceptor, counted), [](std::exception_ptr) {});

    parley::chat_client client{io.get_executor(), std::move(config)};
    std::exception_ptr failed;
    asio::co_spawn(io, talk(client), [&](std::exception_ptr failure) {
        failed = failure;
        io.stop(); // a service goes on
    });
    io.run();
    try {
        if (failed) std::rethrow_exception(failed);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
