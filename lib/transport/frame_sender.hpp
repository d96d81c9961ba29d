#pragma once

#include "async/condition.hpp"
#include "net/stop_signal.hpp"
#include "net/stream_traits.hpp"
#include "websocket/masked_frame.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/unsent_bytes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace parley {

/// Sends a client's frames to a socket or TLS: a caller appends its frame and drains, one caller at
/// a time. A pong is sent with the next drain; of several unanswered pings only the last is
/// answered (RFC 6455 section 5.5.3). Strand only.
template <class Stream>
class frame_sender {
    using error_code = boost::system::error_code;

public:
    /// Refers to all of them, which outlive it.
    frame_sender(Stream& stream, const asio::any_io_executor& executor,
                 const std::shared_ptr<clock_source>& clock, const stop_signal& stop)
        : stream_(stream), stop_(stop), sent_(executor, clock) {}

    /// Messages are compressed from now on.
    void compress(permessage_deflate* by) noexcept { deflate_ = by; }

    /// A caller drains: nothing may be appended.
    bool busy() const noexcept { return busy_; }
    bool all_sent() const { return unsent_.empty() && !pong_due_ && flushed(stream_); }

    // False: there is no randomness for a mask, and nothing was appended.
    bool append_message(frame_opcode opcode, std::string_view message) {
        if (!deflate_) return append_masked_frame(unsent_.bytes(), opcode, message);
        std::string compressed;
        deflate_->deflate(message, compressed);
        return append_masked_frame(unsent_.bytes(), opcode, compressed, true);
    }
    bool append_ping() { return append_masked_frame(unsent_.bytes(), frame_opcode::ping, {}); }
    /// After which no pong is owed.
    bool append_close(unsigned code, std::string_view reason) {
        pong_due_.reset();
        return append_masked_close(unsent_.bytes(), code, reason);
    }

    /// Sends a pong now, or after the bytes that are being sent.
    void answer(std::string_view ping) {
        pong_due_.emplace(ping);
        if (busy_ || !unsent_.empty()) return;
        append_pong();
        send_now();
    }

    /// Sends as much as the socket takes now. True when that was everything.
    bool send_now() {
        if (!never_blocks(stream_)) return false;
        unsent_.send_some(stream_);
        return all_sent();
    }

    /// Returns when no caller drains.
    awaitable<void> quiet() {
        while (busy_)
            co_await sent_.wait_until();
    }

    /// Sends everything. One caller at a time.
    awaitable<error_code> drain() {
        const turn mine(*this);
        if (stop_.requested()) co_return asio::error::operation_aborted;
        if (send_now()) co_return error_code();
        do {
            if (unsent_.empty()) append_pong();
            auto writing = stream_.async_write_some(unsent_.data(), asio::as_tuple(asio::deferred));
            const auto done = co_await std::move(writing);
            unsent_.sent(std::get<1>(done));
            if (std::get<0>(done)) co_return std::get<0>(done);
        } while (!all_sent());
        co_return error_code();
    }

    /// The socket has been closed under it.
    void wake() { sent_.notify_all(); }

private:
    class turn {
    public:
        explicit turn(frame_sender& of) : of_(of) { of_.busy_ = true; }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() {
            of_.busy_ = false;
            of_.sent_.notify_all();
        }

    private:
        frame_sender& of_;
    };

    void append_pong() {
        if (!pong_due_) return;
        // Without randomness for a mask no pong is sent.
        append_masked_frame(unsent_.bytes(), frame_opcode::pong, *pong_due_);
        pong_due_.reset();
    }

    Stream& stream_;
    const stop_signal& stop_;
    permessage_deflate* deflate_ = nullptr;
    unsent_bytes unsent_;
    condition sent_;
    std::optional<std::string> pong_due_;
    bool busy_ = false;
};

} // namespace parley
