#include "testing/session.hpp"

#include "core/saturating.hpp"

#include <boost/system/system_error.hpp>

#include <utility>

namespace parley::testing {
namespace {

/// An answer waits while more than this is queued.
constexpr std::size_t max_queued_items = 1024;
constexpr std::size_t max_queued_bytes = std::size_t{4} * 1024 * 1024;

/// For the other side of a close (doc/pitfalls.md P32, P33).
constexpr std::chrono::seconds close_timeout{2};

} // namespace

session::session(boost::asio::any_io_executor executor, std::shared_ptr<server_context> context,
                 std::shared_ptr<peer> peer, std::unique_ptr<server_protocol> protocol)
    : executor_(std::move(executor)), context_(std::move(context)), peer_(std::move(peer)),
      protocol_(std::move(protocol)), to_write_(executor_), to_script_(executor_),
      to_watch_(executor_) {}

boost::asio::awaitable<void> session::run(std::shared_ptr<session> self) {
    const std::weak_ptr<session> weak = self;
    self->peer_->on_sign([weak](peer_sign sign) {
        if (const auto alive = weak.lock()) {
            alive->on_sign(sign);
        }
    });
    self->context_->book.count(&counters::sessions_open_now);
    if (self->protocol_->fault().silent) {
        self->silence();
    }
    spawn(self->executor_, self->context_, write_loop(self));
    spawn(self->executor_, self->context_, script_loop(self));
    try {
        co_await read_loop(self);
    } catch (const boost::system::system_error&) {
        // A connection ends like this on either side.
    }
    self->end();
}

void session::push(outgoing item) {
    if (ended_) {
        return;
    }
    queued_bytes_ += item.data().size();
    queue_.push_back(std::move(item));
    to_write_.notify();
}

void session::drop() { peer_->reset(); }

void session::close(std::uint16_t code, std::string reason) {
    push(outgoing::close(code, std::move(reason)));
}

void session::silence() {
    silent_ = true;
    peer_->hold();
}

void session::stop_reading() { peer_->hold(); }

void session::resume() {
    silent_ = false;
    peer_->release();
    to_write_.notify();
}

void session::heartbeat_ping(const std::string& ping_time) {
    push(protocol_->heartbeat_ping(ping_time));
}

boost::asio::awaitable<void> session::read_loop(std::shared_ptr<session> self) {
    for (;;) {
        peer_message message = co_await self->peer_->read_message();
        const bool is_text = message.is_text();
        std::string data = std::move(message).data();
        self->push_all(is_text ? self->protocol_->received(std::move(data))
                               : self->protocol_->received_binary(std::move(data)));
        self->to_script_.notify();
    }
}

boost::asio::awaitable<void> session::write_loop(std::shared_ptr<session> self) {
    while (!self->ended_) {
        if (self->queue_.empty() || self->silent_) {
            co_await self->to_write_.wait_until();
            continue;
        }
        outgoing item = std::move(self->queue_.front());
        self->queue_.pop_front();
        self->queued_bytes_ -= item.data().size();
        if (!self->full()) {
            self->to_script_.notify();
        }
        try {
            co_await self->write(std::move(item));
        } catch (const boost::system::system_error&) {
            break; // the reader sees the same end, and tidies up
        }
    }
}

boost::asio::awaitable<void> session::write(outgoing item) {
    switch (item.what()) {
    case outgoing::kind::text:
        co_await peer_->write_text(item.data());
        break;
    case outgoing::kind::binary:
        co_await peer_->write_binary(item.data());
        break;
    case outgoing::kind::bytes:
        co_await peer_->write_bytes(item.data());
        break;
    case outgoing::kind::ping:
        co_await peer_->write_ping();
        break;
    case outgoing::kind::close:
        watch_close();
        co_await peer_->close(item.code(), item.data());
        break;
    case outgoing::kind::drop:
        drop();
        break;
    }
}

boost::asio::awaitable<void> session::script_loop(std::shared_ptr<session> self) {
    const auto delay = self->protocol_->fault().established_delay;
    const time_point open_at = after(std::chrono::steady_clock::now(), delay);
    while (!self->ended_ && std::chrono::steady_clock::now() < open_at) {
        co_await self->to_script_.wait_until(open_at);
    }
    self->push_all(self->protocol_->opened());
    while (!self->ended_) {
        if (self->full()) {
            co_await self->to_script_.wait_until();
            continue;
        }
        auto item = self->protocol_->next(std::chrono::steady_clock::now());
        if (item) {
            self->push(std::move(*item));
            continue;
        }
        const time_point until = self->protocol_->paused_until().value_or(time_point::max());
        co_await self->to_script_.wait_until(until);
    }
}

boost::asio::awaitable<void> session::close_watch(std::shared_ptr<session> self) {
    const time_point until = std::chrono::steady_clock::now() + close_timeout;
    while (!self->ended_ && std::chrono::steady_clock::now() < until) {
        co_await self->to_watch_.wait_until(until);
    }
    self->peer_->shut();
}

void session::push_all(std::vector<outgoing> items) {
    for (outgoing& item : items) {
        if (item.what() == outgoing::kind::drop) {
            drop(); // at once: the output that waits is lost with the connection
            return;
        }
        push(std::move(item));
    }
}

void session::on_sign(peer_sign sign) {
    switch (sign) {
    case peer_sign::ping:
        context_->book.count(&counters::websocket_pings);
        break;
    case peer_sign::pong:
        context_->book.count(&counters::websocket_pongs);
        break;
    case peer_sign::close:
        watch_close();
        break;
    case peer_sign::violation:
        context_->book.violation("a client broke the WebSocket protocol or sent too much");
        break;
    }
}

void session::watch_close() {
    if (!std::exchange(closing_, true)) {
        spawn(executor_, context_, close_watch(shared_from_this()));
    }
}

void session::end() {
    ended_ = true;
    peer_->shut();
    to_write_.notify();
    to_script_.notify();
    to_watch_.notify();
    context_->book.discount(&counters::sessions_open_now);
}

bool session::full() const noexcept {
    return queue_.size() >= max_queued_items || queued_bytes_ >= max_queued_bytes;
}

} // namespace parley::testing
