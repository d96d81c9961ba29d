#pragma once

#include <string>

namespace parley {

/// Overwrites text that was a secret, or held one, in a way that no compiler leaves out.
void wipe(std::string& text) noexcept;

} // namespace parley
