#pragma once

#include "core/clock.hpp"
#include "transport/frame_gate.hpp"
#include "transport/part.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

/// The stream that the WebSocket reads and writes: the socket or TLS, behind a `frame_gate`.
///
/// The synchronous members never touch the socket: the WebSocket calls them while somebody else may
/// be in the middle of a write, and on a thread that must not wait.
template <class Next>
class wire_layer {
public:
    using next_layer_type = Next;
    using executor_type = typename Next::executor_type;
    using error_code = boost::system::error_code;

    /// `on_read` is told how many bytes each read from the socket brought.
    template <class... Args>
    wire_layer(std::shared_ptr<clock_source> clock, std::function<void(std::size_t)> on_read,
               Args&&... args)
        : clock_(std::move(clock)), on_read_(std::move(on_read)),
          next_(std::forward<Args>(args)...) {}

    executor_type get_executor() noexcept { return next_.get_executor(); }
    next_layer_type& next_layer() noexcept { return next_; }
    const next_layer_type& next_layer() const noexcept { return next_; }
    const frame_gate& gate() const noexcept { return gate_; }

    /// Called before a close frame is written, whoever writes it.
    void on_close(std::function<void()> told) { on_close_ = std::move(told); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& into, Token&& token) {
        return asio::async_compose<Token, void(error_code, std::size_t)>(
            read_op(*this, first_of(into)), token, next_);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
        if (on_close_ && is_close_frame(from)) on_close_();
        return next_.async_write_some(from, std::forward<Token>(token));
    }

    template <class Buffers>
    std::size_t read_some(const Buffers& into, error_code& failed) {
        failed = {};
        const asio::mutable_buffer first = first_of(into);
        if (first.size() == 0) return 0;
        if (gate_.ready()) return gate_.take(first, read_at_);
        failed = asio::error::would_block;
        return 0;
    }

    /// Reached with a compressed message that is written at once, and after a fault of the peer's
    /// with the close frame that says so: kept for whoever knows that nothing is being written.
    template <class Buffers>
    std::size_t write_some(const Buffers& from, error_code& failed) {
        failed = {};
        for (auto each = asio::buffer_sequence_begin(from); each != asio::buffer_sequence_end(from);
             ++each) {
            const asio::const_buffer one = *each;
            kept_.append(static_cast<const char*>(one.data()), one.size());
        }
        return asio::buffer_size(from);
    }

    template <class Buffers>
    std::size_t read_some(const Buffers& into) {
        error_code failed;
        const std::size_t count = read_some(into, failed);
        if (failed) throw boost::system::system_error(failed);
        return count;
    }

    template <class Buffers>
    std::size_t write_some(const Buffers& from) {
        error_code never;
        return write_some(from, never);
    }

    /// A read of the socket into the gate by somebody else than the WebSocket, who begins one only
    /// when nothing is left to take. A read that the WebSocket begins meanwhile, to close, waits.
    class outside_read {
    public:
        explicit outside_read(wire_layer& layer) : layer_(layer) { layer_.read_outside_ = true; }
        outside_read(const outside_read&) = delete;
        outside_read& operator=(const outside_read&) = delete;
        ~outside_read() {
            layer_.read_outside_ = false;
            if (layer_.parked_) layer_.parked_->cancel();
        }

        asio::mutable_buffer space() {
            layer_.gate_.expect(!layer_.little_);
            return layer_.gate_.space();
        }
        /// A failure is heard by the WebSocket when it reads.
        void ended(error_code failed, std::size_t count) {
            layer_.read_failed_ = failed;
            if (failed) return;
            layer_.arrived(count);
            layer_.on_read_(count);
        }

    private:
        wire_layer& layer_;
    };

    /// One without a coroutine: calls `heard` when it has ended, with what that has thrown. Where
    /// little comes, and not often, the wait may be long, and takes no buffer.
    template <class Heard>
    void listen(Heard heard) {
        listening_.emplace(*this);
        if (little_ && !often_ && never_blocks(next_)) {
            gate_.rest();
            return wait_and_read(std::move(heard));
        }
        next_.async_read_some(
            listening_->space(),
            [this, heard = std::move(heard)](error_code failed, std::size_t count) mutable {
                end_listening(failed, count, heard);
            });
    }

    bool read_has_failed() const noexcept { return read_failed_.failed(); }
    /// The WebSocket has begun a read, which waits.
    bool websocket_reads() const noexcept { return websocket_reads_; }
    /// The last read brought little: the next wait may be long.
    bool brought_little() const noexcept { return little_; }
    std::optional<std::string_view> take_text(std::size_t longest) {
        return gate_.take_text(longest, read_at_);
    }

    /// What the WebSocket has written without waiting, and nobody has sent.
    bool has_kept() const noexcept { return !kept_.empty(); }
    std::string take_kept() noexcept { return std::exchange(kept_, std::string()); }

private:
    /// A read that the WebSocket begins meanwhile, to close, puts an end to this where it can.
    template <class Heard>
    void wait_and_read(Heard heard) {
        waiting_ = reads_beside_wait(next_);
        read_outside_ = !waiting_;
        async_await_input(next_, [this, heard = std::move(heard)](error_code failed) mutable {
            if (!read_outside_ && !std::exchange(waiting_, false)) { // called off
                listening_.reset();
                return heard(nullptr);
            }
            read_outside_ = true;
            std::size_t count = 0;
            std::exception_ptr thrown;
            try {
                if (!failed) count = next_.read_some(listening_->space(), failed);
            } catch (...) { // out of memory
                thrown = std::current_exception();
            }
            if (failed == asio::error::would_block || failed == asio::error::try_again)
                return wait_and_read(std::move(heard));
            end_listening(failed, count, heard, std::move(thrown));
        });
    }

    template <class Heard>
    void end_listening(error_code failed, std::size_t count, Heard& heard,
                       std::exception_ptr thrown = nullptr) {
        const time_point before = read_at_;
        try {
            if (!thrown) listening_->ended(failed, count);
        } catch (...) {
            thrown = std::current_exception();
        }
        often_ = read_at_ - before < often;
        listening_.reset();
        heard(std::move(thrown));
    }

    static constexpr std::chrono::seconds often{1}; // for what comes more often a buffer is kept

    /// A whole one of ours, which is masked; what is left of another frame only happens to begin
    /// so.
    template <class Buffers>
    static bool is_close_frame(const Buffers& from) {
        const asio::const_buffer first = *asio::buffer_sequence_begin(from);
        const auto* bytes = static_cast<const unsigned char*>(first.data());
        return first.size() >= 2 && bytes[0] == 0x88u &&
               asio::buffer_size(from) == (bytes[1] & 0x7fu) + std::size_t{6};
    }

    time_point look_at_clock() { return read_at_ = clock_->now(); }

    void arrived(std::size_t count) {
        little_ = count < frame_gate::small_capacity;
        gate_.commit(count, look_at_clock());
    }

    template <class Buffers>
    static asio::mutable_buffer first_of(const Buffers& buffers) {
        for (auto each = asio::buffer_sequence_begin(buffers);
             each != asio::buffer_sequence_end(buffers); ++each) {
            const asio::mutable_buffer one = *each;
            if (one.size() > 0) return one;
        }
        return {};
    }

    class read_op {
    public:
        read_op(wire_layer& layer, asio::mutable_buffer into) : layer_(layer), into_(into) {}

        template <class Self>
        void operator()(Self& self, error_code failed = {}, std::size_t count = 0) {
            switch (step_) {
            case step::start: // or after an outside read
                return start(self);
            case step::fill:
                if (!failed) layer_.arrived(count);
                break;
            case step::direct:
                if (!failed) layer_.gate_.skip(count, layer_.look_at_clock());
                break;
            case step::serve:
                return serve(self);
            }
            if (failed) return complete(self, failed, 0);
            layer_.on_read_(count);
            if (step_ == step::direct) return complete(self, {}, count);
            if (nothing_to_wait_for()) return serve(self);
            read_more(self);
        }

    private:
        enum class step { start, fill, direct, serve };

        bool nothing_to_wait_for() const {
            return layer_.gate_.ready() || layer_.gate_.failed() != frame_gate::fault::none ||
                   layer_.read_failed_ || into_.size() == 0;
        }

        template <class Self>
        void start(Self& self) {
            layer_.websocket_reads_ = true;
            if (std::exchange(layer_.waiting_, false)) cancel_wait(layer_.next_);
            if (layer_.read_outside_) {
                layer_.parked_ =
                    std::make_unique<asio::steady_timer>(layer_.get_executor(), time_point::max());
                return layer_.parked_->async_wait(std::move(self));
            }
            const auto waited = std::exchange(layer_.parked_, nullptr);
            if (!nothing_to_wait_for()) return read_more(self);
            if (waited) return serve(self);
            step_ = step::serve; // not within the initiation
            auto executor = layer_.get_executor();
            asio::post(executor, std::move(self));
        }

        template <class Self>
        void serve(Self& self) {
            if (layer_.read_failed_) return complete(self, layer_.read_failed_, 0);
            if (into_.size() > 0 && !layer_.gate_.ready())
                return complete(self, asio::error::connection_aborted, 0);
            complete(self, {}, layer_.gate_.take(into_, layer_.read_at_));
        }

        template <class Self>
        void complete(Self& self, error_code failed, std::size_t count) {
            layer_.websocket_reads_ = false;
            self.complete(failed, count);
        }

        template <class Self>
        void read_more(Self& self) {
            const std::size_t rest = layer_.gate_.direct_limit();
            if (rest > 0 && into_.size() >= rest_worth_it) {
                step_ = step::direct;
                layer_.next_.async_read_some(asio::buffer(into_, rest), std::move(self));
            } else {
                step_ = step::fill;
                layer_.gate_.expect(!layer_.little_);
                layer_.next_.async_read_some(layer_.gate_.space(), std::move(self));
            }
        }

        static constexpr std::size_t rest_worth_it = 4096;

        wire_layer& layer_;
        asio::mutable_buffer into_;
        step step_ = step::start;
    };

    const std::shared_ptr<clock_source> clock_;
    const std::function<void(std::size_t)> on_read_;
    std::function<void()> on_close_;
    Next next_;
    frame_gate gate_;
    time_point read_at_{}; // when what the gate holds arrived
    std::string kept_;
    bool read_outside_ = false;
    bool websocket_reads_ = false;
    bool waiting_ = false; ///< somebody does, for input, and it is no read
    bool little_ = true;
    bool often_ = false;
    error_code read_failed_;                     // outside
    std::unique_ptr<asio::steady_timer> parked_; // where the WebSocket waits for it
    std::optional<outside_read> listening_;      // the one without a coroutine
};

} // namespace parley
