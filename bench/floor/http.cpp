// The bare exchange that a ticket refresh is held against: connect, POST, read the answer, close.

#include "floor/floor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <exception>
#include <stdexcept>

namespace bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;

asio::awaitable<void> exchange(asio::io_context& context, asio::ip::tcp::endpoint to,
                               const http::request<http::string_body>* request) {
    beast::tcp_stream stream(context);
    co_await stream.async_connect(to, use_awaitable);
    co_await http::async_write(stream, *request, use_awaitable);
    beast::flat_buffer buffer(64u << 10);
    http::response<http::string_body> answer;
    co_await http::async_read(stream, buffer, answer, use_awaitable);
    simdjson::ondemand::parser parser;
    const simdjson::padded_string body(answer.body());
    auto document = parser.iterate(body);
    const std::string_view ticket = document["ticket"];
    const std::string_view expires = document["expiresAt"];
    if (ticket.empty() || expires.empty()) throw std::runtime_error("no ticket");
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both);
}

asio::awaitable<void> refresh(asio::io_context& context, task asked, outcome& said) {
    const asio::ip::tcp::endpoint to(asio::ip::make_address(asked.host()),
                                     static_cast<unsigned short>(std::stoul(asked.port())));
    http::request<http::string_body> request(http::verb::post, asked.path() + "/api/v1/tickets",
                                             11);
    request.set(http::field::host, asked.host() + ":" + asked.port());
    request.set(http::field::user_agent, "parley/0.2.0");
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.set("x-oddle-mp-auth-token", "bench-token");
    request.body() =
        R"({"clientInfo":{"userAgent":"parley/0.2.0","timestamp":"2026-01-01T00:00:00.000Z"}})";
    request.prepare_payload();
    std::vector<double> took;
    const stopwatch watch;
    for (std::uint64_t i = 0; i < asked.count; ++i) {
        const double begun = now_s();
        co_await exchange(context, to, &request);
        took.push_back((now_s() - begun) * 1e6);
    }
    watch.report(said);
    said.set("messages", asked.count).latencies(std::move(took));
}

} // namespace

void run_http(const task& asked, outcome& said) {
    asio::io_context context;
    asio::co_spawn(context, refresh(context, asked, said), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
    context.run();
}

} // namespace bench
