// The server that the clients are measured against: its own process, one thread, everything that it
// sends encoded ahead, so that it is not what limits them. Linux only.
//
//     bench_server CA_FILE     prints `PORT TLS_PORT`, serves until its input ends, prints a tally

#include "server/session.hpp"
#include "testing/certificate.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <utility>

namespace bench {

namespace {

double monotonic_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

SSL_CTX* make_tls(const std::string& ca_file) {
    const auto identity = parley::testing::make_identity(
        {"127.0.0.1", "localhost"}, std::chrono::hours(-1), std::chrono::hours(24));
    std::ofstream(ca_file) << identity.ca_pem;
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    BIO* certificate_text = BIO_new_mem_buf(identity.certificate_pem.data(), -1);
    BIO* key_text = BIO_new_mem_buf(identity.key_pem.data(), -1);
    X509* certificate = PEM_read_bio_X509(certificate_text, nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
    if (SSL_CTX_use_certificate(tls, certificate) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
        throw std::runtime_error("the certificate cannot be used");
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(certificate_text);
    BIO_free(key_text);
    return tls;
}

class server {
public:
    explicit server(const std::string& ca_file)
        : tls_(make_tls(ca_file)), epoll_(epoll_create1(0)) {
        watch(STDIN_FILENO);
        listen_all();
    }

    unsigned port() const noexcept { return port_; }
    unsigned tls_port() const noexcept { return tls_port_; }

    void run() {
        for (bool goes_on = true; goes_on;) {
            epoll_event events[256];
            const int count = epoll_wait(epoll_, events, 256, wait_ms());
            for (int i = 0; i < count && goes_on; ++i)
                goes_on = handle(events[i].data.fd, events[i].events);
            if (state_.restart_ms > 0) go_away();
            if (listener_ < 0 && monotonic_s() >= back_at_) listen_all();
        }
    }

    void print_tally() {
        auto& counted = state_.counted;
        std::sort(counted.round_trips_us.begin(), counted.round_trips_us.end());
        const auto share = [&](double part) {
            const auto& all = counted.round_trips_us;
            if (all.empty()) return 0.0;
            return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
        };
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        std::printf("{\"tickets\":%llu,\"upgrades\":%llu,\"messages_in\":%llu,\"bytes_in\":%llu,"
                    "\"bytes_out\":%llu,\"round_trips\":%zu,\"p50_us\":%.3f,\"p99_us\":%.3f,"
                    "\"back_at\":%.6f,\"cpu_s\":%.3f}\n",
                    static_cast<unsigned long long>(counted.tickets),
                    static_cast<unsigned long long>(counted.upgrades),
                    static_cast<unsigned long long>(counted.messages_in),
                    static_cast<unsigned long long>(counted.bytes_in),
                    static_cast<unsigned long long>(counted.bytes_out),
                    counted.round_trips_us.size(), share(0.5), share(0.99), back_at_,
                    seconds(used.ru_utime) + seconds(used.ru_stime));
    }

private:
    int wait_ms() const {
        if (listener_ >= 0) return -1;
        return std::max(1, static_cast<int>((back_at_ - monotonic_s()) * 1000.0));
    }

    void watch(int socket) {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.fd = socket;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &wanted);
    }

    int listen_at(unsigned& port) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_ANY); // each run has its own 127.x.y.z
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        socklen_t size = sizeof address;
        if (bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            listen(socket, 4096) != 0 ||
            getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("cannot listen");
        port = ntohs(address.sin_port);
        watch(socket);
        return socket;
    }

    void listen_all() {
        listener_ = listen_at(port_);
        tls_listener_ = listen_at(tls_port_);
        if (back_at_ > 0) back_at_ = monotonic_s();
    }

    // As a server that is restarted: every connection ends, and for a while nobody answers.
    void go_away() {
        back_at_ = monotonic_s() + state_.restart_ms / 1000.0;
        state_.restart_ms = 0;
        sessions_.clear();
        ::close(std::exchange(listener_, -1));
        ::close(std::exchange(tls_listener_, -1));
    }

    bool handle(int socket, std::uint32_t what) {
        if (socket == STDIN_FILENO) return false;
        if (socket == listener_ || socket == tls_listener_) {
            accept_all(socket, socket == tls_listener_ ? tls_ : nullptr);
            return true;
        }
        const auto found = sessions_.find(socket);
        if (found == sessions_.end()) return true;
        auto& one = *found->second;
        if (!one.serve((what & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0)) {
            sessions_.erase(found);
            return true;
        }
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        if (one.wants_to_write()) wanted.events |= EPOLLOUT;
        wanted.data.fd = socket;
        if (wanted.events != EPOLLIN || (what & EPOLLOUT) != 0)
            epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &wanted);
        return true;
    }

    void accept_all(int listener, SSL_CTX* tls) {
        for (;;) {
            const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (socket < 0) return;
            const int yes = 1;
            setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            sessions_[socket] = std::make_unique<session>(socket, tls, state_);
            watch(socket);
        }
    }

    server_state state_;
    SSL_CTX* tls_;
    int epoll_;
    int listener_ = -1;
    int tls_listener_ = -1;
    unsigned port_ = 0;
    unsigned tls_port_ = 0;
    double back_at_ = 0;
    std::map<int, std::unique_ptr<session>> sessions_;
};

} // namespace

} // namespace bench

int main(int count, char** words) {
    if (count != 2) {
        std::fprintf(stderr, "usage: bench_server CA_FILE\n");
        return 2;
    }
    bench::server server(words[1]);
    std::printf("%u %u\n", server.port(), server.tls_port());
    std::fflush(stdout);
    server.run();
    server.print_tally();
}
