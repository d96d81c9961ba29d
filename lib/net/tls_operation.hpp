#pragma once

#include <parley/fwd.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace parley {

/// What an attempt has to wait for before it is worth another: nothing when it is over.
enum class tls_want { nothing, arrival, room };

/// One operation of a `tls_stream`: attempts, and the waits between them.
///
/// One of the operations that want bytes waits for the socket; the others wait until it has tried
/// again, because the bytes that it takes may be theirs.
template <class Stream, class Signature, class Attempt, class Handler>
class tls_operation {
    using error_code = boost::system::error_code;
    static constexpr bool counts = std::is_same_v<Signature, void(error_code, std::size_t)>;

public:
    using executor_type = asio::associated_executor_t<Handler, typename Stream::executor_type>;
    using allocator_type = asio::associated_allocator_t<Handler>;
    using cancellation_slot_type = asio::cancellation_slot;

    tls_operation(Stream& stream, Attempt attempt, Handler handler)
        : stream_(stream), attempt_(std::move(attempt)), handler_(std::move(handler)),
          cancellation_(asio::get_associated_cancellation_slot(handler_),
                        asio::enable_total_cancellation()) {}

    executor_type get_executor() const noexcept {
        return asio::get_associated_executor(handler_, stream_.get_executor());
    }
    allocator_type get_allocator() const noexcept {
        return asio::get_associated_allocator(handler_);
    }
    cancellation_slot_type get_cancellation_slot() const noexcept { return cancellation_.slot(); }

    void start() {
        const tls_want next = attempt_(stream_, failed_, count_);
        if (next != tls_want::nothing) return wait(next);
        now_ = step::done; // not within the initiation
        asio::post(std::move(*this));
    }

    void operator()(error_code failed = {}) {
        if (now_ == step::done) return complete();
        if (now_ == step::awaiting_bytes) stream_.end_waiting();
        if (now_ == step::awaiting_room) --stream_.making_room_;
        if (cancellation_.cancelled() != asio::cancellation_type::none)
            failed_ = asio::error::operation_aborted;
        else if (now_ != step::awaiting_turn)
            failed_ = failed;
        if (failed_) return complete();
        const tls_want next = attempt_(stream_, failed_, count_);
        if (next != tls_want::nothing) return wait(next);
        complete();
    }

private:
    enum class step {
        begun,
        awaiting_bytes,
        awaiting_turn, ///< another operation waits for bytes
        awaiting_room,
        done
    };

    void wait(tls_want next) {
        if (next == tls_want::room) {
            now_ = step::awaiting_room;
            ++stream_.making_room_;
            return stream_.socket_.async_wait(asio::socket_base::wait_write, std::move(*this));
        }
        if (stream_.awaited_) {
            now_ = step::awaiting_turn;
            return stream_.turn().async_wait(std::move(*this));
        }
        now_ = step::awaiting_bytes;
        stream_.awaited_ = true;
        stream_.socket_.async_wait(asio::socket_base::wait_read, std::move(*this));
    }

    void complete() {
        if constexpr (counts)
            std::move(handler_)(failed_, failed_ ? 0 : count_);
        else
            std::move(handler_)(failed_);
    }

    Stream& stream_;
    Attempt attempt_;
    Handler handler_;
    asio::cancellation_state cancellation_;
    error_code failed_;
    std::size_t count_ = 0;
    step now_ = step::begun;
};

} // namespace parley
