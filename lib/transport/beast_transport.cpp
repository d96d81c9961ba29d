#include "transport/beast_transport.hpp"

#include "transport/beast_connection.hpp"
#include "transport/dial.hpp"
#include "transport/network.hpp"
#include "transport/network_error.hpp"
#include "transport/stop_signal.hpp"
#include "transport/tls.hpp"
#include "transport/websocket_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

using asio::ip::tcp;

class beast_transport final : public transport {
public:
    beast_transport(std::shared_ptr<network> net, asio::any_io_executor executor,
                    transport_listener& listener)
        : net_(std::move(net)), executor_(std::move(executor)), listener_(listener),
          stop_(std::make_shared<stop_signal>()) {}

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        if (stop_->requested()) co_return aborted_error(phase::none);
        auto socket = co_await dial(request->server);
        result<void> outcome;
        if (socket)
            adopt(*std::move(socket), request->server.secure());
        else
            outcome = socket.error();
        if (socket && request->server.secure()) {
            listener_.on_phase(phase::tls);
            outcome = co_await connection_->secure(request->server);
        }
        if (outcome) {
            listener_.on_phase(phase::upgrade);
            outcome = co_await connection_->upgrade(request);
        }
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        connection_.reset();
        error_info failed = outcome.error();
        failed.details.url = request->server.websocket_text();
        co_return failed;
    }

    bool listen(std::shared_ptr<transport_listener> who,
                std::shared_ptr<const void> kept) override {
        return connection_ && connection_->listen(std::move(who), std::move(kept));
    }
    bool read_at_once() override { return connection_ && connection_->read_at_once(); }
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
    awaitable<result<void>> close(unsigned code, std::string reason) override {
        return connection_ ? connection_->close(code, std::move(reason)) : refuse();
    }

    void abort() noexcept override { stop_->request(); }

private:
    awaitable<result<tcp::socket>> dial(const server_url& server) {
        return net_->open(
            std::make_shared<const dial_request>(executor_, server, socket_use::session, stop_,
                                                 [this](phase now) { listener_.on_phase(now); }));
    }

    void adopt(tcp::socket socket, bool secure) {
        if (secure)
            connection_ = std::make_unique<connection_over<tls_stream>>(
                net_, stop_, listener_, executor_, std::move(socket), net_->tls().native());
        else
            connection_ = std::make_unique<connection_over<tcp::socket>>(
                net_, stop_, listener_, executor_, std::move(socket));
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

class beast_factory final : public transport_factory {
public:
    explicit beast_factory(std::shared_ptr<network> net) : net_(std::move(net)) {}

    std::unique_ptr<transport> make(asio::any_io_executor executor,
                                    transport_listener& listener) override {
        return std::make_unique<beast_transport>(net_, std::move(executor), listener);
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

awaitable<result<void>> write_binary(transport& over, std::string_view message) {
    return dynamic_cast<beast_transport&>(over).write(message, true);
}

std::shared_ptr<transport_factory> make_beast_transports(std::shared_ptr<network> network) {
    return std::make_shared<beast_factory>(std::move(network));
}

} // namespace parley
