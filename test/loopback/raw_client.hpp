#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace parley::test {

/// A blocking HTTP and WebSocket client made of system calls: slow, dumb, and independent of every
/// library that the server is made of. Reads give up after ten seconds.
class raw_client {
public:
    struct frame {
        unsigned opcode{0};
        std::string data;
        bool operator==(const frame&) const = default;
    };
    struct response {
        unsigned status{0};
        std::string head;
        std::string body;
    };
    enum class ending { still_open, closed, reset };

    explicit raw_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const timeval limit{10, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            ::close(socket_);
            throw std::runtime_error("not connected");
        }
    }
    raw_client(const raw_client&) = delete;
    raw_client& operator=(const raw_client&) = delete;
    ~raw_client() {
        tls_.reset();
        ::close(socket_);
    }

    /// Speaks TLS from now on, trusting this CA alone; false when the certificate is not good.
    bool start_tls(const std::string& ca_pem, const char* host) {
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
            SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
            BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), BIO_free);
        const std::unique_ptr<X509, decltype(&X509_free)> ca(
            PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
        tls_.reset(SSL_new(context.get()));
        SSL_set_verify(tls_.get(), SSL_VERIFY_PEER, nullptr);
        SSL_set1_host(tls_.get(), host);
        SSL_set_tlsext_host_name(tls_.get(), host);
        SSL_set_fd(tls_.get(), socket_);
        return SSL_connect(tls_.get()) == 1;
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent =
                tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                     : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                throw std::runtime_error("not written");
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    /// A request with a JSON body; what the server answers.
    response request(const std::string& method, const std::string& target, const std::string& body,
                     const std::string& headers = {}) {
        write(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: raw/1\r\n" +
              "Content-Type: application/json\r\n" + headers +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return read_response();
    }

    response upgrade(const std::string& target, const std::string& headers = {}) {
        write("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
              "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + headers +
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); // RFC 6455, 1.3
        return read_response();
    }

    response read_response() {
        while (input_.find("\r\n\r\n") == std::string::npos) {
            fill();
        }
        response result;
        const std::size_t end = input_.find("\r\n\r\n") + 4;
        result.head = take(end);
        result.status = static_cast<unsigned>(std::stoul(result.head.substr(9, 3)));
        const std::size_t length = result.head.find("Content-Length: ");
        if (length != std::string::npos) {
            const std::size_t size = std::stoul(result.head.substr(length + 16));
            result.body = read_bytes(size);
        }
        return result;
    }

    void send_text(std::string_view text) { send_frame(0x81, text); }

    /// One masked frame; the first byte has FIN and the opcode. The mask is zero (RFC 6455, 5.3
    /// lets a server not care).
    void send_frame(unsigned first_byte, std::string_view data) {
        write(frame_of(first_byte, data));
    }

    static std::string frame_of(unsigned first_byte, std::string_view data) {
        std::string bytes(1, static_cast<char>(first_byte));
        if (data.size() < 126) {
            bytes += static_cast<char>(0x80 | data.size());
        } else {
            const bool long_one = data.size() > 0xffff;
            bytes += static_cast<char>(0x80 | (long_one ? 127U : 126U));
            for (int shift = long_one ? 56 : 8; shift >= 0; shift -= 8) {
                bytes += static_cast<char>((data.size() >> shift) & 0xff);
            }
        }
        bytes.append(4, '\0');
        bytes += data;
        return bytes;
    }

    /// The next frame, control frames included; they are not answered.
    frame read_frame() {
        const std::string head = read_bytes(2);
        frame result;
        result.opcode = static_cast<unsigned char>(head[0]) & 0x0fU;
        std::size_t size = static_cast<unsigned char>(head[1]) & 0x7fU;
        if (size >= 126) {
            const std::string bytes = read_bytes(size == 126 ? 2 : 8);
            size = 0;
            for (const char byte : bytes) {
                size = size << 8 | static_cast<unsigned char>(byte);
            }
        }
        result.data = read_bytes(size);
        return result;
    }

    std::string read_text() {
        const frame got = read_frame();
        if (got.opcode != 1) {
            throw std::runtime_error("a frame that is no text: " + std::to_string(got.opcode));
        }
        return got.data;
    }

    /// Whether anything has come that was not read. Not with TLS.
    bool has_input() const {
        char byte = 0;
        return !input_.empty() || ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    }

    /// Says that nothing more is sent.
    void end() { ::shutdown(socket_, SHUT_WR); }

    /// Reads to the end of the connection, for at most this long.
    ending how_it_ends(std::chrono::milliseconds limit) {
        const timeval time{static_cast<time_t>(limit.count() / 1000),
                           static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        char waste[4096];
        for (;;) {
            const auto got = ::recv(socket_, waste, sizeof waste, 0);
            if (got == 0) {
                return ending::closed;
            }
            if (got < 0) {
                return errno == EAGAIN ? ending::still_open : ending::reset;
            }
        }
    }

    std::string read_bytes(std::size_t size) {
        while (input_.size() < size) {
            fill();
        }
        return take(size);
    }

private:
    void fill() {
        char block[4096];
        const auto got = tls_ ? SSL_read(tls_.get(), block, sizeof block)
                              : ::recv(socket_, block, sizeof block, 0);
        if (got <= 0) {
            throw std::runtime_error("nothing to read");
        }
        input_.append(block, static_cast<std::size_t>(got));
    }
    std::string take(std::size_t size) {
        std::string result = input_.substr(0, size);
        input_.erase(0, size);
        return result;
    }

    int socket_;
    std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
    std::string input_;
};

} // namespace parley::test
