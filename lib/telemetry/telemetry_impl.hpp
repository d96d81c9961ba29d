#pragma once

#include <parley/telemetry.hpp>

#include "telemetry/metric_readings.hpp"
#include "telemetry/metric_table.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// What has counters or a state of its own, which are read when the metrics are collected.
class telemetry_source : public boost::intrusive::list_base_hook<> {
public:
    // From any thread, also while the owner's strand writes: what they read is atomic or guarded.
    virtual void add_counters(metric_readings& to) const noexcept = 0; ///< once more when it goes
    virtual void add_gauges(metric_readings& to) const noexcept = 0;

protected:
    /// Null: nobody counts.
    explicit telemetry_source(std::shared_ptr<telemetry::impl> to) : counted_(std::move(to)) {}
    telemetry_source(const telemetry_source&) = delete;
    telemetry_source& operator=(const telemetry_source&) = delete;
    ~telemetry_source() = default;

    const std::shared_ptr<telemetry::impl>& counted() const noexcept { return counted_; }
    void enter();          ///< at the end of the constructor
    void leave() noexcept; ///< at the begin of the destructor

private:
    const std::shared_ptr<telemetry::impl> counted_;
};

/// The shared numbers behind telemetry.
///
/// A rare event adds to an atomic cell when it happens. What is frequent, and what is a state, is
/// read from its owner, a `telemetry_source`, when the metrics are collected; an owner that goes
/// adds its counters to the cells. Both are done under one mutex, so that no counter falls.
///
/// Any thread. The mutex is held while the sources are read: a source is never locked by a thread
/// that then enters or leaves.
class telemetry::impl {
public:
    /// Null for none.
    static std::shared_ptr<impl> of(const std::shared_ptr<telemetry>& given) {
        return given ? given->implementation() : nullptr;
    }

    static constexpr std::size_t most_tools = 100;

    template <metric what, class... Labels>
    void count(std::uint64_t more, Labels... labels) noexcept {
        cells_[cell_of<what>(labels...)].fetch_add(more, std::memory_order_relaxed);
    }

    /// A time that was taken across a step of the clock backwards counts as 0.
    template <metric what, class... Labels>
    void observe(std::chrono::nanoseconds took, Labels... labels) noexcept {
        observe_in(&cells_[cell_of<what>(labels...)], description_of(what).bounds, took);
    }

    /// Gives the tool series of its own, while there is room.
    void register_tool(std::string_view name);
    void observe_tool(std::string_view name, tool_outcome outcome,
                      std::chrono::nanoseconds took) noexcept;

    std::vector<metric_family> collect() const;

private:
    friend class telemetry_source;
    using cell = std::atomic<std::uint64_t>;
    using sources =
        boost::intrusive::list<telemetry_source, boost::intrusive::constant_time_size<false>>;
    static constexpr const metric_description& tool_row = description_of(metric::tool_duration);
    using tool_cells = std::array<cell, tool_row.series() * tool_row.cells_of_series()>;

    static void observe_in(cell* series, bounds_description bounds,
                           std::chrono::nanoseconds took) noexcept;
    void enter(telemetry_source& source);
    void leave(telemetry_source& source) noexcept;
    metric_readings read() const;
    void add_tools(metric_family& to) const;

    std::array<cell, cell_count> cells_{};

    mutable std::mutex sources_mutex_;
    sources sources_;

    mutable std::mutex tools_mutex_;
    std::map<std::string, std::unique_ptr<tool_cells>, std::less<>> tools_; // by name
};

} // namespace parley
