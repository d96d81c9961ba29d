// The fuzzers bring a world of their own: there is no real one, and nothing of Beast to compile.

#include "transport/environment.hpp"

#include <cstdlib>

namespace parley {

environment_ptr real_environment() { std::abort(); }

} // namespace parley
