#pragma once

#include <span>

namespace parley {

/// Fills it with bytes that nobody can guess; each is handed out once. False: there is no
/// randomness.
bool draw_random(std::span<unsigned char> into);

} // namespace parley
