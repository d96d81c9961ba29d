#pragma once

#include "net/tls_operation.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

// OpenSSL's own names of SSL and SSL_CTX: its headers stay out of this one.
struct ssl_st;
struct ssl_ctx_st;

namespace parley {

/// TLS over a socket, this side being the client: OpenSSL's records, and a pump of our own between
/// them and the socket. Asio's takes one record at a time, copies it twice, and keeps 68 KiB of
/// buffers for as long as the stream lives; this one reads several records with one call and holds
/// nothing while nothing comes.
///
/// What OpenSSL has to send goes to the socket at once, and what the socket does not take is kept
/// here in order. OpenSSL therefore never sees a full socket: no operation has to be repeated with
/// the same data, and to cancel one loses and repeats nothing.
///
/// One read and one write may be pending, on one strand. Never moved, destroyed when all its
/// operations have completed (doc/pitfalls.md P42). Every kind of cancellation ends a wait; the
/// stream stays usable.
class tls_stream {
public:
    using next_layer_type = asio::ip::tcp::socket;
    using executor_type = next_layer_type::executor_type;
    using error_code = boost::system::error_code;

    /// Throws `boost::system::system_error` when there is no memory.
    tls_stream(next_layer_type socket, ssl_ctx_st* context);
    ~tls_stream();
    tls_stream(const tls_stream&) = delete;
    tls_stream& operator=(const tls_stream&) = delete;

    executor_type get_executor() noexcept { return socket_.get_executor(); }
    next_layer_type& next_layer() noexcept { return socket_; }
    const next_layer_type& next_layer() const noexcept { return socket_; }
    ssl_st* native_handle() noexcept { return ssl_.get(); }

    /// `void(error_code)`.
    template <class Token>
    auto async_handshake(Token&& token) {
        return initiate<Token, void(error_code)>(
            [](tls_stream& stream, error_code& failed, std::size_t&) {
                return stream.try_handshake(failed);
            },
            token);
    }

    /// Whatever is there, of as many records as one read of the socket brought. `eof` after a
    /// close_notify, `stream_truncated` at an end without.
    template <class Token>
    auto async_read_some(asio::mutable_buffer into, Token&& token) {
        return initiate<Token, void(error_code, std::size_t)>(
            [into](tls_stream& stream, error_code& failed, std::size_t& count) {
                return stream.try_read(into, failed, count);
            },
            token);
    }

    /// At most one record. With nothing to write it waits until the socket has taken what was left
    /// over.
    template <class Token>
    auto async_write_some(asio::const_buffer from, Token&& token) {
        return initiate<Token, void(error_code, std::size_t)>(
            [from](tls_stream& stream, error_code& failed, std::size_t& count) {
                return stream.try_write(from, failed, count);
            },
            token);
    }

    /// Waits until a read is worth a try. `void(error_code)`; the read reports what it finds.
    template <class Token>
    auto async_wait_readable(Token&& token) {
        return initiate<Token, void(error_code)>(
            [](tls_stream& stream, error_code&, std::size_t&) { return stream.try_wait(); }, token);
    }

    /// Sends a close_notify (RFC 8446 section 6.1), and does not wait for the peer's.
    /// `void(error_code)`.
    template <class Token>
    auto async_shutdown(Token&& token) {
        return initiate<Token, void(error_code)>(
            [](tls_stream& stream, error_code& failed, std::size_t&) {
                return stream.try_shutdown(failed);
            },
            token);
    }

    /// Without a wait: `would_block`. What it took may not all have left: see `flushed`.
    std::size_t write_some(asio::const_buffer from, error_code& failed);
    /// The socket has taken all that was written; else the next write waits for it first.
    bool flushed() const noexcept { return out_.empty(); }

private:
    template <class, class, class, class>
    friend class tls_operation;
    class bio;
    using want = tls_want;

    struct free_connection {
        void operator()(ssl_st* connection) const noexcept;
    };

    /// Bytes from the socket that OpenSSL has not asked for yet. Only while there are any.
    struct read_ahead {
        std::unique_ptr<char[]> bytes;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    template <class Token, class Signature, class Attempt>
    auto initiate(Attempt attempt, std::remove_reference_t<Token>& token) {
        return asio::async_initiate<Token, Signature>(
            [this](auto handler, Attempt tried) {
                tls_operation<tls_stream, Signature, Attempt, decltype(handler)> operation(
                    *this, std::move(tried), std::move(handler));
                operation.start();
            },
            token, std::move(attempt));
    }

    // One attempt each, without a wait. `count` is kept from one attempt to the next.
    want try_handshake(error_code& failed);
    want try_read(asio::mutable_buffer into, error_code& failed, std::size_t& count);
    want try_write(asio::const_buffer from, error_code& failed, std::size_t& count);
    want try_wait();
    want try_shutdown(error_code& failed);

    void prepare();
    want outcome(int result, error_code& failed);
    bool flush() noexcept;
    want flush(error_code& failed) noexcept;
    bool holds_input() const noexcept { return ahead_.begin < ahead_.end; }

    // For the one `tls_operation` that waits for bytes, and the others, which wait for it.
    void end_waiting() noexcept;
    asio::steady_timer& turn();

    // For OpenSSL.
    int give(char* into, std::size_t size) noexcept;
    void take(const char* from, std::size_t size) noexcept;
    bool receive() noexcept;
    void fail_input(const error_code& failed) noexcept;

    next_layer_type socket_;
    std::unique_ptr<ssl_st, free_connection> ssl_;
    std::unique_ptr<asio::steady_timer> turn_; ///< made for the rare wait for another operation

    read_ahead ahead_;
    std::string out_; ///< that the socket has not taken

    error_code failed_;        ///< OpenSSL's verdict: the connection is of no more use
    error_code in_failed_;     ///< the socket's
    error_code out_failed_;    ///< likewise; what has arrived can still be read
    unsigned making_room_ = 0; ///< operations that wait for it
    bool awaited_ = false;     ///< an operation waits for bytes
    bool drained_ = true;      ///< the last read of the socket left nothing
    bool may_receive_ = false;
};

} // namespace parley
