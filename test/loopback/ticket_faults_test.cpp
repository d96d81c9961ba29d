// Every call of the kernel that the ticket's exchange makes fails in its turn. A program of its
// own: it stands between the sockets and the C library.

#include <parley/ticket_manager.hpp>

#include "support/live.hpp"
#include "support/ticket_exchange.hpp"
#include "testing/certificate.hpp"

#include <cerrno>
#include <dlfcn.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace ticket_faults_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// What happens to the calls of this thread; those of the server's threads are left alone.
struct interference {
    bool on = false;
    int calls = 0;         ///< so far
    int failing = 0;       ///< the one that fails, from 1; 0: none
    bool in_drops = false; ///< no call reads more than one byte
    int sockets = 0;       ///< so many of the next that are asked for cannot be had
    int without = EMFILE;  ///< for that reason
    int refused = 0;       ///< of them, so far
    int interrupted = 0;   ///< so many of the first looks at a socket end with a signal
    int looks = 0;         ///< so far
};
thread_local interference now;

/// Counts a call; true when it is the one that fails, whose errno is then set.
bool fails(int with) {
    if (!now.on || ++now.calls != now.failing) return false;
    errno = with;
    return true;
}

template <class Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool in_drops(std::size_t size) { return now.on && now.in_drops && size > 1; }

/// A message cut down to one byte.
class drop {
public:
    explicit drop(const msghdr& whole) : message(whole) {
        for (std::size_t i = 0; i < whole.msg_iovlen && byte_.iov_len == 0; ++i)
            if (whole.msg_iov[i].iov_len > 0) byte_ = {whole.msg_iov[i].iov_base, 1};
        message.msg_iov = &byte_;
        message.msg_iovlen = 1;
    }
    drop(const drop&) = delete;
    drop& operator=(const drop&) = delete;

    msghdr message;

private:
    iovec byte_{};
};

} // namespace

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
    if (now.refused < now.sockets) {
        ++now.refused;
        errno = now.without;
        return -1;
    }
    if (fails(EMFILE)) return -1;
    return real<int(int, int, int)>("socket")(domain, type, protocol);
}

int connect(int handle, const sockaddr* address, socklen_t size) {
    if (fails(ENETUNREACH)) return -1;
    return real<int(int, const sockaddr*, socklen_t)>("connect")(handle, address, size);
}

int poll(pollfd* sockets, nfds_t count, int limit) {
    if (now.on && ++now.looks <= now.interrupted) {
        errno = EINTR;
        return -1;
    }
    return real<int(pollfd*, nfds_t, int)>("poll")(sockets, count, limit);
}

ssize_t recv(int handle, void* data, size_t size, int flags) {
    if (fails(ECONNRESET)) return -1;
    if (in_drops(size)) size = 1;
    return real<ssize_t(int, void*, size_t, int)>("recv")(handle, data, size, flags);
}

ssize_t send(int handle, const void* data, size_t size, int flags) {
    if (fails(EPIPE)) return -1;
    return real<ssize_t(int, const void*, size_t, int)>("send")(handle, data, size, flags);
}

ssize_t recvmsg(int handle, msghdr* message, int flags) {
    if (fails(ECONNRESET)) return -1;
    auto* const call = real<ssize_t(int, msghdr*, int)>("recvmsg");
    if (!now.on || !now.in_drops) return call(handle, message, flags);
    drop one(*message);
    return call(handle, &one.message, flags);
}

ssize_t sendmsg(int handle, const msghdr* message, int flags) {
    if (fails(EPIPE)) return -1;
    return real<ssize_t(int, const msghdr*, int)>("sendmsg")(handle, message, flags);
}
}

namespace {

class interfering {
public:
    explicit interfering(int failing, bool in_drops = false) {
        now = interference();
        now.failing = failing;
        now.in_drops = in_drops;
        now.on = true;
    }
    ~interfering() { now.on = false; }
    interfering(const interfering&) = delete;
    interfering& operator=(const interfering&) = delete;
};

/// A server, plain or with TLS, that gives a good answer, and one caller.
struct exchange_case {
    ticket_exchange x;
    std::optional<raw_server> server;
    bool tls;

    explicit exchange_case(bool with_tls, unsigned retries = 0) : tls(with_tls) {
        static const auto identity = testing::make_identity({"127.0.0.1"}, -1h, 1h);
        if (tls)
            server.emplace(identity.certificate_pem, identity.key_pem,
                           std::vector<raw_server::script>{answering(good_answer(*x.clock))});
        else
            server.emplace(answering(good_answer(*x.clock)));
        x.options.connection.tls.ca_pem = identity.ca_pem;
        x.config.max_retries = retries;
        x.manage((tls ? "https://127.0.0.1:" : "http://127.0.0.1:") +
                 std::to_string(server->port()));
    }

    /// Runs one request; time goes on only over a backoff.
    started<ticket> ask() {
        auto caller = start(x.io, x.tickets->get_valid_ticket());
        const auto pausing = [this] {
            return x.log.count(log_level::warning, "attempt 1 failed") == 1;
        };
        REQUIRE(x.until([&] { return caller.done() || pausing(); }));
        if (!caller.done()) x.clock->advance(250ms);
        REQUIRE(x.until([&caller] { return caller.done(); }));
        return caller;
    }
};

/// How many calls an exchange without trouble makes.
int calls_of(bool tls) {
    exchange_case one(tls);
    const interfering with(0);
    CHECK(value_of(one.ask()) == "SENTINEL-TICKET");
    return now.calls;
}

} // namespace

TEST_CASE(
    "ticket_manager: each system call of an exchange may fail, and the caller gets a true error",
    "[loopback][ticket_manager][A1][A2]") {
    const bool tls = GENERATE(false, true);
    const int calls = calls_of(tls);
    CHECK(calls >= 4); // a socket, its connect, a write, a read
    int failed = 0;
    for (int n = 1; n <= calls; ++n) {
        CAPTURE(tls, n);
        exchange_case one(tls);
        std::optional<started<ticket>> caller;
        {
            const interfering with(n);
            caller = one.ask();
        }
        REQUIRE(caller->done());
        if (caller->failed()) {
            ++failed;
            CHECK(caller->failed_with(errc::ticket_request_failed));
            CHECK(caller->failure()->details.retryable);
            CHECK(caller->failure()->details.phase != phase::none);
            CHECK_FALSE(one.x.tickets->is_valid());
        } else {
            CHECK(value_of(*caller) == "SENTINEL-TICKET");
        }
        CHECK(one.x.log.text().find("SENTINEL") == std::string::npos);
        CHECK(one.x.ends());
    }
    // The socket, its connect, a read. A write that fails when it is tried at once is tried again.
    CHECK(failed >= 3);
}

TEST_CASE("ticket_manager: whichever system call fails, the next attempt gets the ticket",
          "[loopback][ticket_manager][A2]") {
    const bool tls = GENERATE(false, true);
    const int calls = calls_of(tls);
    for (int n = 1; n <= calls; ++n) {
        CAPTURE(tls, n);
        exchange_case one(tls, 1);
        const interfering with(n);
        CHECK(value_of(one.ask()) == "SENTINEL-TICKET");
        CHECK(one.x.tickets->snapshot().requests <= 2);
        CHECK(one.x.ends());
    }
}

TEST_CASE("ticket_manager: a signal during the check of a socket does not end its connecting",
          "[loopback][ticket_manager][A2]") {
    exchange_case one(false);
    const interfering with(0);
    now.interrupted = 2;
    CHECK(value_of(one.ask()) == "SENTINEL-TICKET");
    CHECK(now.looks >= 1); // Asio's, when the socket is writable
    CHECK(one.x.ends());
}

TEST_CASE("ticket_manager: an answer that arrives byte by byte is read",
          "[loopback][ticket_manager]") {
    exchange_case one(GENERATE(false, true));
    const interfering with(0, true);
    CHECK(value_of(one.ask()) == "SENTINEL-TICKET");
    CHECK(now.calls > 100);
    CHECK(one.x.ends());
}

TEST_CASE(
    "ticket_manager: a caller may leave, or the manager be destroyed, at each step of an exchange",
    "[loopback][ticket_manager][A26][A27]") {
    const bool tls = GENERATE(false, true);
    const bool leaves = GENERATE(false, true);
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        CAPTURE(tls, leaves, n);
        REQUIRE(n < 1'000);
        exchange_case one(tls);
        auto caller = start(one.x.io, one.x.tickets->get_valid_ticket());
        for (int i = 0; i < n && !caller.done(); ++i)
            one.x.io.run_one_for(ticket_exchange::patience);
        finished = caller.done();
        if (leaves)
            caller.cancel();
        else
            one.x.tickets.reset();
        REQUIRE(one.x.until([&caller] { return caller.done(); }));
        if (caller.failed())
            CHECK(caller.aborted());
        else
            CHECK(value_of(caller) == "SENTINEL-TICKET");
        // The refresh goes on, and its ticket is kept. A caller that leaves early may start none.
        if (leaves && n > 0) REQUIRE(one.x.until([&one] { return one.x.tickets->is_valid(); }));
        CHECK(one.x.ends());
    }
}

TEST_CASE("chat_client: while no socket is available it waits for its backoff, and reconnects",
          "[loopback][chat_client][C45]") {
    constexpr int lacking = 4;
    const int why = GENERATE(EMFILE, ENOBUFS);
    CAPTURE(why);
    testing::chat_server server(awkward_tickets());
    live l;
    chat_client client(l.io.get_executor(), config_for(server));

    // In init it is an error, and worth a retry.
    now = interference();
    now.without = why;
    now.sockets = 100;
    auto opening = start(l.io, client.init());
    REQUIRE(l.until([&opening] { return opening.done(); }));
    CHECK(opening.failed_with(errc::ticket_request_failed));
    CHECK(opening.failure()->details.retryable);
    CHECK(now.refused == 4); // one for each attempt, and no loop

    now = interference();
    l.run(client.init());
    now.without = why;
    now.sockets = lacking;
    server.drop_all();
    const auto events = l.run(events_until<connection_restored>(client));

    CHECK(now.refused == lacking);
    CHECK(all_of<connection_lost>(events).size() == 1);
    const auto attempts = all_of<reconnecting>(events);
    CHECK(attempts.size() == lacking + 1);
    CHECK(client.status().websocket.last_error);
    now = interference();
    l.run(client.disconnect());
}

} // namespace ticket_faults_test
