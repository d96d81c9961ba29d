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
#include "transport/websocket_error.hpp"
#include "websocket/frame_reader.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/upgrade_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

using asio::ip::tcp;

namespace {

/// Over a socket or TLS.
template <class Stream>
class socket_transport final : public transport {
    using error_code = boost::system::error_code;
    static constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;
    using peer_close = frame_reader::close_reason;
    using fault = frame_reader::complaint;
    static constexpr auto at_call = asio::as_tuple(asio::deferred); ///< no frame of its own

public:
    template <class... Args>
    socket_transport(std::shared_ptr<network> net, const asio::any_io_executor& executor,
                     transport_listener& listener, Args&&... args)
        : net_(std::move(net)), listener_(listener),
          stream_(tcp::socket(executor), std::forward<Args>(args)...),
          reader_(net_->config().limits.message_bytes), sender_(stream_, executor, net_->clock()),
          hook_(stop_, [this] {
              error_code already_closed;
              socket_of(stream_).close(already_closed);
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

    awaitable<result<void>> read() override {
        for (;;) {
            const bool something = hand_up();
            if (ended() || (!sender_.draining() && !sender_.all_sent())) co_await send_the_rest();
            if (ended() || stop_->requested()) co_return read_error();
            if (something) co_return result<void>();
            // Where little comes, and seldom, the wait may be long: it holds no buffer.
            if (small_reads_ && !frequent_reads_ && reader_.rest()) {
                auto waiting = async_wait_readable(stream_, at_call);
                co_await std::move(waiting); // the read reports its error
            }
            reader_.expect(!small_reads_);
            auto receiving = stream_.async_read_some(reader_.space(), at_call);
            const auto got = co_await std::move(receiving);
            if (std::get<0>(got))
                end_ = std::get<0>(got);
            else
                arrived(std::get<1>(got));
        }
    }

    result<bool> write(std::string_view message, message_kind kind) override {
        if (!may_write()) return not_connected();
        const bool binary = kind == message_kind::binary;
        return send(
            sender_.append_message(binary ? frame_opcode::binary : frame_opcode::text, message));
    }

    result<bool> ping() override {
        if (!may_write()) return not_connected();
        return send(sender_.append_ping());
    }

    result<bool> close(unsigned code) override {
        if (!may_write()) return true;
        state_ = state::close_sent;
        return send(sender_.append_close(code));
    }

    awaitable<result<void>> flush() override {
        const auto failed = co_await sender_.drain();
        if (stop_->requested()) co_return aborted_error(phase::session);
        if (failed) co_return broken_connection(phase::session, failed.message());
        co_return result<void>();
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
                          std::shared_ptr<const server_url>(request, &request->server), stop_,
                          [this](phase now) { listener_.on_phase(now); });
    }

    awaitable<result<void>> upgrade(std::shared_ptr<const connect_request> request) {
        listener_.on_phase(phase::upgrade);
        const std::string key = new_upgrade_key();
        if (key.empty()) co_return broken_connection(phase::upgrade, no_randomness);
        const wiped_text text(upgrade_request_text(*request, net_->headers(), key, offer()));
        auto sending = asio::async_write(stream_, asio::buffer(text.get()), at_call);
        const auto sent = co_await std::move(sending);
        auto failed = std::get<0>(sent);
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

    bool ended() const { return !std::holds_alternative<std::monostate>(end_); }
    const fault* peer_fault() const { return std::get_if<fault>(&end_); }

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
                if (!something && reader_.objection()) {
                    end_ = *reader_.objection();
                    listener_.on_close_started();
                }
                return something;
            case frame_reader::kind::ping:
                if (state_ != state::open) break;
                sender_.answer(payload);
                sender_.send_now();
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
        end_ = peer_close(payload);
        if (state_ == state::open) listener_.on_close_started();
    }

    error_info read_error() const {
        if (const auto* of = peer_fault()) {
            if (of->close_code == frame_reader::too_large)
                return too_large(std::string(of->reason));
            return protocol_violation(std::string(of->reason), of->close_code);
        }
        if (stop_->requested()) return aborted_error(phase::session);
        if (const auto* received = std::get_if<peer_close>(&end_))
            return closed_by_peer(received->code, received->text);
        return broken_connection(phase::session, std::get<error_code>(end_).message());
    }

    // Writing.

    bool may_write() const { return state_ == state::open && !ended() && !stop_->requested(); }

    error_info not_connected() const {
        if (stop_->requested()) return aborted_error(phase::session);
        const error_code closed = asio::error::not_connected;
        return broken_connection(phase::session, closed.message());
    }

    /// True when the socket has taken everything. `appended`: the frame could be masked.
    result<bool> send(bool appended) {
        if (!appended) return broken_connection(phase::session, no_randomness);
        return sender_.send_now();
    }

    /// A pong; and at the end our close frame and a close_notify. Those of a fault are for a peer
    /// that may still be sending, and not reading: its input is dropped meanwhile.
    awaitable<void> send_the_rest() {
        const bool broken = std::holds_alternative<error_code>(end_);
        if (stop_->requested() || broken || state_ == state::finished) co_return;
        if (ended()) append_last_close();
        std::optional<input_discarder> discarder;
        if (peer_fault()) discarder.emplace(socket_of(stream_), net_->clock());
        co_await sender_.drain();
        if (!ended()) co_return;
        state_ = state::finished;
        if constexpr (is_tls) {
            auto parting = stream_.async_shutdown(at_call);
            co_await std::move(parting);
        }
        if (discarder) co_await discarder->finish();
    }

    /// Our close frame, once: the answer to the peer's, or why we end the session.
    void append_last_close() {
        if (std::exchange(state_, state::close_sent) != state::open) return;
        sender_.append_close(peer_fault() ? peer_fault()->close_code
                                          : std::get<peer_close>(end_).code);
    }

    const std::shared_ptr<network> net_; ///< outlives the TLS stream, whose sessions it keeps
    const std::shared_ptr<stop_signal> stop_ = std::make_shared<stop_signal>();
    transport_listener& listener_;
    Stream stream_;
    frame_reader reader_;
    std::unique_ptr<permessage_deflate> deflate_; ///< where it was agreed
    frame_sender<Stream> sender_;
    const stop_signal::hook hook_;
    time_point read_at_{}; ///< when what the reader holds arrived
    state state_ = state::connecting;
    /// The end of the session: a failed read, the peer's close frame, or a fault in the frame that
    /// was to be taken next.
    std::variant<std::monostate, error_code, peer_close, fault> end_;
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
            return std::make_unique<socket_transport<tcp::socket>>(net_, executor, listener);
        return std::make_unique<socket_transport<tls_stream>>(net_, executor, listener,
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
