#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// OpenSSL's own names of SSL and SSL_CTX.
struct ssl_st;
struct ssl_ctx_st;

namespace parley::test {

/// One frame of RFC 6455 as a server sends it: not masked.
std::string server_frame(unsigned opcode, std::string_view payload, bool fin = true,
                         bool rsv1 = false);
/// The payload of a close frame.
std::string close_payload(unsigned code, std::string_view reason = {});
/// The 101 that answers this upgrade, with more header lines (each with its line end) at will.
std::string accept_answer(std::string_view request_head, std::string_view more = {});
/// The value of a header in a request's head, or empty.
std::string header_value(std::string_view head, std::string_view name);

/// The server's end of one connection: blocking, with system calls and OpenSSL and nothing else.
/// Whatever does not come within ten seconds, or comes otherwise, throws, which the server notes.
class raw_peer {
public:
    struct frame {
        unsigned opcode = 0;
        bool fin = true;
        bool rsv1 = false;
        bool masked = false;
        std::string key;
        std::string payload;
    };

    virtual ~raw_peer() = default;

    virtual void send(std::string_view bytes) = 0;
    /// Some bytes, or none at the end.
    virtual std::string read_some() = 0;
    /// The name that the client asked for by SNI, or empty.
    virtual std::string server_name() const = 0;
    virtual bool session_reused() const = 0;
    /// For what only OpenSSL can do, or null without TLS.
    virtual ssl_st* tls() const = 0;

    std::string read_head() { return read_through("\r\n\r\n"); }
    std::string read_through(std::string_view end);
    std::string read_exactly(std::size_t count);
    frame read_frame();
    /// Reads the upgrade, answers it with a right 101, and returns the request's head.
    std::string upgrade(std::string_view more_headers = {});

    /// No more from us; the client may go on.
    virtual void half_close() = 0;
    /// A reset instead of an end.
    virtual void reset() = 0;
    /// Says nothing until the client is gone; returns what the client still said.
    std::string hold();

private:
    std::string held_;
};

/// A server that does what the test tells it, byte for byte, on a thread of its own for each
/// connection. The destructor ends them.
class raw_server {
public:
    using script = std::function<void(raw_peer&)>;
    /// What is set in a server's TLS beside its certificate.
    using tls_setup = std::function<void(ssl_ctx_st*)>;

    /// The n-th connection is served by the n-th script, all further ones by the last.
    explicit raw_server(std::vector<script> scripts);
    explicit raw_server(script each) : raw_server(std::vector<script>(1, std::move(each))) {}
    /// With TLS. A handshake that fails is no problem of the server's: the script is not run.
    raw_server(const std::string& certificate_pem, const std::string& key_pem,
               std::vector<script> scripts, const tls_setup& set_up = {});
    ~raw_server();
    raw_server(const raw_server&) = delete;
    raw_server& operator=(const raw_server&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    unsigned connections() const;
    /// What went otherwise than a script expected. Waits until the scripts have ended.
    std::vector<std::string> problems();

private:
    struct tls;

    void accept_all();
    void serve(int socket, const script& how);

    std::vector<script> scripts_;
    std::unique_ptr<tls> tls_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    unsigned connections_ = 0;
    std::vector<int> sockets_;
    std::vector<std::string> problems_;
    std::vector<std::thread> servers_;
    std::thread acceptor_;
};

/// An address that never answers and needs no network: a listener whose queue is full drops SYNs.
class black_hole {
public:
    black_hole();
    ~black_hole();
    black_hole(const black_hole&) = delete;
    black_hole& operator=(const black_hole&) = delete;

    static constexpr const char* address = "127.0.0.2";
    std::uint16_t port() const noexcept { return port_; }

private:
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::vector<int> queued_;
};

} // namespace parley::test
