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

/// The outcome of a lookup: addresses, or why there are none.
class lookup_answer {
public:
    explicit lookup_answer(int error); ///< of getaddrinfo
    explicit lookup_answer(const char* reason) : failure(reason) {}
    explicit lookup_answer(tcp_endpoints found) : endpoints(std::move(found)) {}

    const char* failure = "no address"; ///< valid for ever; it counts without endpoints
    tcp_endpoints endpoints;
};

/// Performs a lookup. Called on a thread of its own; it may block.
using lookup_function = std::function<lookup_answer(const std::string& host, std::uint16_t port)>;

/// Runs `body` on another thread. An exception, for want of a thread or memory, fails the lookup.
using thread_starter = std::function<void(std::function<void()> body)>;

/// A detached thread for each.
void start_thread(std::function<void()> body);

/// getaddrinfo.
lookup_answer system_lookup(const std::string& host, std::uint16_t port);

/// The endpoints of an address and of `localhost`, which need no lookup. Empty for other names.
tcp_endpoints known_endpoints(const std::string& host, std::uint16_t port);

/// Name lookups with a hard deadline. getaddrinfo cannot be interrupted and Asio's resolver waits
/// for it, in `cancel` as in the destructor of its context (doc/pitfalls.md P20); here a lookup has
/// a detached thread, and its waiters can leave.
///
/// Callers that ask for the same host and port share a lookup. At most `max_threads` lookups run;
/// others queue, each caller within its own deadline. When no thread runs and none can be started,
/// a lookup fails at once with `resolve_failed`. Usable from any thread.
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

/// The resolver of this process.
std::shared_ptr<resolver> shared_resolver();

} // namespace parley
