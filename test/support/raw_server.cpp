#include "support/raw_server.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace parley::test {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

void close_with_reset(int socket) {
    const ::linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

::sockaddr_in loopback(const char* host, std::uint16_t port) {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

/// The socket and its port.
std::pair<int, std::uint16_t> listen_on(const char* host, int backlog) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address = loopback(host, 0);
    ::socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<::sockaddr*>(&address);
    if (::bind(listener, raw, size) != 0 || ::listen(listener, backlog) != 0 ||
        ::getsockname(listener, raw, &size) != 0)
        fail("the test's server cannot listen");
    return std::pair(listener, ntohs(address.sin_port));
}

class plain_peer : public raw_peer {
public:
    explicit plain_peer(int socket) : socket_(socket) {}

    void send(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) fail("the client went while it was sent to");
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    std::string read_some() override {
        std::array<char, 16384> chunk;
        const auto got = ::recv(socket_, chunk.data(), chunk.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) fail("the client said nothing");
        return got <= 0 ? std::string() : std::string(chunk.data(), static_cast<std::size_t>(got));
    }

    std::string server_name() const override { return {}; }
    bool session_reused() const override { return false; }
    ssl_st* tls() const override { return nullptr; }
    void half_close() override { ::shutdown(socket_, SHUT_WR); }
    void reset() override { close_with_reset(socket_); }

private:
    int socket_;
};

class tls_peer : public raw_peer {
public:
    tls_peer(SSL* connection, int socket) : connection_(connection), socket_(socket) {}

    void send(std::string_view bytes) override {
        if (SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())) <= 0)
            fail("the client went while it was sent to");
    }

    std::string read_some() override {
        std::array<char, 16384> chunk;
        const int got = SSL_read(connection_, chunk.data(), static_cast<int>(chunk.size()));
        return got <= 0 ? std::string() : std::string(chunk.data(), static_cast<std::size_t>(got));
    }

    std::string server_name() const override {
        const char* name = SSL_get_servername(connection_, TLSEXT_NAMETYPE_host_name);
        return name == nullptr ? std::string() : std::string(name);
    }
    bool session_reused() const override { return SSL_session_reused(connection_) == 1; }
    ssl_st* tls() const override { return connection_; }
    /// With a close_notify.
    void half_close() override {
        SSL_shutdown(connection_);
        ::shutdown(socket_, SHUT_WR);
    }
    void reset() override { close_with_reset(socket_); }

private:
    SSL* connection_;
    int socket_;
};

} // namespace

std::string server_frame(unsigned opcode, std::string_view payload, bool fin, bool rsv1) {
    std::string out;
    out += static_cast<char>((fin ? 0x80u : 0u) | (rsv1 ? 0x40u : 0u) | opcode);
    const auto append = [&out](std::uint64_t number, unsigned bytes) {
        while (bytes-- > 0)
            out += static_cast<char>(number >> (8 * bytes) & 0xff);
    };
    if (payload.size() < 126) {
        append(payload.size(), 1);
    } else if (payload.size() < 65536) {
        append(126, 1);
        append(payload.size(), 2);
    } else {
        append(127, 1);
        append(payload.size(), 8);
    }
    return out.append(payload);
}

std::string close_payload(unsigned code, std::string_view reason) {
    std::string out;
    out += static_cast<char>(code >> 8 & 0xff);
    out += static_cast<char>(code & 0xff);
    return out.append(reason);
}

std::string header_value(std::string_view head, std::string_view name) {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const auto found = head.find(start);
    if (found == std::string_view::npos) return {};
    const auto begin = found + start.size();
    return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

std::string accept_answer(std::string_view request_head, std::string_view more) {
    const std::string salted = header_value(request_head, "Sec-WebSocket-Key") +
                               "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_Digest(salted.data(), salted.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 64> encoded;
    EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           std::string(reinterpret_cast<const char*>(encoded.data())) + "\r\n" + std::string(more) +
           "\r\n";
}

std::string raw_peer::read_through(std::string_view end) {
    for (;;) {
        const auto found = held_.find(end);
        if (found != std::string::npos) {
            std::string out = held_.substr(0, found + end.size());
            held_.erase(0, out.size());
            return out;
        }
        const std::string more = read_some();
        if (more.empty()) fail("the client went before it had said all of it");
        held_ += more;
    }
}

std::string raw_peer::read_exactly(std::size_t count) {
    while (held_.size() < count) {
        const std::string more = read_some();
        if (more.empty()) fail("the client went before it had said all of it");
        held_ += more;
    }
    std::string out = held_.substr(0, count);
    held_.erase(0, count);
    return out;
}

raw_peer::frame raw_peer::read_frame() {
    const auto number = [this](std::size_t bytes) {
        std::uint64_t value = 0;
        for (const char digit : read_exactly(bytes))
            value = value << 8 | static_cast<unsigned char>(digit);
        return value;
    };
    frame out;
    const auto first = number(1);
    const auto second = number(1);
    out.opcode = first & 0x0f;
    out.fin = (first & 0x80) != 0;
    out.rsv1 = (first & 0x40) != 0;
    out.masked = (second & 0x80) != 0;
    std::uint64_t size = second & 0x7f;
    if (size == 126) {
        size = number(2);
    } else if (size == 127) {
        size = number(8);
    }
    if (out.masked) out.key = read_exactly(4);
    out.payload = read_exactly(size);
    for (std::size_t at = 0; out.masked && at < out.payload.size(); ++at)
        out.payload[at] = static_cast<char>(out.payload[at] ^ out.key[at % 4]);
    return out;
}

std::string raw_peer::upgrade(std::string_view more_headers) {
    const std::string head = read_head();
    send(accept_answer(head, more_headers));
    return head;
}

std::string raw_peer::hold() {
    std::string said = std::exchange(held_, std::string());
    for (std::string more = read_some(); !more.empty(); more = read_some())
        said += more;
    return said;
}

struct raw_server::tls {
    tls() : context(SSL_CTX_new(TLS_server_method())) {}
    tls(const tls&) = delete;
    tls& operator=(const tls&) = delete;
    ~tls() { SSL_CTX_free(context); }

    void use(const std::string& certificate_pem, const std::string& key_pem) {
        BIO* certificate_bio = BIO_new_mem_buf(certificate_pem.data(), -1);
        X509* certificate = PEM_read_bio_X509(certificate_bio, nullptr, nullptr, nullptr);
        BIO* key_bio = BIO_new_mem_buf(key_pem.data(), -1);
        EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
        const bool usable = SSL_CTX_use_certificate(context, certificate) == 1 &&
                            SSL_CTX_use_PrivateKey(context, key) == 1;
        EVP_PKEY_free(key);
        X509_free(certificate);
        BIO_free(key_bio);
        BIO_free(certificate_bio);
        if (!usable) fail("the test's certificate is unusable");
    }

    SSL_CTX* context;
};

raw_server::raw_server(std::vector<script> scripts) : scripts_(std::move(scripts)) {
    std::tie(listener_, port_) = listen_on("127.0.0.1", 64);
    acceptor_ = std::thread([this] { accept_all(); });
}

raw_server::raw_server(const std::string& certificate_pem, const std::string& key_pem,
                       std::vector<script> scripts, const tls_setup& set_up)
    : raw_server(std::vector<script>()) {
    // Before the port is known to anybody, so that no connection sees it half made.
    tls_ = std::make_unique<tls>();
    tls_->use(certificate_pem, key_pem);
    if (set_up) set_up(tls_->context);
    const std::lock_guard lock(mutex_);
    scripts_ = std::move(scripts);
}

raw_server::~raw_server() {
    ::shutdown(listener_, SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int socket : sockets_)
            ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& each : servers_)
        if (each.joinable()) each.join();
    for (const int socket : sockets_)
        ::close(socket);
    ::close(listener_);
}

unsigned raw_server::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

std::vector<std::string> raw_server::problems() {
    std::vector<std::thread> ending;
    {
        const std::lock_guard lock(mutex_);
        ending.swap(servers_);
    }
    for (std::thread& each : ending)
        each.join();
    const std::lock_guard lock(mutex_);
    return problems_;
}

void raw_server::accept_all() {
    for (;;) {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        const ::timeval patience{10, 0};
        ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const int at_once = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        const std::lock_guard lock(mutex_);
        const std::size_t which = std::min<std::size_t>(connections_++, scripts_.size() - 1);
        sockets_.push_back(socket);
        servers_.emplace_back([this, socket, how = scripts_.at(which)] { serve(socket, how); });
    }
}

void raw_server::serve(int socket, const script& how) {
    ::sigset_t broken_pipe; // OpenSSL writes without MSG_NOSIGNAL
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    SSL* connection = nullptr;
    try {
        if (tls_) {
            connection = SSL_new(tls_->context);
            SSL_set_fd(connection, socket);
            if (SSL_accept(connection) == 1) {
                tls_peer peer(connection, socket);
                how(peer);
            } else { // closing with bytes unread is a reset, which can overtake our alert
                ::shutdown(socket, SHUT_WR);
                std::array<char, 4096> rest{};
                while (::recv(socket, rest.data(), rest.size(), 0) > 0) {
                }
            }
        } else {
            plain_peer peer(socket);
            how(peer);
        }
    } catch (const std::exception& problem) {
        const std::lock_guard lock(mutex_);
        problems_.emplace_back(problem.what());
    }
    if (connection != nullptr) SSL_free(connection);
    const std::lock_guard lock(mutex_);
    ::close(socket);
    std::erase(sockets_, socket);
}

black_hole::black_hole() {
    std::tie(listener_, port_) = listen_on(address, 0);
    const ::sockaddr_in there = loopback(address, port_);
    for (int count = 0; count < 4; ++count) {
        queued_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ::connect(queued_.back(), reinterpret_cast<const ::sockaddr*>(&there), sizeof there);
    }
}

black_hole::~black_hole() {
    for (const int socket : queued_)
        ::close(socket);
    ::close(listener_);
}

} // namespace parley::test
