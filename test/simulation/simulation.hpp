#pragma once

#include "simulation/coverage.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace parley::simulation {

/// How one seed went.
struct result_of_seed {
    std::uint64_t seed = 0;
    std::optional<std::string> broken; ///< the invariant, and how
    std::string trace;
    coverage seen;
};

/// Everything that this seed means: configuration, workload, faults, interleaving. The same seed
/// gives the same run.
result_of_seed simulate(std::uint64_t seed, bool traced);

} // namespace parley::simulation
