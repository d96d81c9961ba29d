#include "net/resolve.hpp"

#include <parley/detail/context_watch.hpp>

#include "net/network_error.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <netdb.h>
#include <new>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace parley {

namespace {

/// A waiting caller. Its alarm and executor are used only while it is in a lookup's list, under the
/// pool's mutex: a coroutine frame that is destroyed removes itself from the list first.
struct waiter {
    asio::any_io_executor executor;
    std::shared_ptr<detail::context_watch> context;
    alarm* timer = nullptr;
    bool woken = false;
};

/// The delay before a wake-up that found no memory is tried again.
constexpr std::chrono::milliseconds memory_pause{10};

struct lookup {
    lookup(std::string name, std::uint16_t to) : host(std::move(name)), port(to) {}

    const std::string host;
    const std::uint16_t port;
    bool started = false;
    std::optional<lookup_answer> answer;
    std::vector<waiter*> waiters;
};

} // namespace

class resolver::pool : public std::enable_shared_from_this<resolver::pool> {
public:
    pool(lookup_function how, unsigned max_threads, thread_starter threads)
        : how_(std::move(how)), max_threads_(max_threads), threads_(std::move(threads)) {}

    /// The lookup has failed already when no thread could be started for it.
    std::shared_ptr<lookup> join(const std::string& host, std::uint16_t port, waiter& who) {
        const std::lock_guard lock(mutex_);
        for (const auto& known : lookups_)
            if (known->port == port && known->host == host) {
                known->waiters.push_back(&who);
                return known;
            }
        const auto fresh = std::make_shared<lookup>(host, port);
        fresh->waiters.push_back(&who);
        lookups_.push_back(fresh);
        if (!has_thread()) end(*fresh, lookup_answer("no thread could be started for it"));
        return fresh;
    }

    void leave(const std::shared_ptr<lookup>& from, waiter& who) {
        const std::lock_guard lock(mutex_);
        std::erase(from->waiters, &who);
        if (!from->waiters.empty() || from->started) return;
        lookups_.remove(from);
    }

    std::optional<lookup_answer> answer(const lookup& of) const {
        const std::lock_guard lock(mutex_);
        return of.answer;
    }

    unsigned running() const {
        const std::lock_guard lock(mutex_);
        return running_;
    }

private:
    /// Whether a thread will take the lookup that was added last: a new thread, or one that runs,
    /// which takes another lookup before it ends.
    bool has_thread() noexcept {
        if (running_ < max_threads_) {
            try {
                threads_([self = shared_from_this()] { self->run(); });
                ++running_;                   // it waits for the mutex
            } catch (const std::exception&) { // no thread, or no memory for one
            }
        }
        return running_ > 0;
    }

    void run() {
        for (;;) {
            std::shared_ptr<lookup> next;
            {
                const std::lock_guard lock(mutex_);
                const auto waiting = std::find_if(lookups_.begin(), lookups_.end(),
                                                  [](const auto& each) { return !each->started; });
                if (waiting == lookups_.end()) {
                    --running_;
                    return;
                }
                next = *waiting;
                next->started = true;
            }
            conclude(*next, look_up(*next));
            while (!wake(next))
                std::this_thread::sleep_for(memory_pause);
        }
    }

    lookup_answer look_up(const lookup& what) const {
        try {
            return how_(what.host, what.port);
        } catch (const std::exception&) {
            return lookup_answer(EAI_MEMORY); // nothing but bad_alloc is thrown
        }
    }

    void conclude(lookup& done, lookup_answer found) {
        const std::lock_guard lock(mutex_);
        end(done, std::move(found));
    }

    /// A caller that joins after this starts another lookup.
    void end(lookup& done, lookup_answer found) noexcept {
        done.answer = std::move(found);
        lookups_.remove_if([&done](const auto& each) { return each.get() == &done; });
    }

    /// Wakes all waiters. False when there was no memory for it.
    bool wake(const std::shared_ptr<lookup>& done) noexcept {
        const std::lock_guard lock(mutex_);
        try {
            for (waiter* const each : done->waiters)
                if (!each->woken) wake(done, *each);
        } catch (const std::bad_alloc&) {
            return false;
        }
        return true;
    }

    void wake(const std::shared_ptr<lookup>& done, waiter& who) {
        auto ring = [self = shared_from_this(), done, raw = &who] {
            const std::lock_guard lock(self->mutex_);
            for (const waiter* still : done->waiters)
                if (still == raw) raw->timer->ring();
        };
        who.context->while_alive([&who, &ring] { asio::post(who.executor, std::move(ring)); });
        who.woken = true;
    }

    const lookup_function how_;
    const unsigned max_threads_;
    const thread_starter threads_;
    mutable std::mutex mutex_;
    std::list<std::shared_ptr<lookup>> lookups_; ///< without an answer, in the order of asking
    unsigned running_ = 0; ///< threads; there is one, at least, while there are lookups
};

namespace {

class registration {
public:
    registration(std::shared_ptr<resolver::pool> pool, asio::any_io_executor executor, alarm& timer,
                 const std::string& host, std::uint16_t port)
        : pool_(std::move(pool)) {
        self_.context = detail::context_watch::of(executor);
        self_.executor = std::move(executor);
        self_.timer = &timer;
        lookup_ = pool_->join(host, port, self_);
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() { pool_->leave(lookup_, self_); }

    std::optional<lookup_answer> answer() const { return pool_->answer(*lookup_); }

private:
    std::shared_ptr<resolver::pool> pool_;
    waiter self_;
    std::shared_ptr<lookup> lookup_;
};

result<tcp_endpoints> outcome(lookup_answer found, const std::string& host) {
    if (!found.endpoints.empty()) return std::move(found.endpoints);
    return network_error(errc::resolve_failed, phase::resolve, true,
                         "The host name " + host + " could not be resolved", found.failure);
}

/// RFC 6761 section 6.3: never looked up, because plain text is allowed to it.
tcp_endpoints loopback(std::uint16_t port) {
    return {{asio::ip::address_v4::loopback(), port}, {asio::ip::address_v6::loopback(), port}};
}

} // namespace

lookup_answer::lookup_answer(int error) : failure(::gai_strerror(error)) {}

tcp_endpoints known_endpoints(const std::string& host, std::uint16_t port) {
    boost::system::error_code not_numeric; // a number of version 6 is what Asio tries first
    const asio::ip::address number = asio::ip::make_address_v4(host, not_numeric);
    if (!not_numeric) return tcp_endpoints(1, {number, port});
    const auto address = asio::ip::make_address(host, not_numeric);
    if (!not_numeric) return tcp_endpoints(1, {address, port});
    return host == "localhost" || host == "localhost." ? loopback(port) : tcp_endpoints();
}

lookup_answer system_lookup(const std::string& host, std::uint16_t port) {
    ::addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    ::addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (code != 0) return lookup_answer(code);
    const std::unique_ptr<::addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    tcp_endpoints found;
    for (const ::addrinfo* each = list; each != nullptr; each = each->ai_next) {
        if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
        asio::ip::tcp::endpoint endpoint;
        endpoint.resize(each->ai_addrlen);
        std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
        found.push_back(endpoint);
    }
    return lookup_answer(std::move(found));
}

void start_thread(std::function<void()> body) { std::thread(std::move(body)).detach(); }

resolver::resolver(lookup_function lookup, unsigned max_threads, thread_starter threads)
    : pool_(std::make_shared<pool>(std::move(lookup), max_threads, std::move(threads))) {}

resolver::~resolver() = default;

awaitable<result<tcp_endpoints>> resolver::resolve(asio::any_io_executor executor,
                                                   std::shared_ptr<clock_source> clock,
                                                   std::string host, std::uint16_t port,
                                                   time_point deadline,
                                                   std::shared_ptr<stop_signal> stop) {
    auto known = known_endpoints(host, port);
    if (!known.empty()) co_return known;
    const auto timer = clock->make_alarm(executor);
    const stop_signal::hook hook(stop, [&wait = *timer] { wait.ring(); });
    const registration mine(pool_, executor, *timer, host, port);
    for (;;) {
        if (stop->requested()) co_return aborted_error(phase::resolve);
        if (auto found = mine.answer()) co_return outcome(std::move(*found), host);
        if (clock->now() >= deadline)
            co_return network_error(errc::resolve_timeout, phase::resolve, true,
                                    "Looking up the host name " + host + " took too long");
        co_await timer->wait_until(deadline);
    }
}

unsigned resolver::running() const { return pool_->running(); }

std::shared_ptr<resolver> shared_resolver() {
    static const auto one = std::make_shared<resolver>();
    return one;
}

} // namespace parley
