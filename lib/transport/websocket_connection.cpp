#include "transport/websocket_connection.hpp"

#include "async/asio_errors.hpp"
#include "core/wipe.hpp"
#include "net/network_error.hpp"
#include "net/stream_traits.hpp"
#include "net/tls.hpp"
#include "transport/discard_input.hpp"
#include "transport/frame_sender.hpp"
#include "transport/socket_transport.hpp"
#include "transport/upgrade_error.hpp"
#include "transport/websocket_error.hpp"
#include "websocket/frame_reader.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/upgrade_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace parley {

using asio::ip::tcp;

namespace {

/// Over a socket or TLS.
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
          stream_(std::forward<Args>(args)...), reader_(net_->config().limits.message_bytes),
          sender_(stream_, executor, net_->clock(), *stop_), hook_(stop_, [this] {
              error_code already_closed;
              socket_of(stream_).close(already_closed);
              sender_.wake();
          }) {}

    awaitable<result<void>> secure(std::shared_ptr<const connect_request> request) override {
        if constexpr (std::is_same_v<Stream, tls_stream>)
            co_return co_await net_->tls().handshake(stream_, request->server, stop_);
        co_return result<void>();
    }

    awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) override {
        const std::string key = new_upgrade_key();
        if (key.empty()) co_return broken_connection(phase::upgrade, no_randomness);
        const wiped_text text(upgrade_request_text(*request, net_->headers(), key, offer()));
        error_code failed;
        asio::const_buffer rest = asio::buffer(text.get());
        if (never_blocks(stream_)) rest += stream_.write_some(rest, failed);
        if (rest.size() > 0 || !flushed(stream_)) failed = co_await send_rest(rest);
        const std::string accept = expected_accept(key); // now, while the server is at work
        while (!failed && reader_.head().current() == response_head::state::incomplete) {
            auto receiving = stream_.async_read_some(reader_.space(), at_call);
            const auto got = co_await std::move(receiving);
            failed = std::get<0>(got);
            if (!failed) arrived(std::get<1>(got));
        }
        co_return upgraded(failed, accept, request->server);
    }

    bool listen(std::shared_ptr<transport_listener> who,
                std::shared_ptr<const void> kept) override {
        if (!reader_.hungry() || has_to_wait() || ended()) return false;
        reader_.expect(!little_);
        auto heard = [who = std::move(who),
                      kept = std::move(kept)](std::exception_ptr thrown) mutable {
            const auto told = std::move(who); // who keeps this
            told->on_readable(std::move(kept), std::move(thrown));
        };
        // Where little comes, and not often, the wait may be long, and takes no buffer.
        if (little_ && !often_ && never_blocks(stream_) && reader_.rest())
            wait_and_read(std::move(heard));
        else
            read_and_tell(std::move(heard));
        return true;
    }

    bool read_at_once() override {
        hand_up();
        return !has_to_wait() && !ended();
    }

    bool has_ended() const override { return ended() && parted_; }
    error_info end_reason() override { return read_error(); }

    awaitable<result<void>> read() override {
        for (;;) {
            if (reader_.hungry() && !ended() && !stop_->requested()) {
                reader_.expect(!little_);
                auto receiving = stream_.async_read_some(reader_.space(), at_call);
                const auto got = co_await std::move(receiving);
                note_read(std::get<0>(got), std::get<1>(got));
            }
            const bool something = hand_up();
            if (has_to_wait()) co_await say_the_rest();
            if (ended() || stop_->requested()) co_return read_error();
            if (something) co_return result<void>();
        }
    }

    bool can_write_at_once() const override {
        return may_write() && !sender_.busy() && !begun_ && sender_.all_sent() &&
               never_blocks(stream_);
    }

    bool write_at_once(std::string_view text) override {
        if (!sender_.append_message(frame_opcode::text, text)) return false;
        begun_ = !sender_.send_now();
        return !begun_;
    }

    awaitable<result<void>> write(std::string_view message, bool binary) override {
        if (sender_.busy()) co_await sender_.quiet();
        if (!std::exchange(begun_, false)) {
            if (!may_write()) co_return write_outcome(asio::error::not_connected, phase::session);
            if (!sender_.append_message(binary ? frame_opcode::binary : frame_opcode::text,
                                        message))
                co_return broken_connection(phase::session, no_randomness);
        }
        co_return write_outcome(co_await sender_.drain(), phase::session);
    }

    awaitable<result<void>> ping() override {
        if (sender_.busy()) co_await sender_.quiet();
        if (!may_write()) co_return write_outcome(asio::error::not_connected, phase::session);
        if (!sender_.append_ping()) co_return broken_connection(phase::session, no_randomness);
        co_return write_outcome(co_await sender_.drain(), phase::session);
    }

    bool close_at_once(unsigned code) override {
        if (!can_write_at_once() || !append_close(code, {})) return false;
        begun_ = !sender_.send_now();
        return !begun_;
    }

    awaitable<result<void>> close(unsigned code, std::string reason) override {
        if (sender_.busy()) co_await sender_.quiet();
        if (!std::exchange(begun_, false)) {
            if (!may_write()) co_return result<void>();
            if (!append_close(code, reason))
                co_return broken_connection(phase::closing, no_randomness);
        }
        co_return write_outcome(co_await sender_.drain(), phase::closing);
    }

private:
    static constexpr const char* no_randomness = "the system has no randomness";
    static constexpr std::chrono::seconds often{1}; ///< for what comes more often a buffer is kept

    std::string_view offer() const {
        return net_->config().compression ? deflate_offer : std::string_view();
    }

    /// What the handshake came to.
    result<void> upgraded(const error_code& failed, const std::string& accept,
                          const server_url& server) {
        if (stop_->requested()) return aborted_error(phase::upgrade);
        const auto& head = reader_.head();
        const auto sound = head_error(head, net_->clock()->wall_now());
        if (!sound) return sound;
        if (failed) return broken_exchange(failed, phase::upgrade, server, head.untouched());
        auto verdict = judge_upgrade(head.text(), accept, offer());
        if (verdict.complaint) return handshake_violation(std::move(*verdict.complaint));
        if (verdict.deflate) {
            deflate_ = std::make_unique<permessage_deflate>(*verdict.deflate);
            if (verdict.deflate->client_window >= least_deflated) sender_.compress(deflate_.get());
        }
        open_ = true;
        reader_.begin(deflate_.get(), read_at_);
        return {};
    }

    // Reading.

    template <class Heard>
    void read_and_tell(Heard heard) {
        stream_.async_read_some(reader_.space(), [this, heard = std::move(heard)](
                                                     error_code failed, std::size_t count) mutable {
            tell(failed, count, heard);
        });
    }

    template <class Heard>
    void wait_and_read(Heard heard) {
        async_await_input(stream_, [this, heard = std::move(heard)](error_code failed) mutable {
            std::size_t count = 0;
            std::exception_ptr thrown;
            try {
                if (!failed) count = stream_.read_some(reader_.space(), failed);
            } catch (...) { // out of memory
                thrown = std::current_exception();
            }
            if (failed == asio::error::would_block || failed == asio::error::try_again)
                return wait_and_read(std::move(heard));
            tell(failed, count, heard, std::move(thrown));
        });
    }

    template <class Heard>
    void tell(error_code failed, std::size_t count, Heard& heard,
              std::exception_ptr thrown = nullptr) {
        try {
            if (!thrown) note_read(failed, count);
        } catch (...) {
            thrown = std::current_exception();
        }
        heard(std::move(thrown));
    }

    void note_read(const error_code& failed, std::size_t count) {
        failed_ = failed;
        if (!failed) arrived(count);
    }

    void arrived(std::size_t count) {
        const auto before = std::exchange(read_at_, net_->clock()->now());
        often_ = read_at_ - before < often;
        little_ = count < frame_reader::small_capacity;
        reader_.commit(count, read_at_);
        note_bytes(count);
    }

    void note_bytes(std::size_t count) {
        reported_open_ = reader_.message_open();
        listener_.on_bytes(count, reported_open_);
    }

    bool ended() const { return failed_ || peer_close_ || fault_; }

    /// Until nothing is left, or there is no room for more. True when a message was handed up.
    bool hand_up() {
        bool something = false;
        while (!ended() && !stop_->requested() && (!something || listener_.wants_more())) {
            if (something && reader_.closes_next()) break; // what was said may yet be answered
            const auto [what, payload] = reader_.next(read_at_);
            switch (what) {
            case frame_reader::kind::nothing:
                // What came before a fault may be answered first.
                if (!something && (fault_ = reader_.objection())) listener_.on_close_started();
                return something;
            case frame_reader::kind::ping:
                if (!closing_) sender_.answer(payload);
                break;
            case frame_reader::kind::pong:
                listener_.on_pong();
                break;
            case frame_reader::kind::close:
                note_close(payload);
                break;
            default:
                deliver(what, payload);
                something = true;
            }
        }
        return something;
    }

    void deliver(frame_reader::kind what, std::string_view message) {
        if (reported_open_ && !reader_.message_open()) note_bytes(0);
        if (what == frame_reader::kind::text) return listener_.on_text(message);
        listener_.on_binary(message.size());
        if (binary_) binary_->on_binary_message(message);
    }

    /// RFC 6455 section 5.5.1.
    void note_close(std::string_view payload) {
        peer_close_.emplace(payload);
        if (!closing_) listener_.on_close_started();
    }

    error_info read_error() const {
        if (fault_) {
            if (fault_->close_code == frame_reader::too_large)
                return too_large(std::string(fault_->reason));
            return protocol_violation(std::string(fault_->reason), fault_->close_code);
        }
        if (stop_->requested()) return aborted_error(phase::session);
        if (peer_close_) return closed_by_peer(peer_close_->code, peer_close_->text);
        return broken_connection(phase::session, failed_.message());
    }

    // Writing.

    bool append_close(unsigned code, std::string_view reason) {
        closing_ = true;
        return sender_.append_close(code, close_text(reason));
    }

    bool may_write() const { return open_ && !closing_ && !ended() && !stop_->requested(); }

    awaitable<error_code> send_rest(asio::const_buffer rest) {
        error_code failed;
        do {
            auto writing = stream_.async_write_some(rest, at_call);
            const auto done = co_await std::move(writing);
            failed = std::get<0>(done);
            rest += std::get<1>(done);
        } while (!failed && (rest.size() > 0 || !flushed(stream_)));
        co_return failed;
    }

    result<void> write_outcome(const error_code& failed, phase where) const {
        if (!failed) return {};
        if (stop_->requested()) return aborted_error(where);
        return broken_connection(where, failed.message());
    }

    // The end.

    /// Something has to be said that may take a wait.
    bool has_to_wait() {
        if (stop_->requested()) return true;
        if (ended()) return !part_now();
        return !sender_.busy() && !begun_ && !sender_.all_sent();
    }

    /// The end is known; true when all has been said about it.
    bool part_now() {
        if (parted_ || failed_) return parted_ = true;
        if (sender_.busy()) return false;
        append_last_words();
        if constexpr (std::is_same_v<Stream, tls_stream>) return false; // a close_notify
        if (fault_) return false;                                       // what the peer still sends
        return parted_ = sender_.send_now();
    }

    /// Our close frame, once: the answer to the peer's, or why we end the session.
    void append_last_words() {
        if (std::exchange(closing_, true)) return;
        sender_.append_close(fault_ ? fault_->close_code : peer_close_->code, {});
    }

    awaitable<void> say_the_rest() {
        if (stop_->requested()) co_return;
        if (sender_.busy()) co_await sender_.quiet();
        if (ended() && !failed_) append_last_words();
        co_await sender_.drain();
        if (!ended() || std::exchange(parted_, true)) co_return;
        if constexpr (std::is_same_v<Stream, tls_stream>) {
            auto parting = stream_.async_shutdown(at_call);
            co_await std::move(parting);
        }
        if (fault_) co_await discard_input(socket_of(stream_));
    }

    const std::shared_ptr<network> net_; ///< outlives the TLS stream, whose sessions it keeps
    const std::shared_ptr<stop_signal> stop_;
    transport_listener& listener_;
    binary_listener* const binary_ = dynamic_cast<binary_listener*>(&listener_);
    Stream stream_;
    frame_reader reader_;
    std::unique_ptr<permessage_deflate> deflate_; ///< where it was agreed
    frame_sender<Stream> sender_;
    const stop_signal::hook hook_;
    std::optional<frame_reader::close_reason> peer_close_;
    std::optional<frame_reader::complaint> fault_; ///< of the frame that was to be taken next
    time_point read_at_{};                         ///< when what the reader holds arrived
    error_code failed_;                            ///< of a read
    bool open_ = false;
    bool closing_ = false; ///< our close frame is on its way, or has left
    bool parted_ = false;  ///< all has been said
    bool begun_ = false;   ///< something, at once: the rest is for `write` or `close`
    bool little_ = true;   ///< the last read brought little: the next wait may be long
    bool often_ = false;
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
