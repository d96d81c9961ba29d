// What it costs to connect for a client that can be used like chat_client: the floor's Beast, and
// only what is promised beyond a stream of messages. No ticket, no tools, no state machine, no
// reconnecting, one message at a time. It bounds what `connect` can come to: see
// doc/performance.md.

#include "common/measure.hpp"
#include "common/task.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::use_awaitable;
using namespace std::chrono_literals;

void rethrow(std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
}

asio::awaitable<void> look(asio::steady_timer& changed) {
    boost::system::error_code woken;
    co_await changed.async_wait(asio::redirect_error(use_awaitable, woken));
}

class client : public std::enable_shared_from_this<client> {
public:
    client(asio::io_context& context, const bench::task& asked)
        : strand_(asio::make_strand(context)),
          endpoint_(asio::ip::make_address(asked.host()),
                    static_cast<unsigned short>(std::stoul(asked.port()))),
          host_(asked.host()), target_(asked.path() + "/ws?ticket=bench"), ws_(strand_),
          deadline_(strand_), silence_(strand_),
          changed_(strand_, asio::steady_timer::time_point::max()) {}

    /// From any thread, and back to the caller's executor: the work is on the strand.
    asio::awaitable<void> init() {
        co_await asio::co_spawn(strand_, open(shared_from_this()), use_awaitable);
    }
    asio::awaitable<void> disconnect() {
        co_await asio::co_spawn(strand_, close(shared_from_this()), use_awaitable);
    }

private:
    using self_ptr = std::shared_ptr<client>;

    static asio::awaitable<void> open(self_ptr self) {
        self->give(self->deadline_, 30s);
        auto& tcp = beast::get_lowest_layer(self->ws_);
        co_await tcp.async_connect(self->endpoint_, use_awaitable);
        tcp.socket().set_option(asio::ip::tcp::no_delay(true));
        co_await self->ws_.async_handshake(self->host_, self->target_, use_awaitable);
        self->give(self->silence_, 60s);
        // Somebody has to read, whether the user asks for an event or not.
        asio::co_spawn(self->strand_, read_all(self), rethrow);
        while (!self->ready_ && !self->over_)
            co_await look(self->changed_);
        self->deadline_.cancel();
        if (!self->ready_) throw std::runtime_error("no session");
    }

    static asio::awaitable<void> close(self_ptr self) {
        self->give(self->deadline_, 5s);
        co_await self->ws_.async_close(websocket::close_code::normal, use_awaitable);
        while (!self->over_)
            co_await look(self->changed_);
        self->deadline_.cancel();
        self->silence_.cancel();
    }

    static asio::awaitable<void> read_all(self_ptr self) {
        beast::flat_buffer buffer;
        for (;;) {
            boost::system::error_code ended;
            co_await self->ws_.async_read(buffer, asio::redirect_error(use_awaitable, ended));
            if (ended) break;
            self->take(beast::buffers_to_string(buffer.data()));
            buffer.consume(buffer.size());
        }
        self->over_ = true;
        self->changed_.cancel();
    }

    void take(std::string text) {
        const simdjson::padded_string padded(text);
        auto message = parser_.iterate(padded);
        const std::string_view type = message["type"];
        if (type == "session_established")
            ready_ = true;
        else
            events_.push_back(std::move(text));
        changed_.cancel();
    }

    /// What takes longer ends with the socket.
    void give(asio::steady_timer& timer, std::chrono::seconds limit) {
        timer.expires_after(limit);
        timer.async_wait([weak = weak_from_this()](boost::system::error_code stopped) {
            const auto self = weak.lock();
            if (!stopped && self) beast::get_lowest_layer(self->ws_).close();
        });
    }

    asio::strand<asio::io_context::executor_type> strand_;
    asio::ip::tcp::endpoint endpoint_;
    std::string host_;
    std::string target_;
    websocket::stream<beast::tcp_stream> ws_;
    asio::steady_timer deadline_;
    asio::steady_timer silence_;
    asio::steady_timer changed_;
    simdjson::ondemand::parser parser_;
    std::deque<std::string> events_;
    bool ready_ = false;
    bool over_ = false;
};

asio::awaitable<void> connect_some(asio::io_context& context, bench::task asked,
                                   std::uint64_t& left, std::uint64_t& done) {
    while (left > 0) {
        --left;
        const auto one = std::make_shared<client>(context, asked);
        co_await one->init();
        co_await one->disconnect();
        ++done;
    }
}

} // namespace

int main(int count, char** words) {
    try {
        const auto asked = bench::task::from(count, words);
        bench::outcome said;
        asio::io_context context;
        std::uint64_t left = asked.count, done = 0;
        const bench::stopwatch watch;
        for (unsigned i = 0; i < asked.sessions; ++i)
            asio::co_spawn(context, connect_some(context, asked, left, done), rethrow);
        context.run();
        watch.report(said);
        said.set("messages", done);
        said.print();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
