#pragma once

#include <cstdlib>

namespace parley::test {

/// `test/long.sh` asks for the full size of what is small elsewhere.
inline bool long_run() { return std::getenv("PARLEY_LONG") != nullptr; }

} // namespace parley::test
