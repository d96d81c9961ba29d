#include "transport/resolve.hpp"

#include "transport/network_error.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace parley {

namespace {

/// A caller that waits. Its alarm and its executor are used only while it is on a lookup's list,
/// under the pool's mutex: a frame that goes, with its context or not, takes itself off first.
struct waiter {
    asio::any_io_executor executor;
    alarm* bell = nullptr;
};

struct lookup {
    lookup(std::string name, std::uint16_t to) : host(std::move(name)), port(to) {}

    const std::string host;
    const std::uint16_t port;
    bool started = false;
    std::optional<lookup_answer> answer;
    std::vector<waiter*> waiters;
};

using lookup_key = std::pair<std::string, std::uint16_t>;

} // namespace

class resolver::pool : public std::enable_shared_from_this<resolver::pool> {
public:
    pool(lookup_function how, unsigned max_threads)
        : how_(std::move(how)), max_threads_(max_threads) {}

    std::shared_ptr<lookup> join(const std::string& host, std::uint16_t port, waiter& who) {
        const std::lock_guard lock(mutex_);
        auto& entry = lookups_[lookup_key(host, port)];
        if (!entry) {
            entry = std::make_shared<lookup>(host, port);
            queue_.push_back(entry);
            start_thread();
        }
        entry->waiters.push_back(&who);
        return entry;
    }

    void leave(const std::shared_ptr<lookup>& from, waiter& who) {
        const std::lock_guard lock(mutex_);
        std::erase(from->waiters, &who);
        if (!from->waiters.empty() || from->started) return;
        std::erase(queue_, from); // nobody wants it any more
        lookups_.erase(lookup_key(from->host, from->port));
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
    void start_thread() {
        if (running_ >= max_threads_) return; // one of those running takes it
        ++running_;
        try {
            std::thread([self = shared_from_this()] { self->run(); }).detach();
        } catch (const std::system_error&) {
            --running_;
            if (running_ > 0) return;
            finish(take_next(), lookup_answer(EAI_AGAIN));
        }
    }

    void run() {
        for (;;) {
            std::shared_ptr<lookup> next;
            {
                const std::lock_guard lock(mutex_);
                if (queue_.empty()) {
                    --running_;
                    return;
                }
                next = take_next();
            }
            lookup_answer found = look_up(*next);
            const std::lock_guard lock(mutex_);
            finish(next, std::move(found));
        }
    }

    lookup_answer look_up(const lookup& what) const {
        try {
            return how_(what.host, what.port);
        } catch (const std::exception&) {
            return lookup_answer(EAI_MEMORY); // bad_alloc: nothing else is thrown there
        }
    }

    std::shared_ptr<lookup> take_next() {
        auto next = queue_.front();
        queue_.pop_front();
        next->started = true;
        return next;
    }

    void finish(const std::shared_ptr<lookup>& done, lookup_answer found) {
        done->answer = std::move(found);
        lookups_.erase(lookup_key(done->host, done->port));
        for (waiter* each : done->waiters)
            asio::post(each->executor, [self = shared_from_this(), done, each] {
                const std::lock_guard lock(self->mutex_);
                for (const waiter* still : done->waiters)
                    if (still == each) each->bell->ring();
            });
    }

    const lookup_function how_;
    const unsigned max_threads_;
    mutable std::mutex mutex_;
    std::map<lookup_key, std::shared_ptr<lookup>> lookups_; ///< queued or running
    std::deque<std::shared_ptr<lookup>> queue_;
    unsigned running_ = 0;
};

namespace {

class registration {
public:
    registration(std::shared_ptr<resolver::pool> pool, asio::any_io_executor executor, alarm& bell,
                 const std::string& host, std::uint16_t port)
        : pool_(std::move(pool)) {
        self_.executor = std::move(executor);
        self_.bell = &bell;
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
    if (found.code == 0 && !found.endpoints.empty()) return std::move(found.endpoints);
    return network_error(errc::resolve_failed, phase::resolve, true,
                         "The host name " + host + " could not be resolved",
                         found.code == 0 ? "no address" : ::gai_strerror(found.code));
}

awaitable<result<tcp_endpoints>>
wait_for_answer(std::shared_ptr<resolver::pool> pool, asio::any_io_executor executor,
                std::shared_ptr<clock_source> clock, std::string host, std::uint16_t port,
                time_point deadline, std::shared_ptr<stop_signal> stop) {
    const auto bell = clock->make_alarm(executor);
    const stop_signal::hook hook(stop, [&ring = *bell] { ring.ring(); });
    const registration mine(std::move(pool), executor, *bell, host, port);
    for (;;) {
        if (stop->requested()) co_return aborted_error(phase::resolve);
        if (auto found = mine.answer()) co_return outcome(std::move(*found), host);
        if (clock->now() >= deadline)
            co_return network_error(errc::resolve_timeout, phase::resolve, true,
                                    "Looking up the host name " + host + " took too long");
        co_await bell->wait_until(deadline);
    }
}

/// RFC 6761 6.3: never asked of anybody. That plain text may go there rests on it.
tcp_endpoints loopback(std::uint16_t port) {
    return {{asio::ip::address_v4::loopback(), port}, {asio::ip::address_v6::loopback(), port}};
}

awaitable<result<tcp_endpoints>> answer_at_once(result<tcp_endpoints> known) { co_return known; }

} // namespace

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

resolver::resolver(lookup_function lookup, unsigned max_threads)
    : pool_(std::make_shared<pool>(std::move(lookup), max_threads)) {}

resolver::~resolver() = default;

awaitable<result<tcp_endpoints>> resolver::resolve(asio::any_io_executor executor,
                                                   std::shared_ptr<clock_source> clock,
                                                   std::string host, std::uint16_t port,
                                                   time_point deadline,
                                                   std::shared_ptr<stop_signal> stop) {
    auto known = known_endpoints(host, port);
    if (!known.empty()) return answer_at_once(std::move(known));
    return wait_for_answer(pool_, std::move(executor), std::move(clock), std::move(host), port,
                           deadline, std::move(stop));
}

unsigned resolver::running() const { return pool_->running(); }

std::shared_ptr<resolver> shared_resolver() {
    static const auto one = std::make_shared<resolver>();
    return one;
}

} // namespace parley
