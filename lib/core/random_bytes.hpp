#pragma once

#include <span>

namespace parley {

/// Fills it with unpredictable bytes, each of which is used once. False: there is no randomness.
bool draw_random(std::span<unsigned char> into);

} // namespace parley
