#include "core/clock.hpp"

namespace parley {

alarm::~alarm() = default;
clock_source::~clock_source() = default;

} // namespace parley
