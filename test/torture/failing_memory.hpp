#pragma once

#include <cstddef>
#include <cstdint>

namespace parley::test {

/// The operator new of this program, which throws on the thread that asks for it, when it is told
/// to.
namespace failing_memory {

/// From now on the n-th allocation of this thread fails, from 1, and those after it: so many in
/// all.
void fail_nth(std::size_t n, std::size_t in_a_row = 1);
/// From now on one in so many fails, at random.
void fail_at_random(std::uint64_t seed, unsigned one_in);
/// From now on every allocation of this thread fails, and those that Asio makes for its handlers.
void fail_all();
/// None fails any more. How many have.
std::size_t stop() noexcept;

} // namespace failing_memory

/// How the process of one run ends.
enum ending : int {
    as_it_should = 0,
    nothing_failed = 40, // there was no n-th allocation any more
    wrong,               // a promise was broken
    in_a_dependency,     // std::terminate in a noexcept function of Asio's or simdjson's
    elsewhere            // std::terminate anywhere else
};

/// In a process of its own. A leak would be seen at its end by LeakSanitizer, and one that takes
/// longer than a minute is killed.
int ending_of(ending (*scenario)(std::uint64_t), std::uint64_t number);

bool expect(bool holds, const char* what);

} // namespace parley::test
