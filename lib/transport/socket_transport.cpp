#include "transport/socket_transport.hpp"

#include "async/asio_errors.hpp"
#include "core/wipe.hpp"
#include "net/network.hpp"
#include "net/network_error.hpp"
#include "net/stop_signal.hpp"
#include "net/stream_traits.hpp"
#include "net/tls.hpp"
#include "transport/discard_input.hpp"
#include "transport/frame_sender.hpp"
#include "transport/stream_io.hpp"
#include "transport/upgrade_error.hpp"
#include "transport/websocket_error.hpp"
#include "websocket/frame_reader.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/upgrade_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

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
class socket_transport final : public transport {
    using error_code = boost::system::error_code;
    static constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;
    static constexpr auto at_call = asio::as_tuple(asio::deferred); ///< no frame of its own

public:
    template <class... Args>
    socket_transport(std::shared_ptr<network> net, asio::any_io_executor executor,
                     transport_listener& listener, Args&&... args)
        : net_(std::move(net)), executor_(std::move(executor)), listener_(listener),
          stream_(tcp::socket(executor_), std::forward<Args>(args)...),
          reader_(net_->config().limits.message_bytes),
          sender_(stream_, executor_, net_->clock(), *stop_), hook_(stop_, [this] {
              error_code already_closed;
              socket_of(stream_).close(already_closed);
              sender_.wake();
          }) {}

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        if (stop_->requested()) co_return aborted_error(phase::none);
        auto outcome = co_await dial(request);
        if constexpr (is_tls) {
            if (outcome) listener_.on_phase(phase::tls);
            if (outcome) outcome = co_await net_->tls().handshake(stream_, request->server, stop_);
        }
        if (outcome) outcome = co_await upgrade(request);
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) throw_aborted();
        abort(); // closes the socket
        error_info failed = outcome.error();
        failed.details.url = request->url;
        co_return failed;
    }

    bool listen(std::shared_ptr<transport_listener> who,
                std::shared_ptr<const void> kept) override {
        if (!reader_.hungry() || has_to_wait() || ended()) return false;
        reader_.expect(!small_reads_);
        auto heard = [this, who = std::move(who), kept = std::move(kept)](
                         error_code failed, std::size_t count, std::exception_ptr thrown) mutable {
            try {
                if (!thrown) note_read(failed, count);
            } catch (...) {
                thrown = std::current_exception();
            }
            const auto told = std::move(who); // which keeps this
            told->on_readable(std::move(kept), std::move(thrown));
        };
        const auto space = [this] { return reader_.space(); };
        // Where little comes, and seldom, the wait may be long, and takes no buffer.
        if (small_reads_ && !frequent_reads_ && never_blocks(stream_) && reader_.rest())
            wait_and_read(stream_, space, std::move(heard));
        else
            read_once(stream_, space, std::move(heard));
        return true;
    }

    bool read_at_once() override {
        hand_up();
        return !has_to_wait() && !ended();
    }

    bool has_ended() const override { return ended() && state_ == state::finished; }
    error_info end_reason() override { return read_error(); }

    awaitable<result<void>> read() override {
        for (;;) {
            if (reader_.hungry() && !ended() && !stop_->requested()) {
                reader_.expect(!small_reads_);
                auto receiving = stream_.async_read_some(reader_.space(), at_call);
                const auto got = co_await std::move(receiving);
                note_read(std::get<0>(got), std::get<1>(got));
            }
            const bool something = hand_up();
            if (has_to_wait()) co_await send_the_rest();
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

    awaitable<result<void>> write(std::string_view message, message_kind kind) override {
        if (sender_.busy()) co_await sender_.quiet();
        if (!std::exchange(begun_, false)) {
            if (!may_write()) co_return write_outcome(asio::error::not_connected, phase::session);
            const auto opcode =
                kind == message_kind::binary ? frame_opcode::binary : frame_opcode::text;
            if (!sender_.append_message(opcode, message))
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

    void abort() noexcept override { stop_->request(); }

private:
    /// Of our side of the session.
    enum class state {
        connecting,
        open,
        close_sent, ///< our close frame is on its way, or has left
        finished    ///< all has been sent
    };

    static constexpr const char* no_randomness = "the system has no randomness";
    static constexpr std::chrono::seconds frequent{1}; ///< for shorter waits a buffer is kept

    std::string_view offer() const {
        return net_->config().compression ? deflate_offer : std::string_view();
    }

    awaitable<result<void>> dial(const std::shared_ptr<const connect_request>& request) {
        return net_->open(socket_of(stream_),
                          dial_request(std::shared_ptr<const server_url>(request, &request->server),
                                       stop_, [this](phase now) { listener_.on_phase(now); }));
    }

    awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) {
        listener_.on_phase(phase::upgrade);
        const std::string key = new_upgrade_key();
        if (key.empty()) co_return broken_connection(phase::upgrade, no_randomness);
        const wiped_text text(upgrade_request_text(*request, net_->headers(), key, offer()));
        auto failed = co_await send_all(stream_, asio::buffer(text.get()));
        const std::string accept = expected_accept(key); // now, while the server is at work
        while (!failed && reader_.head().current() == response_head::state::incomplete) {
            auto receiving = stream_.async_read_some(reader_.space(), at_call);
            const auto got = co_await std::move(receiving);
            failed = std::get<0>(got);
            if (!failed) arrived(std::get<1>(got));
        }
        co_return upgraded(failed, accept, request->server);
    }

    /// The outcome of the handshake.
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
        state_ = state::open;
        reader_.begin(deflate_.get(), read_at_);
        return {};
    }

    // Reading.

    void note_read(const error_code& failed, std::size_t count) {
        failed_ = failed;
        if (!failed) arrived(count);
    }

    void arrived(std::size_t count) {
        const auto before = std::exchange(read_at_, net_->clock()->now());
        frequent_reads_ = read_at_ - before < frequent;
        small_reads_ = count < frame_reader::small_capacity;
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
            if (something && reader_.closes_next())
                break; // the messages before it may be answered first
            const auto [what, payload] = reader_.next(read_at_);
            switch (what) {
            case frame_reader::kind::nothing:
                // The messages before a fault may be answered first.
                if (!something && (fault_ = reader_.objection())) listener_.on_close_started();
                return something;
            case frame_reader::kind::ping:
                if (state_ == state::open) sender_.answer(payload);
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
        listener_.on_binary(message);
    }

    /// RFC 6455 section 5.5.1.
    void note_close(std::string_view payload) {
        peer_close_.emplace(payload);
        if (state_ == state::open) listener_.on_close_started();
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
        state_ = state::close_sent;
        return sender_.append_close(code, close_text(reason));
    }

    bool may_write() const { return state_ == state::open && !ended() && !stop_->requested(); }

    result<void> write_outcome(const error_code& failed, phase where) const {
        if (!failed) return {};
        if (stop_->requested()) return aborted_error(where);
        return broken_connection(where, failed.message());
    }

    /// Something has to be sent that may take a wait.
    bool has_to_wait() {
        if (stop_->requested()) return true;
        if (ended()) return !finish_now();
        return !sender_.busy() && !begun_ && !sender_.all_sent();
    }

    /// The end is known; true when all has been sent.
    bool finish_now() {
        if (state_ == state::finished) return true;
        if (!failed_) {
            if (sender_.busy()) return false;
            append_last_close();
            if constexpr (is_tls) return false; // a close_notify
            if (fault_) return false;           // what the peer still sends
            if (!sender_.send_now()) return false;
        }
        state_ = state::finished;
        return true;
    }

    /// Our close frame, once: the answer to the peer's, or why we end the session.
    void append_last_close() {
        if (std::exchange(state_, state::close_sent) != state::open) return;
        sender_.append_close(fault_ ? fault_->close_code : peer_close_->code, {});
    }

    awaitable<void> send_the_rest() {
        if (stop_->requested()) co_return;
        if (sender_.busy()) co_await sender_.quiet();
        if (ended() && !failed_ && state_ != state::finished) append_last_close();
        co_await sender_.drain();
        if (!ended() || std::exchange(state_, state::finished) == state::finished) co_return;
        if constexpr (is_tls) {
            auto parting = stream_.async_shutdown(at_call);
            co_await std::move(parting);
        }
        if (fault_) co_await discard_input(socket_of(stream_));
    }

    const std::shared_ptr<network> net_; ///< outlives the TLS stream, whose sessions it keeps
    const asio::any_io_executor executor_;
    const std::shared_ptr<stop_signal> stop_ = std::make_shared<stop_signal>();
    transport_listener& listener_;
    Stream stream_;
    frame_reader reader_;
    std::unique_ptr<permessage_deflate> deflate_; ///< where it was agreed
    frame_sender<Stream> sender_;
    const stop_signal::hook hook_;
    std::optional<frame_reader::close_reason> peer_close_;
    std::optional<frame_reader::complaint> fault_; ///< of the frame that was to be taken next
    time_point read_at_{};                         ///< when what the reader holds arrived
    error_code failed_;                            ///< of a read
    state state_ = state::connecting;
    bool begun_ = false; ///< a message or close, at once: the rest is for `write` or `close`
    bool small_reads_ = true;
    bool frequent_reads_ = false;
    bool reported_open_ = false;
};

class socket_factory final : public transport_factory {
public:
    explicit socket_factory(std::shared_ptr<network> net) : net_(std::move(net)) {}

    std::unique_ptr<transport> make(asio::any_io_executor executor, transport_listener& listener,
                                    bool secure) override {
        if (!secure)
            return std::make_unique<socket_transport<tcp::socket>>(net_, std::move(executor),
                                                                   listener);
        return std::make_unique<socket_transport<tls_stream>>(net_, std::move(executor), listener,
                                                              net_->tls().native());
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

std::shared_ptr<transport_factory> make_socket_transports(std::shared_ptr<network> network) {
    return std::make_shared<socket_factory>(std::move(network));
}

} // namespace parley
