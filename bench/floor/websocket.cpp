// The floor of the measurements: a client as one writes it by hand with Beast, one `async_read` for
// each message.

#include "floor/floor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>

namespace bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::use_awaitable;
using plain_stream = websocket::stream<beast::tcp_stream>;
using tls_stream = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

struct place {
    explicit place(const task& asked)
        : endpoint(asio::ip::make_address(asked.host()),
                   static_cast<unsigned short>(std::stoul(asked.port()))),
          host(asked.host()), target(asked.path() + "/ws?ticket=bench"),
          deflate(asked.scenario == "stream-deflate") {
        if (!asked.tls()) return;
        tls.set_verify_mode(asio::ssl::verify_peer);
        tls.load_verify_file(asked.ca_file);
    }

    asio::ip::tcp::endpoint endpoint;
    std::string host;
    std::string target;
    bool deflate;
    asio::ssl::context tls{asio::ssl::context::tls_client};
};

template <class Stream>
class client {
public:
    client(asio::io_context& context, place& where) : where_(where), ws_(make(context, where)) {}

    asio::awaitable<void> open() {
        co_await beast::get_lowest_layer(ws_).async_connect(where_.endpoint, use_awaitable);
        beast::get_lowest_layer(ws_).socket().set_option(asio::ip::tcp::no_delay(true));
        if constexpr (std::is_same_v<Stream, tls_stream>) {
            asio::ssl::host_name_verification verification(where_.host);
            ws_.next_layer().set_verify_callback(verification);
            co_await ws_.next_layer().async_handshake(asio::ssl::stream_base::client,
                                                      use_awaitable);
        }
        websocket::permessage_deflate deflate;
        deflate.client_enable = where_.deflate;
        ws_.set_option(deflate);
        ws_.text(true);
        co_await ws_.async_handshake(where_.host, where_.target, use_awaitable);
        co_await read(); // session_established
    }

    /// One message; with `reader` it is parsed and dispatched.
    asio::awaitable<void> read(floor_reader* reader = nullptr) {
        buffer_.consume(buffer_.size());
        co_await ws_.async_read(buffer_, use_awaitable);
        if (!reader) co_return;
        buffer_.reserve(buffer_.size() + 64);
        reader->take(static_cast<const char*>(buffer_.data().data()), buffer_.size(),
                     buffer_.capacity());
    }

    asio::awaitable<void> write(std::string_view text) {
        co_await ws_.async_write(asio::buffer(text), use_awaitable);
    }

    asio::awaitable<void> close() {
        co_await ws_.async_close(websocket::close_code::normal, use_awaitable);
    }

private:
    static Stream make(asio::io_context& context, place& where) {
        if constexpr (std::is_same_v<Stream, tls_stream>)
            return Stream(context, where.tls);
        else
            return Stream(context);
    }

    place& where_;
    Stream ws_;
    beast::flat_buffer buffer_;
};

template <class Stream>
asio::awaitable<void> receive(asio::io_context& context, place& where, task asked, outcome& said) {
    client<Stream> one(context, where);
    floor_reader reader;
    co_await one.open();
    const stopwatch watch;
    const auto go = chat_message_frame();
    co_await one.write(go);
    for (std::uint64_t i = 0; i < asked.count; ++i)
        co_await one.read(&reader);
    watch.report(said);
    said.set("messages", reader.texts()).set("text_bytes", reader.text_bytes());
}

template <class Stream>
asio::awaitable<void> ping_pong(asio::io_context& context, place& where, task asked,
                                outcome& said) {
    client<Stream> one(context, where);
    floor_reader reader;
    co_await one.open();
    const auto ping = chat_message_frame();
    std::vector<double> took;
    took.reserve(asked.count);
    const stopwatch watch;
    for (std::uint64_t i = 0; i < asked.count; ++i) {
        const double begun = now_s();
        co_await one.write(ping);
        co_await one.read(&reader);
        took.push_back((now_s() - begun) * 1e6);
    }
    watch.report(said);
    said.set("messages", reader.others()).latencies(std::move(took));
}

/// The echo that a tool call is held against: the server asks and measures.
template <class Stream>
asio::awaitable<void> echo(asio::io_context& context, place& where, task asked, outcome& said) {
    client<Stream> one(context, where);
    floor_reader reader;
    co_await one.open();
    const auto answer = chat_message_frame();
    co_await one.write(answer); // go
    const stopwatch watch;
    for (std::uint64_t i = 0; i < asked.count; ++i) {
        co_await one.read(&reader);
        co_await one.write(answer);
    }
    co_await one.read(&reader);
    watch.report(said);
    said.set("messages", reader.others() - 1);
}

template <class Stream>
asio::awaitable<void> connect_some(asio::io_context& context, place& where, std::uint64_t& left,
                                   std::uint64_t& done) {
    while (left > 0) {
        --left;
        client<Stream> one(context, where);
        co_await one.open();
        co_await one.close();
        ++done;
    }
}

template <class Stream>
asio::awaitable<void> stay(asio::io_context& context, place& where, std::uint64_t& ready) {
    client<Stream> one(context, where);
    co_await one.open();
    ++ready;
    co_await one.read();
}

void rethrow(std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
}

template <class Stream>
void run_over(const task& asked, outcome& said) {
    place where(asked);
    asio::io_context context;
    if (asked.scenario.starts_with("connect")) {
        std::uint64_t left = asked.count, done = 0;
        const stopwatch watch;
        for (unsigned i = 0; i < asked.sessions; ++i)
            asio::co_spawn(context, connect_some<Stream>(context, where, left, done), rethrow);
        context.run();
        watch.report(said);
        said.set("messages", done);
        return;
    }
    if (asked.scenario.starts_with("memory")) {
        std::uint64_t ready = 0;
        const auto wait_for = [&](std::uint64_t count) {
            while (ready < count)
                context.run_one();
            context.run_for(std::chrono::milliseconds(100));
        };
        asio::co_spawn(context, stay<Stream>(context, where, ready), rethrow);
        wait_for(1);
        const double before = resident_kib();
        for (unsigned made = 0; made < asked.sessions;) {
            const unsigned some = std::min(asked.sessions - made, opened_at_once);
            for (unsigned i = 0; i < some; ++i)
                asio::co_spawn(context, stay<Stream>(context, where, ready), rethrow);
            made += some;
            while (ready < made + 1)
                context.run_one();
        }
        wait_for(asked.sessions + 1);
        said.set("kib_per_session", (resident_kib() - before) / asked.sessions);
        said.set("messages", ready - 1);
        said.print();
        std::fflush(stdout);
        std::_Exit(0);
    }
    if (asked.scenario == "ping-pong")
        asio::co_spawn(context, ping_pong<Stream>(context, where, asked, said), rethrow);
    else if (asked.scenario == "tool-call")
        asio::co_spawn(context, echo<Stream>(context, where, asked, said), rethrow);
    else
        asio::co_spawn(context, receive<Stream>(context, where, asked, said), rethrow);
    context.run();
}

} // namespace

void run_websocket(const task& asked, outcome& said) {
    if (asked.tls())
        run_over<tls_stream>(asked, said);
    else
        run_over<plain_stream>(asked, said);
}

} // namespace bench
