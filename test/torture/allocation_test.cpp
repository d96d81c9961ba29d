// Every allocation fails once, in connecting, sending and closing (doc/test-catalogue.md J110). The
// operator new of this program counts, and throws at the one that the test names.

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <execinfo.h>
#include <map>
#include <new>
#include <optional>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

// One thread.
bool armed = false;
std::size_t until_failure = 0; // 0: none fails
bool failed = false;

void* allocate(std::size_t size) {
    if (armed && until_failure != 0 && --until_failure == 0) {
        failed = true;
        throw std::bad_alloc();
    }
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
// Those that do not throw are simdjson's, which up to 3.0 does not look whether it got anything.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

// How the process of one run ends.
enum ending : int {
    as_it_should = 0,
    nothing_failed = 40, // there was no n-th allocation any more
    wrong,               // a promise was broken
    in_a_dependency,     // std::terminate in a noexcept function of Asio's or simdjson's
    elsewhere            // std::terminate anywhere else
};

/// Asio copies type-erased executors in functions that are noexcept (prefer and require, of which
/// a build that counts coverage leaves the inner frames first), and simdjson chooses its
/// implementation in one: both allocate, and there is nothing that a library on top of them could
/// do. Anywhere else nothing may end the process.
[[noreturn]] void on_terminate() {
    armed = false;
    void* frames[100];
    const int depth = backtrace(frames, 100);
    char** const names = backtrace_symbols(frames, depth);
    const auto not_ours = [](std::string_view name) {
        return name.find("8simdjson") != std::string_view::npos ||
               ((name.find("any_executor_base") != std::string_view::npos ||
                 name.find("any_io_executor") != std::string_view::npos) &&
                (name.find("prefer_fn") != std::string_view::npos ||
                 name.find("require_fn") != std::string_view::npos));
    };
    const bool known = std::any_of(names, names + depth, not_ours);
    if (!known)
        for (int n = 0; n < depth; ++n)
            std::fprintf(stderr, "%s\n", names[n]);
    std::_Exit(known ? in_a_dependency : elsewhere);
}

bool expect(bool holds, const char* what) {
    if (!holds) std::fprintf(stderr, "not so: %s\n", what);
    return holds;
}

/// Runs what is ready; an exception that comes out of it is counted, and the rest goes on.
void poll_through(asio::io_context& io, int& escaped) {
    for (;;) {
        try {
            return poll(io);
        } catch (const std::bad_alloc&) {
            ++escaped;
        }
    }
}

/// One operation of a client with its n-th allocation failing.
template <class Begin>
ending fail_in(client_case& test, std::size_t n, Begin begin) {
    std::optional<started<void>> one;
    bool thrown = false; // at once, to the caller
    int escaped = 0;     // out of the context's run
    until_failure = n;
    armed = true;
    try {
        one = begin();
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    poll_through(test.io, escaped);
    armed = false;
    if (!failed)
        return expect(one && one->done() && !one->failed(), "it works") ? nothing_failed : wrong;
    // What waits for a time to come gets it.
    for (int minutes = 0; one && !one->done() && minutes < 3; ++minutes) {
        test.environment->time->advance(1min);
        poll_through(test.io, escaped);
    }
    std::size_t sent = 0;
    for (std::size_t each = 0; each < test.transports->made(); ++each)
        sent += test.transports->at(each).writes_with("torture");
    const bool done = thrown || (one && one->done());
    bool good = expect(done || escaped > 0, "the caller is told");
    good = expect(sent <= 1, "nothing is sent twice") && good;
    good = expect(test.transports->violations().empty(), "the transport's rules are kept") && good;
    test.client.reset();
    poll_through(test.io, escaped);
    good = expect(test.transports->alive() == 0 || escaped > 0, "nothing is left") && good;
    return good ? as_it_should : wrong;
}

void serve(scripted_connection& peer) {
    peer.reply(session_established_frame);
    peer.expect_write("configure_tools").reply(tools_configured_frame);
}

ending connecting(std::size_t n) {
    client_case test;
    test.config.client_tools.push_back(echo_tool("echo"));
    test.transports->otherwise(serve);
    test.make();
    return fail_in(test, n, [&] { return start(test.io, test.client->init()); });
}

ending sending(std::size_t n) {
    client_case test;
    test.transports->otherwise(serve);
    test.make();
    test.init();
    return fail_in(test, n, [&] { return start(test.io, test.client->send_message("torture")); });
}

ending closing(std::size_t n) {
    client_case test;
    test.transports->otherwise(serve);
    test.make();
    test.init();
    return fail_in(test, n, [&] { return start(test.io, test.client->disconnect()); });
}

/// Runs it for every n, each in a process of its own, and counts how they ended.
std::map<int, std::size_t> for_every_allocation(ending (*scenario)(std::size_t)) {
    std::map<int, std::size_t> counts;
    for (std::size_t n = 1; counts[nothing_failed] == 0 && n < 100'000; ++n) {
        std::fflush(nullptr);
        const pid_t child = fork();
        if (child == 0) {
            std::set_terminate(on_terminate);
            std::exit(scenario(n)); // a leak would be seen here by LeakSanitizer
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        ++counts[code];
        const bool good = code == as_it_should || code == nothing_failed || code == in_a_dependency;
        if (!good) UNSCOPED_INFO("allocation " << n << " ended in " << code);
        CHECK(good);
    }
    return counts;
}

} // namespace

TEST_CASE("torture: whichever allocation fails in connecting, the caller is told or run throws",
          "[torture][J110]") {
    const auto counts = for_every_allocation(connecting);
    CHECK(counts.at(as_it_should) > 50);
}

TEST_CASE("torture: whichever allocation fails in sending, the caller is told or run throws",
          "[torture][J110]") {
    const auto counts = for_every_allocation(sending);
    CHECK(counts.at(as_it_should) > 10);
}

TEST_CASE("torture: whichever allocation fails in closing, the caller is told or run throws",
          "[torture][J110]") {
    const auto counts = for_every_allocation(closing);
    CHECK(counts.at(as_it_should) > 10);
}
