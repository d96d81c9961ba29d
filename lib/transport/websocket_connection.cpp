#include "transport/websocket_connection.hpp"

#include "async/as_values.hpp"
#include "async/bare_condition.hpp"
#include "transport/beast_transport.hpp"
#include "transport/masked_frame.hpp"
#include "transport/message_buffer.hpp"
#include "transport/network_error.hpp"
#include "transport/part.hpp"
#include "transport/tls.hpp"
#include "transport/unsent_bytes.hpp"
#include "transport/upgrade_check.hpp"
#include "transport/upgrade_error.hpp"
#include "transport/websocket_error.hpp"
#include "transport/wire_layer.hpp"
#include "transport/write_mark.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace parley {

namespace websocket = boost::beast::websocket;
using asio::ip::tcp;

static_assert(frame_gate::padding >= message_padding);

// Found by argument.
template <class Next>
void teardown(boost::beast::role_type, wire_layer<Next>&, boost::system::error_code& failed) {
    failed = {};
}

template <class Next, class Handler>
void async_teardown(boost::beast::role_type, wire_layer<Next>& layer, Handler&& handler) {
    async_part(layer.next_layer(), std::forward<Handler>(handler));
}

namespace {

/// By Beast, over a socket or TLS.
template <class Stream>
class connection_over final : public websocket_connection {
    using error_code = boost::system::error_code;
    static constexpr auto at_call = asio::as_tuple(asio::deferred); ///< no frame of its own

public:
    template <class... Args>
    connection_over(std::shared_ptr<network> net, std::shared_ptr<stop_signal> stop,
                    transport_listener& listener, const asio::any_io_executor& executor,
                    Args&&... args)
        : net_(std::move(net)), stop_(std::move(stop)), listener_(listener),
          ws_(
              net_->clock(), [this](std::size_t count) { note_bytes(count); },
              std::forward<Args>(args)...),
          hook_(stop_,
                [this] {
                    error_code already_closed;
                    boost::beast::get_lowest_layer(ws_).close(already_closed);
                    sent_.notify_all();
                }),
          message_(net_->config().limits.message_bytes), sent_(executor, net_->clock()) {
        layer().on_close([this] { goodbye(); });
    }

    awaitable<result<void>> secure(std::shared_ptr<const connect_request> request) override {
        if constexpr (std::is_same_v<Stream, tls_stream>)
            co_return co_await net_->tls().handshake(layer().next_layer(), request->server, stop_);
        co_return result<void>();
    }

    awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) override {
        set_options();
        websocket::response_type answer;
        const std::string host = request->server.host_header();
        auto shaking = ws_.async_handshake(answer, host, request->target, at_call);
        const auto done = co_await std::move(shaking);
        co_return upgraded(std::get<0>(done), answer, request->server);
    }

    bool listen(std::shared_ptr<transport_listener> who,
                std::shared_ptr<const void> kept) override {
        if (!close_reads() && !begins_a_message()) return false;
        auto heard = [who = std::move(who),
                      kept = std::move(kept)](std::exception_ptr thrown) mutable {
            const auto told = std::move(who); // who keeps this
            told->on_readable(std::move(kept), std::move(thrown));
        };
        if (layer().brought_little()) message_.release();
        if (close_reads())
            *when_closed_ = std::move(heard);
        else
            layer().listen(std::move(heard));
        return true;
    }

    bool read_at_once() override {
        if (close_reads()) return true;
        do {
            if (stop_->requested() || failed_) return false;
            if (!deliver_in_place() && (!read_held(failed_) || failed_)) return false;
        } while (can_read_at_once() && listener_.wants_more());
        return true;
    }

    bool has_ended() const override { return failed_ && closing_; }
    error_info end_reason() override { return read_error(failed_); }

    /// One message with a wait; then those that are there whole already, without one.
    awaitable<result<void>> read() override {
        if (begins_a_message()) { // what comes may not be for the WebSocket
            typename wire_layer<Stream>::outside_read reading(layer());
            if (layer().brought_little()) message_.release();
            auto receiving = layer().next_layer().async_read_some(reading.space(), at_call);
            const auto got = co_await std::move(receiving);
            reading.ended(std::get<0>(got), std::get<1>(got));
        }
        do {
            if (stop_->requested()) co_return aborted_error(phase::session);
            if (deliver_in_place()) continue;
            if (!failed_ && !read_held(failed_)) failed_ = co_await read_message();
            if (!failed_) continue;
            const result<void> why = read_error(failed_);
            co_await say_last_words();
            co_return why;
        } while (can_read_at_once() && listener_.wants_more());
        co_return result<void>();
    }

    /// The WebSocket takes no lock for a synchronous write: nothing else may be under way, of its
    /// own neither.
    bool can_write_at_once() const override {
        return at_once_ && writes_ == 0 && !reading_ && !closing_ && ws_.is_open() &&
               unsent_.empty() && !ws_.next_layer().has_kept() && !stop_->requested();
    }

    bool write_at_once(std::string_view text) override {
        if (!deflates_) {
            if (!append_masked_frame(unsent_.bytes(), frame_opcode::text, text)) return false;
        } else { // the WebSocket has to
            error_code failed;
            ws_.binary(false);
            ws_.write(asio::buffer(text), failed);
            if (failed) return false;
            unsent_.bytes() = layer().take_kept();
        }
        unsent_.send_some(layer().next_layer());
        return unsent_.empty();
    }

    awaitable<result<void>> write(std::string_view message, bool binary) override {
        const write_mark mark(writes_);
        if (!unsent_.empty()) co_return co_await send_rest();
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
        std::function<void(std::exception_ptr)> heard; // here, so that it goes with the context
        when_closed_ = &heard;
        error_code failed = asio::error::operation_aborted;
        std::exception_ptr thrown;
        try {
            const auto done = co_await ws_.async_close(why, as_values);
            failed = std::get<0>(done);
        } catch (...) { // cancelled, or out of memory
            thrown = std::current_exception();
        }
        when_closed_ = nullptr;
        if (!failed_) failed_ = failed ? failed : error_code(websocket::error::closed);
        if (heard) heard(thrown);
        if (thrown) std::rethrow_exception(thrown);
        co_return write_outcome(failed, phase::closing);
    }

private:
    /// What the handshake came to.
    result<void> upgraded(const error_code& failed, const websocket::response_type& answer,
                          const server_url& server) {
        if (stop_->requested()) return aborted_error(phase::upgrade);
        const auto sound = head_error(layer().gate().head(), net_->clock()->wall_now());
        if (!sound) return sound;
        if (failed) return upgrade_error(failed, server.host());
        if (auto complaint = upgrade_complaint(headers_of(answer), std::exchange(offered_, {})))
            return handshake_violation(std::move(*complaint));
        at_once_ = std::is_same_v<Stream, tcp::socket> && never_blocks(layer().next_layer());
        deflates_ = answer.count(boost::beast::http::field::sec_websocket_extensions) > 0;
        return {};
    }

    wire_layer<Stream>& layer() { return ws_.next_layer(); }

    awaitable<result<void>> send_rest() {
        const auto done =
            co_await asio::async_write(layer().next_layer(), unsent_.data(), as_values);
        unsent_.forget();
        sent_.notify_all();
        co_return write_outcome(std::get<0>(done), phase::session);
    }

    void set_options() {
        // Beast's own timeouts miss too much (PITFALLS P33, P34): the owner has others.
        ws_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
        websocket::permessage_deflate deflate;
        deflate.client_enable = net_->config().compression;
        ws_.set_option(deflate);
        ws_.set_option(websocket::stream_base::decorator([this](websocket::request_type& to) {
            offered_ = to[boost::beast::http::field::sec_websocket_extensions];
            net_->headers().add_to(to);
        }));
        ws_.read_message_max(net_->config().limits.message_bytes);
        ws_.auto_fragment(false);
        ws_.control_callback([this](websocket::frame_type kind, boost::beast::string_view) {
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

    /// Our close frame has been written, and the WebSocket reads on to the peer's: what comes
    /// before that is of no interest, and takes no buffer.
    bool close_reads() const {
        return when_closed_ && !reading_ && ws_.next_layer().websocket_reads();
    }

    /// The WebSocket is between two messages, and nothing is there for it.
    bool begins_a_message() {
        const bool over = closing_ || failed_ || layer().read_has_failed() || stop_->requested();
        return !over && ws_.is_open() && layer().gate().between_messages();
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

    /// Through the WebSocket, and without a wait. True when a message is over, or failed.
    bool read_held(error_code& failed) {
        while (can_read_at_once()) {
            message_.add(ws_.read_some(message_.space(), failed));
            if (failed) return true;
            if (!ws_.is_message_done()) continue;
            deliver();
            return true;
        }
        return false;
    }

    /// Likewise, but for what it takes.
    awaitable<error_code> read_message() {
        error_code failed;
        do {
            // It answers what it reads, which must not get between the halves of a message.
            while (!unsent_.empty() && !stop_->requested())
                co_await sent_.wait_until();
            if (stop_->requested()) co_return asio::error::operation_aborted;
            reading_ = true;
            const auto got = co_await ws_.async_read_some(message_.space(), as_values);
            reading_ = false;
            message_.add(std::get<1>(got));
            if (std::get<0>(got)) co_return std::get<0>(got);
            if (!ws_.is_message_done()) continue;
            deliver();
            break;
        } while (!read_held(failed));
        co_return failed;
    }

    void note_message_end() {
        if (!reported_open_ || layer().gate().message_open()) return;
        note_bytes(0);
    }

    void deliver() {
        const std::string_view message = message_.take();
        note_message_end();
        if (ws_.got_text()) {
            listener_.on_text(message);
        } else {
            listener_.on_binary(message.size());
            if (binary_) binary_->on_binary_message(message);
        }
        if (message.size() > message_buffer::keep_below) message_.release();
    }

    void goodbye() { // for a fault of the peer's, which may not read it; others have their deadline
        if (writes_ == 0 && !peer_closing_) listener_.on_close_started();
    }

    /// The close frame for a fault that a synchronous read or the gate found.
    awaitable<void> say_last_words() {
        if (closing_ || writes_ > 0 || !unsent_.empty()) co_return;
        std::string words = layer().take_kept();
        if (const auto wrong = layer().gate().objection())
            words = masked_close_frame(wrong->close_code);
        if (words.empty()) co_return;
        goodbye();
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
        return session_failure(failed);
    }

    result<void> write_outcome(const error_code& failed, phase where) const {
        if (!failed) return {};
        if (stop_->requested()) return aborted_error(where);
        return broken_connection(where, failed.message());
    }

    const std::shared_ptr<network> net_; ///< outlives the TLS stream, whose sessions it keeps
    const std::shared_ptr<stop_signal> stop_;
    transport_listener& listener_;
    binary_listener* const binary_ = dynamic_cast<binary_listener*>(&listener_);
    websocket::stream<wire_layer<Stream>> ws_;
    const stop_signal::hook hook_;
    std::string offered_; ///< extensions, until they are answered
    message_buffer message_;
    error_code failed_; ///< of a read that did not wait, or of the close
    /// Who listens while our close is under way, which has it.
    std::function<void(std::exception_ptr)>* when_closed_ = nullptr;
    unsent_bytes unsent_;
    bare_condition sent_;
    unsigned writes_ = 0;
    bool at_once_ = false; ///< the socket can be written without a wait; TLS has its BIO
    bool deflates_ = false;
    bool reading_ = false; ///< the WebSocket is, with a wait
    bool closing_ = false;
    bool peer_closing_ = false;
    bool reported_open_ = false;
};

} // namespace

std::unique_ptr<websocket_connection>
make_websocket_connection(std::shared_ptr<network> net, std::shared_ptr<stop_signal> stop,
                          transport_listener& listener, const asio::any_io_executor& executor,
                          tcp::socket&& socket, bool secure) {
    if (!secure)
        return std::make_unique<connection_over<tcp::socket>>(
            std::move(net), std::move(stop), listener, executor, std::move(socket));
    auto* const context = net->tls().native();
    return std::make_unique<connection_over<tls_stream>>(std::move(net), std::move(stop), listener,
                                                         executor, std::move(socket), context);
}

} // namespace parley
