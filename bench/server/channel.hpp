#pragma once

#include <openssl/ssl.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

/// An accepted socket, with TLS or without. Nothing blocks.
class channel {
public:
    channel(int socket, SSL_CTX* tls) : socket_(socket) {
        if (!tls) return;
        tls_.reset(SSL_new(tls));
        SSL_set_fd(tls_.get(), socket);
        SSL_set_accept_state(tls_.get());
    }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel() {
        tls_.reset();
        ::close(socket_);
    }

    int socket() const noexcept { return socket_; }

    /// How many bytes; 0: not now; -1: it is over.
    long read(char* into, std::size_t size) {
        if (tls_) return outcome(SSL_read(tls_.get(), into, static_cast<int>(size)));
        return outcome(::recv(socket_, into, size, 0), true);
    }
    long write(const char* from, std::size_t size) {
        if (tls_) return outcome(SSL_write(tls_.get(), from, static_cast<int>(size)));
        return outcome(::send(socket_, from, size, MSG_NOSIGNAL), false);
    }
    /// The last word of TLS.
    void say_goodbye() {
        if (tls_ && SSL_is_init_finished(tls_.get())) SSL_shutdown(tls_.get());
    }

private:
    long outcome(int count) {
        if (count > 0) return count;
        const int error = SSL_get_error(tls_.get(), count);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    static long outcome(ssize_t count, bool reading) {
        if (count > 0) return count;
        if (count == 0 && reading) return -1;
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    }

    struct free_tls {
        void operator()(SSL* tls) const noexcept { SSL_free(tls); }
    };

    int socket_;
    std::unique_ptr<SSL, free_tls> tls_;
};

} // namespace bench
