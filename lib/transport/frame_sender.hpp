#pragma once

#include "async/condition.hpp"
#include "core/at_exit.hpp"
#include "net/stream_traits.hpp"
#include "websocket/masked_frame.hpp"
#include "websocket/permessage_deflate.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace parley {

/// Sends a client's frames to a socket or TLS, in the order in which they are appended, at any
/// time. A pong is sent behind them; of several unanswered pings only the last is answered (RFC
/// 6455 section 5.5.3). Strand only.
template <class Stream>
class frame_sender {
    using error_code = boost::system::error_code;

public:
    /// Refers to the stream, which outlives it.
    frame_sender(Stream& stream, const asio::any_io_executor& executor,
                 const std::shared_ptr<clock_source>& clock)
        : stream_(stream), drained_(executor, clock) {}

    /// Messages are compressed from now on.
    void compress(permessage_deflate* by) noexcept { deflate_ = by; }

    // False: there is no randomness for a mask, and nothing was appended.
    bool append_message(frame_opcode opcode, std::string_view message) {
        if (!deflate_) return append_masked_frame(next_, opcode, message);
        std::string compressed;
        deflate_->deflate(message, compressed);
        return append_masked_frame(next_, opcode, compressed, true);
    }
    bool append_ping() { return append_masked_frame(next_, frame_opcode::ping, {}); }
    /// After which no pong is owed.
    bool append_close(unsigned code) {
        pong_due_.reset();
        return append_masked_close(next_, code);
    }
    void answer(std::string_view ping) { pong_due_.emplace(ping); }

    bool draining() const noexcept { return draining_; }
    bool all_sent() const {
        return sending_.empty() && next_.empty() && !pong_due_ && flushed(stream_);
    }

    /// Sends as much as the socket takes now. True when that was everything. An error is left to
    /// `drain`.
    bool send_now() {
        error_code failed;
        while (!draining_ && !failed && unsent().size() > 0)
            sent(stream_.write_some(unsent(), failed));
        return all_sent();
    }

    /// Sends everything, once the drain before it has returned.
    awaitable<error_code> drain() {
        while (draining_)
            co_await drained_.wait_until();
        draining_ = true;
        const at_exit drained([this] {
            draining_ = false;
            drained_.notify_all();
        });
        while (!all_sent()) {
            auto writing = stream_.async_write_some(unsent(), asio::as_tuple(asio::deferred));
            const auto done = co_await std::move(writing);
            sent(std::get<1>(done));
            if (std::get<0>(done)) co_return std::get<0>(done);
        }
        co_return error_code();
    }

private:
    asio::const_buffer unsent() {
        if (sending_.empty()) {
            sending_.swap(next_);
            // Without randomness for a mask no pong is sent.
            if (pong_due_) append_masked_frame(sending_, frame_opcode::pong, *pong_due_);
            pong_due_.reset();
        }
        return asio::buffer(sending_) + sent_;
    }

    void sent(std::size_t count) noexcept {
        sent_ += count;
        if (sent_ < sending_.size()) return;
        sent_ = 0;
        std::string().swap(sending_); // an idle session keeps no buffer
    }

    Stream& stream_;
    permessage_deflate* deflate_ = nullptr;
    std::string sending_; ///< a write may refer to it
    std::size_t sent_ = 0;
    std::string next_;
    std::optional<std::string> pong_due_;
    bool draining_ = false;
    condition drained_;
};

} // namespace parley
