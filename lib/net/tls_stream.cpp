#include "net/tls_stream.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/system/system_error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace parley {

namespace {

// Two records; a reader that takes as much leaves none of it behind.
constexpr std::size_t ahead_capacity = 32 * 1024;
// RFC 8446 section 5.1: of one record.
constexpr std::size_t record_capacity = 16 * 1024;

} // namespace

/// A stream as OpenSSL sees it.
class tls_stream::bio {
public:
    static BIO* make(tls_stream& stream) {
        static BIO_METHOD* const method = describe();
        BIO* const made = method ? BIO_new(method) : nullptr;
        if (!made) return nullptr;
        BIO_set_data(made, &stream);
        BIO_set_init(made, 1);
        return made;
    }

private:
    static BIO_METHOD* describe() noexcept {
        BIO_METHOD* const method =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of Asio");
        if (!method) return nullptr;
        BIO_meth_set_read(method, &bio::read);
        BIO_meth_set_write(method, &bio::write);
        BIO_meth_set_ctrl(method, &bio::control);
        return method;
    }

    static tls_stream& of(BIO* one) noexcept {
        return *static_cast<tls_stream*>(BIO_get_data(one));
    }

    static int read(BIO* one, char* into, int size) noexcept {
        BIO_clear_retry_flags(one);
        tls_stream& stream = of(one);
        const int count = stream.give(into, static_cast<std::size_t>(std::max(size, 0)));
        if (count <= 0 && !stream.in_failed_) BIO_set_retry_read(one);
        return count;
    }

    static int write(BIO* one, const char* from, int size) noexcept {
        BIO_clear_retry_flags(one);
        of(one).take(from, static_cast<std::size_t>(std::max(size, 0)));
        return size;
    }

    static long control(BIO*, int what, long, void*) noexcept {
        return what == BIO_CTRL_FLUSH ? 1 : 0;
    }
};

void tls_stream::free_connection::operator()(SSL* connection) const noexcept {
    SSL_free(connection);
}

tls_stream::tls_stream(next_layer_type socket, SSL_CTX* context)
    : socket_(std::move(socket)), ssl_(SSL_new(context)) {
    BIO* const socket_of_ours = ssl_ ? bio::make(*this) : nullptr;
    if (!socket_of_ours) throw boost::system::system_error(asio::error::no_memory);
    SSL_set_bio(ssl_.get(), socket_of_ours, socket_of_ours);
    SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_connect_state(ssl_.get());
    error_code refused; // by a socket that is closed, which its first use will tell
    socket_.non_blocking(true, refused);
}

tls_stream::~tls_stream() = default;

std::size_t tls_stream::write_some(asio::const_buffer from, error_code& failed) {
    failed = {};
    std::size_t count = 0;
    const want next = try_write(from, failed, count);
    if (next != want::nothing && count == 0) failed = asio::error::would_block;
    return failed ? 0 : count;
}

tls_want tls_stream::try_handshake(error_code& failed) {
    failed = failed_;
    if (failed) return want::nothing;
    prepare();
    const int done = SSL_do_handshake(ssl_.get());
    return done == 1 ? flush(failed) : outcome(done, failed);
}

tls_want tls_stream::try_read(asio::mutable_buffer into, error_code& failed, std::size_t& count) {
    failed = failed_;
    if (failed || into.size() == 0) return want::nothing;
    prepare();
    int done = 0;
    do {
        std::size_t got = 0;
        done = SSL_read_ex(ssl_.get(), static_cast<char*>(into.data()) + count, into.size() - count,
                           &got);
        count += got;
    } while (done == 1 && count < into.size() && holds_input());
    if (count == 0) return outcome(done, failed);
    error_code for_the_next_read;
    if (done != 1) outcome(done, for_the_next_read);
    return want::nothing;
}

tls_want tls_stream::try_write(asio::const_buffer from, error_code& failed, std::size_t& count) {
    failed = failed_;
    if (failed) return want::nothing;
    const want before = flush(failed); // what was left over goes first
    if (failed || before != want::nothing || count > 0 || from.size() == 0) return before;
    prepare();
    const int done =
        SSL_write_ex(ssl_.get(), from.data(), std::min(from.size(), record_capacity), &count);
    return done == 1 ? flush(failed) : outcome(done, failed);
}

tls_want tls_stream::try_wait() {
    const bool ended = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    const bool something =
        failed_ || in_failed_ || !drained_ || ended || holds_input() || SSL_pending(ssl_.get()) > 0;
    return something ? want::nothing : want::arrival;
}

tls_want tls_stream::try_shutdown(error_code& failed) {
    const bool sent = (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0;
    if (!failed_ && !sent && SSL_is_init_finished(ssl_.get()) == 1) {
        prepare();
        SSL_shutdown(ssl_.get()); // that the peer has not said it yet is no failure
        ERR_clear_error();
    }
    return flush(failed);
}

void tls_stream::prepare() {
    ERR_clear_error();
    // One read of the socket for each attempt, so that no peer can keep this thread.
    may_receive_ = !drained_ && !awaited_;
}

/// Why OpenSSL could not do it.
tls_want tls_stream::outcome(int result, error_code& failed) {
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        // Without what it has to say in a handshake nothing will arrive; unless a write sees to it.
        return SSL_in_init(ssl_.get()) == 1 && !flush() && making_room_ == 0 ? want::room
                                                                             : want::arrival;
    case SSL_ERROR_ZERO_RETURN:
        failed = asio::error::eof;
        return want::nothing;
    case SSL_ERROR_SSL:
        failed_ = error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
        break;
    default:
        failed_ = asio::ssl::error::unexpected_result;
        if (in_failed_) failed_ = in_failed_;
        break;
    }
    ERR_clear_error();
    failed = failed_;
    return want::nothing;
}

/// True when nothing is left, or nothing can be sent any more.
bool tls_stream::flush() noexcept {
    if (out_.empty()) return true;
    while (!out_.empty() && !out_failed_) {
        error_code refused;
        const std::size_t sent = socket_.write_some(asio::buffer(out_), refused);
        if (refused == asio::error::would_block || refused == asio::error::try_again) return false;
        out_failed_ = refused;
        out_.erase(0, sent);
    }
    std::string().swap(out_); // an assignment would keep the room
    return true;
}

tls_want tls_stream::flush(error_code& failed) noexcept {
    if (!flush()) return want::room;
    failed = out_failed_;
    return want::nothing;
}

void tls_stream::end_waiting() noexcept {
    awaited_ = false;
    drained_ = false;
    if (turn_) turn_->cancel();
}

asio::steady_timer& tls_stream::turn() {
    if (!turn_)
        turn_ = std::make_unique<asio::steady_timer>(get_executor(),
                                                     asio::steady_timer::time_point::max());
    return *turn_;
}

/// The end of a connection whose peer has not said it is one (doc/pitfalls.md P41).
void tls_stream::fail_input(const error_code& failed) noexcept {
    in_failed_ = failed == asio::error::eof ? asio::ssl::error::stream_truncated : failed;
}

int tls_stream::give(char* into, std::size_t size) noexcept {
    if (!holds_input() && !receive()) return -1;
    const std::size_t count = std::min(size, ahead_.end - ahead_.begin);
    std::memcpy(into, ahead_.bytes.get() + ahead_.begin, count);
    ahead_.begin += count;
    if (!holds_input()) ahead_.bytes.reset();
    return static_cast<int>(count);
}

bool tls_stream::receive() noexcept {
    if (in_failed_ || !may_receive_) return false;
    may_receive_ = false;
    ahead_.bytes.reset(new (std::nothrow) char[ahead_capacity]);
    if (!ahead_.bytes) {
        in_failed_ = asio::error::no_memory;
        return false;
    }
    error_code failed;
    ahead_.begin = 0;
    ahead_.end = socket_.read_some(asio::buffer(ahead_.bytes.get(), ahead_capacity), failed);
    drained_ = ahead_.end < ahead_capacity;
    if (ahead_.end > 0) return true;
    ahead_.bytes.reset();
    if (failed != asio::error::would_block && failed != asio::error::try_again) fail_input(failed);
    return false;
}

/// All of it: what the socket does not take now waits for the next `flush`.
void tls_stream::take(const char* from, std::size_t size) noexcept {
    error_code refused;
    std::size_t sent = 0;
    while (sent < size && out_.empty() && !refused && !out_failed_)
        sent += socket_.write_some(asio::buffer(from + sent, size - sent), refused);
    if (refused && refused != asio::error::would_block && refused != asio::error::try_again)
        out_failed_ = refused;
    if (sent == size || out_failed_) return;
    try {
        out_.append(from + sent, size - sent);
    } catch (const std::bad_alloc&) {
        out_failed_ = asio::error::no_memory;
    }
}

} // namespace parley
