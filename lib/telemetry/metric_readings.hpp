#pragma once

#include "telemetry/metric_table.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace parley {

/// The numbers of all metrics at one time.
struct metric_readings {
    template <metric what, class... Labels>
    void add(std::uint64_t more, Labels... labels) noexcept {
        cells[cell_of<what>(labels...)] += more;
    }

    /// A ticket that is renewed in good time: the earliest counts.
    void add_expiry(std::chrono::system_clock::time_point expires_at) noexcept {
        const auto since_epoch =
            std::chrono::duration_cast<std::chrono::seconds>(expires_at.time_since_epoch());
        const auto added =
            static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch.count(), 1));
        auto& earliest = cells[cell_of<metric::ticket_expiry>()];
        earliest = earliest == 0 ? added : std::min(earliest, added);
    }

    std::array<std::uint64_t, cell_count> cells{};
};

} // namespace parley
