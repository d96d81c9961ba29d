#include "torture/failing_memory.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <execinfo.h>
#include <new>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace {

thread_local bool armed = false;
thread_local std::size_t until_failure = 0; // 0: this does not decide
thread_local std::size_t row = 0;           // failures that are left once it has begun
thread_local std::uint64_t dice = 0;
thread_local unsigned one_in = 0; // 0: likewise
thread_local std::size_t failures = 0;
thread_local bool out_of_memory = false;

bool fails() {
    if (out_of_memory) return true;
    if (!armed) return false;
    if (one_in != 0) {
        dice = dice * 6364136223846793005u + 1442695040888963407u; // Knuth's
        return (dice >> 33) % one_in == 0;
    }
    if (until_failure > 1) {
        --until_failure;
        return false;
    }
    if (until_failure == 0 || row == 0) return false;
    --row;
    return true;
}

void* allocate(std::size_t size) {
    if (fails()) {
        ++failures;
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
/// Asio's own memory: coroutine frames and handlers.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    void* memory = nullptr;
    const bool given = !out_of_memory && ::posix_memalign(&memory, alignment, size) == 0;
    return given ? memory : nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace parley::test {

void failing_memory::fail_nth(std::size_t n, std::size_t in_a_row) {
    until_failure = n;
    row = in_a_row;
    one_in = 0;
    failures = 0;
    armed = true;
}

void failing_memory::fail_at_random(std::uint64_t seed, unsigned of_so_many) {
    dice = seed;
    one_in = of_so_many;
    failures = 0;
    armed = true;
}

void failing_memory::fail_all() {
    failures = 0;
    out_of_memory = true;
}

std::size_t failing_memory::stop() noexcept {
    armed = out_of_memory = false;
    return failures;
}

namespace {

/// Asio copies type-erased executors in functions that are noexcept (prefer and require, of which
/// a build that counts coverage leaves the inner frames first), and simdjson chooses its
/// implementation in one: both allocate, and there is nothing that a library on top of them could
/// do. Anywhere else nothing may end the process.
[[noreturn]] void on_terminate() {
    failing_memory::stop();
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

} // namespace

int ending_of(ending (*scenario)(std::uint64_t), std::uint64_t number) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        std::set_terminate(on_terminate);
        ::alarm(60);
        std::exit(scenario(number));
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool expect(bool holds, const char* what) {
    if (!holds) std::fprintf(stderr, "not so: %s\n", what);
    return holds;
}

} // namespace parley::test
