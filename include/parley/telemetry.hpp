#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// The type of a metric, as monitoring systems distinguish them.
enum class metric_type {
    counter,  ///< only grows
    gauge,    ///< goes up and down
    histogram ///< how many observed values lie within each bound
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(metric_type) noexcept;

/// A label of a series: `reason="renewal"`.
struct metric_label {
    std::string name;  ///< its name
    std::string value; ///< always valid UTF-8
};

/// One series of a metric family.
struct metric_series {
    std::vector<metric_label> labels; ///< tell it apart from the others of its family
    double value = 0;                 ///< of a histogram the sum of the observed values
    /// Of a histogram, cumulative: for each of `metric_family::bounds` the number of observed
    /// values up to and including it, and last the number of all.
    std::vector<std::uint64_t> buckets;
};

/// A metric with all its series.
struct metric_family {
    std::string name;                        ///< begins with `parley_` and ends with the unit
    std::string help;                        ///< one sentence
    metric_type type = metric_type::counter; ///< its type
    std::vector<double> bounds;              ///< of a histogram, ascending, in the unit
    std::vector<metric_series> series;       ///< one for each combination of its labels
};

/// Metrics that any number of clients and managers count together (doc/how-to/monitoring.md).
///
/// @code
/// void report(asio::any_io_executor executor, chat_client_config config) {
///     const auto counted = std::make_shared<telemetry>();
///     config.telemetry = counted;
///     chat_client first(executor, config), second(executor, config);
///     for (const metric_family& family : counted->collect())
///         std::cout << family.name << ": " << family.help << '\n';
/// }
/// @endcode
///
/// Every series exists with the value 0 from the start. The labels are values of enumerations and
/// the names of registered tools, never a text that a server or a user chooses. Of tools, the first
/// 100 names have series of their own; every other one is counted as `_OTHER`. What a client
/// has counted stays when the client is destroyed, so that no counter ever falls.
///
/// An event takes no lock that is held for longer than a few instructions, and no memory.
///
/// @par Thread safety   every member may be called from any thread, at the same time
/// @par Lifetime        may be destroyed before or after what feeds it
class PARLEY_EXPORT telemetry {
public:
    telemetry();
    telemetry(const telemetry&) = delete;
    telemetry& operator=(const telemetry&) = delete;
    ~telemetry();

    /// All metrics as they stand, in the order of doc/reference/telemetry.md.
    std::vector<metric_family> collect() const;

    class impl;
    /// What clients and managers feed. Not for applications.
    const std::shared_ptr<impl>& implementation() const noexcept { return impl_; }

private:
    const std::shared_ptr<impl> impl_;
};

} // namespace parley
