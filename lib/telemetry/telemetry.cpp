#include <parley/version.hpp>

#include "core/text.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace parley {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// Keeps the sum of a histogram from an overflow.
constexpr microseconds longest = 365 * 24h;

constexpr std::size_t longest_tool_name = 128;

double in_seconds(microseconds time) { return static_cast<double>(time.count()) / 1e6; }

/// The labels of the series at that place of the row.
std::vector<metric_label> labels_of(const metric_description& row, std::size_t place) {
    std::vector<metric_label> labels;
    for (auto label = row.labels.rbegin(); label != row.labels.rend(); ++label) {
        if (!label->value) continue;
        labels.push_back({std::string(label->name),
                          std::string(label->value(label->first + place % label->count))});
        place /= label->count;
    }
    std::reverse(labels.begin(), labels.end());
    return labels;
}

/// Its series, from numbers that `cell_at` gives.
void add_series(metric_family& to, const metric_description& row,
                const std::function<std::uint64_t(std::size_t)>& cell_at) {
    const auto buckets = row.cells_of_series() - 1;
    for (std::size_t place = 0; place < row.series(); ++place) {
        const auto first = place * row.cells_of_series();
        metric_series one;
        one.labels = labels_of(row, place);
        std::uint64_t all = 0;
        for (std::size_t bucket = 0; bucket < buckets; ++bucket)
            one.buckets.push_back(all += cell_at(first + bucket));
        const auto last = cell_at(first + buckets);
        one.value = buckets == 0 ? static_cast<double>(last)
                                 : in_seconds(microseconds(static_cast<std::int64_t>(last)));
        to.series.push_back(std::move(one));
    }
}

} // namespace

std::string_view to_string(build) noexcept { return version; }

void telemetry::impl::observe_in(cell* series, bounds_description bounds,
                                 std::chrono::nanoseconds took) noexcept {
    const auto time = std::clamp(std::chrono::ceil<microseconds>(took), microseconds(0), longest);
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), time) - bounds.begin();
    const auto relaxed = std::memory_order_relaxed;
    series[bucket].fetch_add(1, relaxed);
    series[bounds.size() + 1].fetch_add(static_cast<std::uint64_t>(time.count()), relaxed);
}

void telemetry::impl::register_tool(std::string_view name) {
    if (name == to_string(tool_slot::other)) return;
    if (name.size() > longest_tool_name || !valid_utf8(name)) return;
    const std::lock_guard lock(tools_mutex_);
    if (tools_.size() < most_tools && !tools_.contains(name))
        tools_.emplace(name, std::make_unique<tool_cells>());
}

void telemetry::impl::observe_tool(std::string_view name, tool_outcome outcome,
                                   std::chrono::nanoseconds took) noexcept {
    const auto first = static_cast<std::size_t>(outcome) * tool_row.cells_of_series();
    {
        const std::lock_guard lock(tools_mutex_);
        const auto known = tools_.find(name);
        if (known != tools_.end())
            return observe_in(&(*known->second)[first], tool_row.bounds, took);
    }
    observe<metric::tool_duration>(took, tool_slot::other, outcome);
}

void telemetry_source::enter() {
    if (counted_) counted_->enter(*this);
}

void telemetry_source::leave() noexcept {
    if (counted_) counted_->leave(*this);
}

void telemetry::impl::enter(telemetry_source& source) {
    const std::lock_guard lock(sources_mutex_);
    sources_.push_back(source);
}

void telemetry::impl::leave(telemetry_source& source) noexcept {
    metric_readings last;
    const std::lock_guard lock(sources_mutex_);
    source.add_counters(last);
    sources_.erase(sources_.iterator_to(source));
    for (std::size_t at = 0; at < cell_count; ++at)
        if (last.cells[at] != 0) cells_[at].fetch_add(last.cells[at], std::memory_order_relaxed);
}

metric_readings telemetry::impl::read() const {
    metric_readings now;
    const std::lock_guard lock(sources_mutex_);
    for (std::size_t at = 0; at < cell_count; ++at)
        now.cells[at] = cells_[at].load(std::memory_order_relaxed);
    for (const auto& source : sources_) {
        source.add_counters(now);
        source.add_gauges(now);
    }
    return now;
}

void telemetry::impl::add_tools(metric_family& to) const {
    const std::lock_guard lock(tools_mutex_);
    for (const auto& known : tools_) {
        const auto before = to.series.size();
        add_series(to, tool_row, [&known](std::size_t at) {
            return (*known.second)[at].load(std::memory_order_relaxed);
        });
        for (auto at = before; at < to.series.size(); ++at)
            to.series[at].labels.front().value = known.first;
    }
}

std::vector<metric_family> telemetry::impl::collect() const {
    auto now = read();
    now.add<metric::build_info>(1, build::this_one);
    std::vector<metric_family> all;
    for (std::size_t at = 0; at < metric_table.size(); ++at) {
        const auto& row = metric_table[at];
        metric_family family;
        family.name = row.name;
        family.help = row.help;
        family.type = row.type;
        for (const auto bound : row.bounds)
            family.bounds.push_back(in_seconds(bound));
        const auto* const cells = &now.cells[cells_before(at)];
        add_series(family, row, [cells](std::size_t place) { return cells[place]; });
        if (&row == &tool_row) add_tools(family);
        all.push_back(std::move(family));
    }
    return all;
}

telemetry::telemetry() : impl_(std::make_shared<impl>()) {}

telemetry::~telemetry() = default;

std::vector<metric_family> telemetry::collect() const { return impl_->collect(); }

} // namespace parley
