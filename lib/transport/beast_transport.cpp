#include "transport/beast_transport.hpp"

#include "transport/close_frame.hpp"
#include "transport/network.hpp"
#include "transport/network_error.hpp"
#include "transport/part.hpp"
#include "transport/upgrade_check.hpp"
#include "transport/upgrade_error.hpp"
#include "transport/websocket_error.hpp"
#include "transport/wire_layer.hpp"
#include "transport/write_mark.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/beast/zlib/error.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace parley {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
static_assert(frame_gate::padding >= message_padding);

} // namespace

// Found by argument.

template <class Next>
void teardown(beast::role_type, wire_layer<Next>&, error_code& failed) {
    failed = {};
}

template <class Next, class Handler>
void async_teardown(beast::role_type, wire_layer<Next>& layer, Handler&& handler) {
    async_part(layer.next_layer(), std::forward<Handler>(handler));
}

namespace {

class websocket_connection { // of one kind or the other, from the upgrade on
public:
    virtual ~websocket_connection() = default;
    virtual awaitable<result<void>> secure(server_url server) = 0;
    virtual awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) = 0;
    virtual awaitable<result<void>> read() = 0;
    virtual awaitable<result<void>> write(std::string_view message, bool binary) = 0;
    virtual awaitable<result<void>> ping() = 0;
    virtual awaitable<result<void>> close(unsigned code, std::string reason) = 0;
};

header_list headers_of(const websocket::response_type& answer) {
    header_list headers;
    for (const auto& each : answer)
        headers.emplace_back(std::string(each.name_string()), std::string(each.value()));
    return headers;
}

template <class Stream>
class connection_over final : public websocket_connection {
public:
    template <class... Args>
    connection_over(std::shared_ptr<network> net, std::shared_ptr<stop_signal> stop,
                    transport_listener& listener, Args&&... args)
        : net_(std::move(net)), stop_(std::move(stop)), listener_(listener),
          ws_(
              net_->clock(), [this](std::size_t count) { note_bytes(count); },
              std::forward<Args>(args)...),
          hook_(stop_, [this] {
              error_code already_closed;
              beast::get_lowest_layer(ws_).close(already_closed);
          }) {}

    awaitable<result<void>> secure(server_url server) override {
        if constexpr (std::is_same_v<Stream, tls_stream>)
            return net_->tls().handshake(layer().next_layer(), std::move(server), stop_);
        else
            return nothing_to_do();
    }

    awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) override {
        set_options();
        websocket::response_type answer;
        const auto done = co_await ws_.async_handshake(answer, request->server.host_header(),
                                                       request->target, as_values);
        const error_code failed = std::get<0>(done);
        if (stop_->requested()) co_return aborted_error(phase::upgrade);
        const answer_head& head = layer().gate().head();
        if (head.current() == answer_head::state::complete && head.status() != 101)
            co_return refused_upgrade(head, net_->clock()->wall_now());
        if (head.current() == answer_head::state::not_http)
            co_return handshake_violation("the answer is no HTTP answer");
        if (head.current() == answer_head::state::too_long)
            co_return handshake_violation("the head of the answer is too long");
        if (failed) co_return upgrade_error(failed, request->server.host());
        if (auto complaint = upgrade_complaint(headers_of(answer), offered_))
            co_return handshake_violation(std::move(*complaint));
        co_return result<void>();
    }

    /// One message with a wait; then those that are there whole already, without one.
    awaitable<result<void>> read() override {
        if (begins_a_message()) { // what comes may not be for the WebSocket
            typename wire_layer<Stream>::outside_read reading(layer());
            const auto got =
                co_await layer().next_layer().async_read_some(reading.space(), as_values);
            if (std::get<0>(got))
                reading.failed(std::get<0>(got));
            else
                reading.arrived(std::get<1>(got));
        }
        do {
            if (stop_->requested()) co_return aborted_error(phase::session);
            if (deliver_in_place()) continue;
            const error_code failed = co_await read_message();
            if (failed) {
                co_await say_last_words();
                co_return read_error(failed);
            }
        } while (can_read_at_once() && listener_.wants_more());
        co_return result<void>();
    }

    awaitable<result<void>> write(std::string_view message, bool binary) override {
        const write_mark mark(writes_);
        ws_.binary(binary);
        const auto done = co_await ws_.async_write(asio::buffer(message), as_values);
        co_return write_outcome(std::get<0>(done), phase::session);
    }

    awaitable<result<void>> ping() override {
        const write_mark mark(writes_);
        const auto done = co_await ws_.async_ping(websocket::ping_data(), as_values);
        co_return write_outcome(std::get<0>(done), phase::session);
    }

    awaitable<result<void>> close(unsigned code, std::string reason) override {
        // Beast asserts that it is closed only once, and only when open (PITFALLS P32).
        if (closing_ || !ws_.is_open()) co_return result<void>();
        closing_ = true;
        // With a control callback a read that begins while the close is being written, and finds
        // the peer's close in its buffer, waits for the close, and the close for it (Beast 345).
        ws_.control_callback();
        const write_mark mark(writes_);
        const websocket::close_reason why(static_cast<websocket::close_code>(code),
                                          close_text(std::move(reason)));
        const auto done = co_await ws_.async_close(why, as_values);
        co_return write_outcome(std::get<0>(done), phase::closing);
    }

private:
    wire_layer<Stream>& layer() { return ws_.next_layer(); }

    static awaitable<result<void>> nothing_to_do() { co_return result<void>(); }

    void set_options() {
        // Beast's own timeouts miss too much (PITFALLS P33, P34): the owner has others.
        ws_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
        websocket::permessage_deflate deflate;
        deflate.client_enable = net_->config().compression;
        ws_.set_option(deflate);
        ws_.set_option(websocket::stream_base::decorator([this](websocket::request_type& to) {
            offered_ = to[http::field::sec_websocket_extensions];
            to.set(http::field::user_agent, net_->headers().user_agent());
            for (const auto& [name, value] : net_->headers().extra())
                to.insert(name, value);
        }));
        ws_.read_message_max(net_->config().limits.message_bytes);
        ws_.auto_fragment(false);
        ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
            if (kind == websocket::frame_type::pong) listener_.on_pong();
            if (kind != websocket::frame_type::close) return;
            peer_closing_ = true;
            listener_.on_close_started();
        });
    }

    void note_bytes(std::size_t count) {
        reported_open_ = layer().gate().message_open();
        listener_.on_bytes(count, reported_open_);
    }

    /// The synchronous read takes no lock: not beside our close, which reads too.
    bool can_read_at_once() { return !closing_ && layer().gate().whole_data_frame(); }

    /// The WebSocket is between two messages, and nothing is there for it.
    bool begins_a_message() {
        return !closing_ && ws_.is_open() && layer().gate().between_messages();
    }

    /// Most messages are one frame that is there whole: it is handed up from where it lies. The
    /// WebSocket never sees it, whose state it would leave as it is: it stands between two
    /// messages, and its inflater takes no notice of what is not compressed (RFC 7692 7.2.3).
    bool deliver_in_place() {
        if (closing_ || !ws_.is_open()) return false;
        const auto text = layer().take_text(net_->config().limits.message_bytes);
        if (!text) return false;
        note_message_end();
        listener_.on_text(*text);
        return true;
    }

    /// Through the WebSocket.
    awaitable<error_code> read_message() {
        std::size_t size = 0;
        do {
            if (stop_->requested()) co_return asio::error::operation_aborted;
            error_code failed;
            const asio::mutable_buffer into = space_after(size);
            if (can_read_at_once()) {
                size += ws_.read_some(into, failed);
            } else {
                const auto got = co_await ws_.async_read_some(into, as_values);
                failed = std::get<0>(got);
                size += std::get<1>(got);
            }
            if (failed) co_return failed;
        } while (!ws_.is_message_done());
        deliver(size);
        co_return error_code();
    }

    /// One buffer for the whole message and a byte more: inflating into one that fills up exactly
    /// ends in a false error before Boost 1.90 (PITFALLS P36). Only its used pages cost memory.
    asio::mutable_buffer space_after(std::size_t used) {
        const std::size_t capacity = net_->config().limits.message_bytes + 1;
        if (!message_) message_.reset(new char[capacity + message_padding]);
        return asio::buffer(message_.get() + used, capacity - used);
    }

    void note_message_end() {
        if (!reported_open_ || layer().gate().message_open()) return;
        reported_open_ = false;
        listener_.on_bytes(0, false);
    }

    void deliver(std::size_t size) {
        note_message_end();
        if (ws_.got_text()) {
            listener_.on_text(std::string_view(message_.get(), size));
        } else {
            listener_.on_binary(size);
            if (binary_) binary_->on_binary_message(std::string_view(message_.get(), size));
        }
        if (size > keep_buffer_below) message_.reset();
    }

    /// The close frame for a fault that a synchronous read or the gate found.
    awaitable<void> say_last_words() {
        if (closing_ || writes_ > 0) co_return;
        std::string words = layer().last_words();
        if (const auto wrong = layer().gate().objection())
            words = masked_close_frame(wrong->close_code);
        if (words.empty()) co_return;
        const auto said =
            co_await asio::async_write(layer().next_layer(), asio::buffer(words), as_values);
        if (!std::get<0>(said)) co_await async_part(layer().next_layer(), as_values);
    }

    error_info read_error(const error_code& failed) {
        if (stop_->requested()) return aborted_error(phase::session);
        if (const auto wrong = layer().gate().objection())
            return protocol_violation(std::string(wrong->reason), wrong->close_code);
        const websocket::close_reason& why = ws_.reason();
        if (failed == websocket::error::closed || peer_closing_ || (closing_ && why))
            return closed_by_peer(why.code, std::string_view(why.reason.data(), why.reason.size()));
        if (failed == websocket::error::message_too_big) return too_large(failed.message());
        if (failed == websocket::error::bad_frame_payload ||
            failed.category() == error_code(beast::zlib::error::end_of_stream).category())
            return protocol_violation(failed.message(), 1007);
        if (failed == websocket::condition::protocol_violation)
            return protocol_violation(failed.message(), 1002);
        return broken_connection(phase::session, failed.message());
    }

    result<void> write_outcome(const error_code& failed, phase where) const {
        if (!failed) return {};
        if (stop_->requested()) return aborted_error(where);
        return broken_connection(where, failed.message());
    }

    static constexpr std::size_t keep_buffer_below = 256 * 1024;

    const std::shared_ptr<network> net_; ///< outlives the TLS stream, whose sessions it keeps
    const std::shared_ptr<stop_signal> stop_;
    transport_listener& listener_;
    binary_listener* const binary_ = dynamic_cast<binary_listener*>(&listener_);
    websocket::stream<wire_layer<Stream>> ws_;
    const stop_signal::hook hook_;
    std::string offered_; ///< extensions
    std::unique_ptr<char[]> message_;
    unsigned writes_ = 0;
    bool closing_ = false;
    bool peer_closing_ = false;
    bool reported_open_ = false;
};

class beast_transport final : public transport {
public:
    beast_transport(std::shared_ptr<network> net, asio::any_io_executor executor,
                    transport_listener& listener)
        : net_(std::move(net)), executor_(std::move(executor)), listener_(listener),
          stop_(std::make_shared<stop_signal>()) {}

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        if (stop_->requested()) co_return aborted_error(phase::none);
        const auto outcome = co_await establish(request);
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        connection_.reset();
        error_info failed = outcome.error();
        failed.details.url = request->server.websocket_text();
        co_return failed;
    }

    awaitable<result<void>> read() override { return connection_ ? connection_->read() : refuse(); }
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
    awaitable<result<void>> establish(std::shared_ptr<const connect_request> request) {
        const auto dialed = std::make_shared<const dial_request>(
            executor_, request->server, stop_, [this](phase now) { listener_.on_phase(now); });
        auto socket = co_await net_->open(dialed);
        if (!socket) co_return socket.error();
        if (request->server.secure()) {
            connection_ = std::make_unique<connection_over<tls_stream>>(
                net_, stop_, listener_, std::move(*socket), net_->tls().native());
            listener_.on_phase(phase::tls);
            const auto shaken = co_await connection_->secure(request->server);
            if (!shaken) co_return shaken;
        } else {
            connection_ = std::make_unique<connection_over<tcp::socket>>(net_, stop_, listener_,
                                                                         std::move(*socket));
        }
        listener_.on_phase(phase::upgrade);
        co_return co_await connection_->upgrade(request);
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
