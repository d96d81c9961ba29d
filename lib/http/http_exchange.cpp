#include "http/http_exchange.hpp"

#include "async/asio_errors.hpp"
#include "core/clock.hpp"
#include "core/wipe.hpp"
#include "http/response_reader.hpp"
#include "net/network.hpp"
#include "net/network_error.hpp"
#include "net/stream_traits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace parley {

namespace {

using asio::ip::tcp;

std::string text_of(const http_request& request, const request_headers& configured) {
    const std::string host = request.server.host_header();
    const std::string length = std::to_string(request.body.size());
    header_list headers{{"Host", host}, {"Content-Type", "application/json"}};
    for (const auto& [name, value] : request.headers)
        headers.emplace_back(name, value);
    configured.add_to(headers);
    headers.emplace_back("Connection", "close");
    headers.emplace_back("Content-Length", length);
    return write_request(request.method == http_method::patch ? "PATCH" : "POST",
                         request.server.http_target(request.target), headers, request.body);
}

/// One exchange in progress.
class exchange {
public:
    exchange(std::shared_ptr<network> net, asio::any_io_executor executor,
             std::shared_ptr<const http_request> request)
        : net_(std::move(net)), request_(std::move(request)),
          stop_(std::make_shared<stop_signal>()), socket_(executor),
          deadline_(net_->clock()->make_alarm(executor)) {}

    static awaitable<result<http_response>> run(std::shared_ptr<exchange> self) {
        // Every type of cancellation ends the exchange; a composed write does not react to `total`.
        co_await asio::this_coro::reset_cancellation_state(&as_terminal);
        self->deadline_->call_at(self->request_->deadline, [raw = self.get()] {
            raw->late_ = true;
            raw->stop_->request();
        });
        auto outcome = co_await self->perform();
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) throw_aborted();
        co_return self->described(std::move(outcome).error());
    }

private:
    static asio::cancellation_type as_terminal(asio::cancellation_type type) {
        return type == asio::cancellation_type::none ? type : asio::cancellation_type::terminal;
    }

    awaitable<result<http_response>> perform() {
        const std::shared_ptr<const server_url> server(request_, &request_->server);
        std::function<void(phase)> note = [this](phase now) { at_ = now; };
        const auto opened = co_await net_->open(socket_, server, stop_, std::move(note));
        if (!opened) co_return opened.error();
        if (!server->secure()) co_return co_await converse(socket_);

        at_ = phase::tls;
        tls_context& tls = net_->tls();
        tls_stream& stream = secured_.emplace(std::move(socket_), tls.native());
        const auto shaken = co_await tls.handshake(stream, *server, stop_);
        if (!shaken) co_return shaken.error();
        co_return co_await converse(stream);
    }

    template <class Stream>
    awaitable<result<http_response>> converse(Stream& stream) {
        at_ = phase::none;
        const stop_signal::hook hook(stop_, [&socket = socket_of(stream)] {
            boost::system::error_code already_closed;
            socket.close(already_closed);
        });
        if (stop_->requested()) co_return aborted_error(phase::none);
        const server_url& server = request_->server;
        {
            const wiped_text text(text_of(*request_, net_->headers()));
            const auto sent =
                co_await asio::async_write(stream, asio::buffer(text.get()), as_tuple_awaitable);
            if (std::get<0>(sent))
                co_return broken_exchange(std::get<0>(sent), phase::none, server, true);
        }
        response_reader reader(server);
        std::array<char, 2048> chunk;
        for (;;) {
            const auto got =
                co_await stream.async_read_some(asio::buffer(chunk), as_tuple_awaitable);
            const std::string_view bytes(chunk.data(), std::get<1>(got));
            auto outcome = reader.feed(bytes, std::get<0>(got));
            if (outcome) co_return *std::move(outcome);
        }
    }

    error_info described(error_info failed) const {
        if (late_)
            failed =
                network_error(errc::timed_out, at_, true,
                              "The server " + request_->server.host() + " did not answer in time");
        failed.details.url = request_->server.http_text(request_->target);
        return failed;
    }

    const std::shared_ptr<network> net_;
    const std::shared_ptr<const http_request> request_;
    const std::shared_ptr<stop_signal> stop_;
    tcp::socket socket_;
    std::optional<tls_stream> secured_; ///< over the socket
    const std::unique_ptr<alarm> deadline_;
    bool late_ = false;
    phase at_ = phase::none;
};

class network_http_client final : public http_client {
public:
    explicit network_http_client(std::shared_ptr<network> net) : net_(std::move(net)) {}

    awaitable<result<http_response>> send(asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request) override {
        return exchange::run(
            std::make_shared<exchange>(net_, std::move(executor), std::move(request)));
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

std::shared_ptr<http_client> make_http_client(std::shared_ptr<network> network) {
    return std::make_shared<network_http_client>(std::move(network));
}

} // namespace parley
