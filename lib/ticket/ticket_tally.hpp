#pragma once

#include <atomic>
#include <cstdint>

namespace parley::detail {

/// What one user of a shared ticket_manager has caused. Any thread.
struct ticket_tally {
    std::atomic<std::uint64_t> requests{0}; ///< asked of the source, retries included
    std::atomic<std::uint64_t> failures{0}; ///< refreshes that brought none
};

} // namespace parley::detail
