#include "transport/socket_transport.hpp"

#include "async/asio_errors.hpp"
#include "net/dial.hpp"
#include "net/network.hpp"
#include "net/network_error.hpp"
#include "net/stop_signal.hpp"
#include "transport/websocket_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

using asio::ip::tcp;

class socket_transport final : public transport {
public:
    socket_transport(std::shared_ptr<network> net, asio::any_io_executor executor,
                     transport_listener& listener)
        : net_(std::move(net)), executor_(std::move(executor)), listener_(listener),
          stop_(std::make_shared<stop_signal>()) {}

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        if (stop_->requested()) co_return aborted_error(phase::none);
        tcp::socket socket(executor_);
        auto outcome = co_await dial(socket, request);
        if (outcome)
            connection_ = make_websocket_connection(net_, stop_, listener_, executor_,
                                                    std::move(socket), request->server.secure());
        if (outcome && request->server.secure()) {
            listener_.on_phase(phase::tls);
            outcome = co_await connection_->secure(request);
        }
        if (outcome) {
            listener_.on_phase(phase::upgrade);
            outcome = co_await connection_->upgrade(request);
        }
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) throw_aborted();
        connection_.reset();
        error_info failed = outcome.error();
        failed.details.url = request->url;
        co_return failed;
    }

    bool listen(std::shared_ptr<transport_listener> who,
                std::shared_ptr<const void> kept) override {
        return connection_ && connection_->listen(std::move(who), std::move(kept));
    }
    bool read_at_once() override { return connection_ && connection_->read_at_once(); }
    bool has_ended() const override { return connection_ && connection_->has_ended(); }
    error_info end_reason() override { return connection_->end_reason(); }
    awaitable<result<void>> read() override { return connection_ ? connection_->read() : refuse(); }
    bool can_write_at_once() const override {
        return connection_ && connection_->can_write_at_once();
    }
    bool write_at_once(std::string_view text) override { return connection_->write_at_once(text); }
    awaitable<result<void>> write(std::string_view text) override { return write(text, false); }
    awaitable<result<void>> write(std::string_view message, bool binary) {
        return connection_ ? connection_->write(message, binary) : refuse();
    }
    awaitable<result<void>> ping() override { return connection_ ? connection_->ping() : refuse(); }
    bool close_at_once(unsigned code) override {
        return connection_ && connection_->close_at_once(code);
    }
    awaitable<result<void>> close(unsigned code, std::string reason) override {
        return connection_ ? connection_->close(code, std::move(reason)) : refuse();
    }

    void abort() noexcept override { stop_->request(); }

private:
    awaitable<result<void>> dial(tcp::socket& socket,
                                 const std::shared_ptr<const connect_request>& request) {
        return net_->open(socket,
                          dial_request(std::shared_ptr<const server_url>(request, &request->server),
                                       stop_, [this](phase now) { listener_.on_phase(now); }));
    }

    static awaitable<result<void>> refuse() {
        co_return error_info(errc::not_connected, "There is no connection.");
    }

    const std::shared_ptr<network> net_;
    const asio::any_io_executor executor_;
    transport_listener& listener_;
    const std::shared_ptr<stop_signal> stop_;
    std::unique_ptr<websocket_connection> connection_;
};

class socket_factory final : public transport_factory {
public:
    explicit socket_factory(std::shared_ptr<network> net) : net_(std::move(net)) {}

    std::unique_ptr<transport> make(asio::any_io_executor executor,
                                    transport_listener& listener) override {
        return std::make_unique<socket_transport>(net_, std::move(executor), listener);
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

awaitable<result<void>> write_binary(transport& over, std::string_view message) {
    return dynamic_cast<socket_transport&>(over).write(message, true);
}

std::shared_ptr<transport_factory> make_socket_transports(std::shared_ptr<network> network) {
    return std::make_shared<socket_factory>(std::move(network));
}

} // namespace parley
