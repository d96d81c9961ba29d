// Whatever a dial asks the system for fails once: each thread, allocation, socket, timer and
// lookup. The operator new of this program is its own, and each case runs in a process of its own.

#include "net/network.hpp"
#include "net/resolve.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "transport/environment.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <execinfo.h>
#include <list>
#include <map>
#include <memory>
#include <netdb.h>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// The n-th of something fails.
class countdown {
public:
    void arm(std::size_t n) {
        hit_ = false;
        left_ = n;
    }
    bool disarm() {
        left_ = 0;
        return hit_;
    }
    /// This one does. Any thread.
    bool due() noexcept {
        auto left = left_.load();
        while (left != 0 && !left_.compare_exchange_weak(left, left - 1)) {
        }
        if (left == 1) hit_ = true;
        return left == 1;
    }

private:
    std::atomic<std::size_t> left_ = 0; // 0: none
    std::atomic<bool> hit_ = false;
};

countdown allocations;
countdown threads;
countdown timers;
countdown lookups;

void* allocate(std::size_t size) {
    if (allocations.due()) throw std::bad_alloc();
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
/// Asio's own memory: coroutine frames and handlers.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    void* memory = nullptr;
    const bool given = !allocations.due() && ::posix_memalign(&memory, alignment, size) == 0;
    return given ? memory : nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

// How the process of one case ends.
enum ending : int {
    as_it_should = 0,
    nothing_failed = 40, // there was no n-th one any more
    wrong,               // a promise was broken
    in_a_dependency,     // std::terminate in a noexcept function of Asio's
    elsewhere            // std::terminate anywhere else
};

/// Asio copies type-erased executors, which allocates, in functions that are noexcept, and a strand
/// posts its next turn from a destructor, the innermost frame but those of the termination.
[[noreturn]] void on_terminate() {
    allocations.disarm();
    void* frames[100];
    const int depth = backtrace(frames, 100);
    char** const names = backtrace_symbols(frames, depth);
    const auto holds = [](std::string_view name, std::string_view part) {
        return name.find(part) != std::string_view::npos;
    };
    const bool executor = std::any_of(names, names + depth, [&](std::string_view name) {
        return (holds(name, "any_executor_base") || holds(name, "any_io_executor")) &&
               (holds(name, "prefer_fn") || holds(name, "require_fn"));
    });
    const bool turn = std::any_of(names, names + std::min(depth, 10), [&](std::string_view name) {
        return holds(name, "strand_executor_service7invoker");
    });
    const bool known = executor || turn;
    if (!known)
        for (int n = 0; n < depth; ++n)
            std::fprintf(stderr, "%s\n", names[n]);
    std::_Exit(known ? in_a_dependency : elsewhere);
}

class scarce_alarm final : public parley::alarm {
public:
    explicit scarce_alarm(std::unique_ptr<parley::alarm> real) : real_(std::move(real)) {}
    awaitable<void> wait_until(time_point until) override {
        if (timers.due()) throw std::bad_alloc();
        return real_->wait_until(until);
    }
    void call_at(time_point until, std::function<void()> due) override {
        if (timers.due()) throw std::bad_alloc();
        real_->call_at(until, std::move(due));
    }
    void ring() override { real_->ring(); }

private:
    std::unique_ptr<parley::alarm> real_;
};

class scarce_timers final : public clock_source {
public:
    time_point now() const noexcept override { return real_->now(); }
    wall_time wall_now() const noexcept override { return real_->wall_now(); }
    std::unique_ptr<parley::alarm> make_alarm(asio::any_io_executor executor) override {
        if (timers.due()) throw std::bad_alloc();
        return std::make_unique<scarce_alarm>(real_->make_alarm(std::move(executor)));
    }

private:
    const std::shared_ptr<clock_source> real_ = real_environment()->clock();
};

void start_scarce_thread(std::function<void()> body) {
    if (threads.due())
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    start_thread(std::move(body));
}

/// `two.test` has two addresses, of which the first refuses.
lookup_answer scarce_lookup(const std::string& host, std::uint16_t port) {
    if (lookups.due()) {
        if (host == "two.test") throw std::bad_alloc();
        return lookup_answer(EAI_AGAIN);
    }
    tcp_endpoints found;
    if (host == "two.test") found.emplace_back(asio::ip::make_address("127.0.0.3"), port);
    found.emplace_back(asio::ip::make_address("127.0.0.1"), port);
    return lookup_answer(std::move(found));
}

/// A port of this machine that accepts connections and serves none.
class open_port {
public:
    open_port() : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {}
    std::uint16_t number() const { return acceptor_.local_endpoint().port(); }

private:
    asio::io_context io_;
    asio::ip::tcp::acceptor acceptor_;
};

/// As long as it lives, this process gets so many descriptors more.
class few_descriptors {
public:
    explicit few_descriptors(std::size_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(0);
        ::close(next);
        auto few = before_;
        few.rlim_cur = static_cast<::rlim_t>(next) + more;
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    few_descriptors(const few_descriptors&) = delete;
    few_descriptors& operator=(const few_descriptors&) = delete;
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    ::rlimit before_{};
};

struct outcome {
    std::size_t connected = 0;
    std::size_t refused = 0; ///< with an error of the kind
    std::size_t thrown = 0;  ///< for want of memory
    std::size_t odd = 0;     ///< anything else, or never
};

/// A context with dials on it; its services are made beforehand.
class dialler {
public:
    dialler(std::shared_ptr<network> net, const std::vector<server_url>& to)
        : net_(std::move(net)) {
        for (const auto& each : to)
            dials_.emplace_back(io_, each);
    }

    outcome run() {
        outcome seen;
        for (auto& each : dials_) {
            try {
                auto opening = net_->open(each.socket, each.server, std::make_shared<stop_signal>(),
                                          [](phase) {});
                each.running.emplace(start(each.strand, std::move(opening)));
            } catch (const std::bad_alloc&) {
                each.told = true;
            }
        }
        run_until(300ms, [this] { return all_done(); });
        if (!all_done() && allocations.disarm()) look_for_dead_strands();
        run_until(20s, [this] { return all_done(); });
        for (const auto& each : dials_)
            count(each, seen);
        return seen;
    }

private:
    struct one_dial {
        one_dial(asio::io_context& io, const server_url& to)
            : strand(asio::make_strand(io.get_executor())), socket(strand),
              server(std::make_shared<const server_url>(to)) {}

        asio::any_io_executor strand; ///< of its own: a dead one is nothing to the others
        asio::ip::tcp::socket socket;
        std::shared_ptr<const server_url> server;
        std::optional<started<result<void>>> running;
        bool told = false; ///< of the bad_alloc, or nothing can report it
        bool done() const { return told || running->done(); }
    };

    template <class Predicate>
    void run_until(std::chrono::milliseconds within, Predicate holds) {
        const auto end = std::chrono::steady_clock::now() + within;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            try {
                if (io_.stopped()) io_.restart();
                if (io_.run_one_for(20ms) == 0) std::this_thread::sleep_for(1ms);
            } catch (const std::bad_alloc&) { // run reports each of them
                for (auto& each : dials_)
                    if (!each.done()) each.told = true;
            }
        }
    }

    bool all_done() const {
        return std::all_of(dials_.begin(), dials_.end(),
                           [](const auto& one) { return one.done(); });
    }

    /// Asio's strand to which something was posted by halves never runs anything again.
    void look_for_dead_strands() {
        std::vector<one_dial*> asked;
        for (auto& each : dials_)
            if (!each.done()) asked.push_back(&each);
        for (one_dial* each : asked) {
            each->told = true;
            asio::post(each->strand, [each] { each->told = false; });
        }
        run_until(300ms, [&asked] {
            return std::none_of(asked.begin(), asked.end(), [](auto* each) { return each->told; });
        });
    }

    static void count(const one_dial& one, outcome& in) {
        if (!one.running || (one.told && !one.running->done())) {
            ++in.thrown;
            return;
        }
        if (!one.running->done()) {
            ++in.odd;
            return;
        }
        try {
            const auto ended = one.running->get();
            if (ended) {
                ++in.connected;
                return;
            }
            const auto& why = ended.error();
            const bool of_the_kind = why.is(errc::resolve_failed) || why.is(errc::connect_failed);
            ++(of_the_kind && why.details.retryable ? in.refused : in.odd);
        } catch (const std::bad_alloc&) {
            ++in.thrown;
        } catch (const std::exception& other) {
            std::fprintf(stderr, "thrown: %s\n", other.what());
            ++in.odd;
        }
    }

    asio::io_context io_;
    asio::steady_timer timer_{io_};
    const std::shared_ptr<network> net_;
    std::list<one_dial> dials_;
};

enum class want { thread, allocation, socket, timer, lookup };

ending check(const outcome& seen, const outcome& after, std::size_t all, bool hit) {
    const bool told = seen.odd == 0 && seen.connected + seen.refused + seen.thrown == all;
    const bool good = told && after.connected == all && (hit || seen.connected == all);
    if (!good)
        std::fprintf(stderr, "of %zu: %zu connected, %zu refused, %zu thrown, %zu odd; then %zu\n",
                     all, seen.connected, seen.refused, seen.thrown, seen.odd, after.connected);
    if (!good) return wrong;
    return hit ? as_it_should : nothing_failed;
}

/// Three dials at once with the n-th of something failing, and three more when nothing fails.
ending dialling(const std::vector<std::string>& hosts, want what, std::size_t n) {
    const open_port port;
    auto config = std::make_shared<connection_config>();
    config->allow_plaintext = true;
    config->resolve_timeout = config->connect_timeout = 10min; // nothing is waited for
    const auto names = std::make_shared<resolver>(scarce_lookup, 2, start_scarce_thread);
    const auto net = std::make_shared<network>(config, std::make_shared<scarce_timers>(), names);
    std::vector<server_url> to;
    for (const auto& host : hosts)
        to.push_back(server_url::parse("ws://" + host + ":" + std::to_string(port.number()), true));

    outcome seen;
    bool hit = false;
    {
        dialler first(net, to);
        if (what == want::socket) {
            const few_descriptors left(n - 1);
            seen = first.run();
            hit = seen.connected < to.size();
        } else {
            countdown& of = what == want::thread       ? threads
                            : what == want::allocation ? allocations
                            : what == want::timer      ? timers
                                                       : lookups;
            of.arm(n);
            seen = first.run();
            hit = of.disarm();
        }
    }
    dialler second(net, to);
    const auto after = second.run();
    while (names->running() > 0) // it may still be on its way out
        std::this_thread::yield();
    return check(seen, after, to.size(), hit);
}

/// Runs it for every n, each in a process of its own, and counts how they ended.
std::map<int, std::size_t> for_each(want what, const std::vector<std::string>& hosts) {
    std::map<int, std::size_t> counts;
    for (std::size_t n = 1; counts[nothing_failed] == 0 && n < 10'000; ++n) {
        std::fflush(nullptr);
        const pid_t child = fork();
        if (child == 0) {
            ::alarm(60); // a hang is a failure
            std::set_terminate(on_terminate);
            std::exit(dialling(hosts, what, n)); // a leak would be seen here by LeakSanitizer
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        ++counts[code];
        const bool good = code == as_it_should || code == nothing_failed || code == in_a_dependency;
        if (!good) UNSCOPED_INFO("the one of number " << n << " ended in " << code);
        CHECK(good);
    }
    return counts;
}

} // namespace

TEST_CASE(
    "torture: whichever resource a dial lacks, its callers get the error, and later dials work",
    "[torture]") {
    struct row {
        const char* what;
        std::vector<std::string> hosts;
        std::size_t threads;
        std::size_t timers;
        std::size_t lookups;
    };
    // How often each is asked for, at least.
    const std::vector<row> rows{
        {"an address", {"127.0.0.1", "127.0.0.1", "127.0.0.1"}, 0, 0, 0},
        {"a name, shared and not", {"one.test", "one.test", "other.test"}, 1, 3, 2},
        {"names with an address that refuses", {"two.test", "two.test", "one.test"}, 1, 3, 2},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        CHECK(for_each(want::thread, each.hosts)[as_it_should] >= each.threads);
        CHECK(for_each(want::timer, each.hosts)[as_it_should] >= each.timers);
        CHECK(for_each(want::lookup, each.hosts)[as_it_should] >= each.lookups);
        CHECK(for_each(want::socket, each.hosts)[as_it_should] >= 3);
        CHECK(for_each(want::allocation, each.hosts)[as_it_should] >= 10);
    }
}
