#pragma once

#include <string_view>

namespace parley::test {

/// True for a text with one of the secrets that the tests use: anything with `sentinel` in any
/// case, and the tickets that the fake source (`ticket-1`) and the test server (`tk-` and digits)
/// make up.
bool tells_a_secret(std::string_view text);

/// Looks at a line of a log. Linked into every suite, the watch looks at all that is logged, and at
/// the text of every exception that is thrown; a program in which it has found something fails.
void watch_text(std::string_view where, std::string_view text);

/// As long as it lives, what this thread throws is not ours: a test plays a careless stranger.
class careless_stranger {
public:
    careless_stranger() { ++on_this_thread; }
    ~careless_stranger() { --on_this_thread; }
    careless_stranger(const careless_stranger&) = delete;
    careless_stranger& operator=(const careless_stranger&) = delete;

    // Here, so that a program without the watch (a fuzz target) links too.
    static inline thread_local unsigned on_this_thread = 0;
};

} // namespace parley::test
