#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "net/stop_signal.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace parley {

using tcp_endpoints = std::vector<asio::ip::tcp::endpoint>;

/// What a lookup found: addresses, or the code of getaddrinfo.
class lookup_answer {
public:
    explicit lookup_answer(int error) : code(error) {}
    explicit lookup_answer(tcp_endpoints found) : endpoints(std::move(found)) {}

    int code = 0;
    tcp_endpoints endpoints;
};

/// Called on a thread of its own, and may block as long as it likes.
using lookup_function = std::function<lookup_answer(const std::string& host, std::uint16_t port)>;

/// Runs it on another thread. What it throws, because there is no thread or no memory, fails the
/// lookup.
using thread_starter = std::function<void(std::function<void()> body)>;

/// A detached thread for each.
void start_thread(std::function<void()> body);

/// getaddrinfo.
lookup_answer system_lookup(const std::string& host, std::uint16_t port);

/// What needs no lookup: of an address, and of `localhost`. Empty for any other name.
tcp_endpoints known_endpoints(const std::string& host, std::uint16_t port);

/// Name lookups with a hard deadline. getaddrinfo cannot be interrupted and Asio's resolver waits
/// for it, in `cancel` as in the destructor of its context (doc/pitfalls.md P20); here a lookup has
/// a detached thread, and its waiters can leave.
///
/// Callers that ask for the same host and port share a lookup. At most `max_threads` run; others
/// queue, each caller within its own time. Where no thread can be had and none runs, a lookup fails
/// at once with `resolve_failed`. Usable from any thread.
class resolver {
public:
    static constexpr unsigned default_threads = 8;

    explicit resolver(lookup_function lookup = system_lookup,
                      unsigned max_threads = default_threads,
                      thread_starter threads = start_thread);
    ~resolver();
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    /// On a strand. The error is `resolve_failed`, `resolve_timeout` or, when stopped, the one of
    /// `aborted_error`. An address and `localhost` are answered at once.
    awaitable<result<tcp_endpoints>> resolve(asio::any_io_executor executor,
                                             std::shared_ptr<clock_source> clock, std::string host,
                                             std::uint16_t port, time_point deadline,
                                             std::shared_ptr<stop_signal> stop);

    unsigned running() const;

    class pool;

private:
    std::shared_ptr<pool> pool_; ///< shared with the threads, which may outlive this
};

/// The one of this process.
std::shared_ptr<resolver> shared_resolver();

} // namespace parley
