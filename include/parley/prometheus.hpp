#pragma once

#include <parley/export.hpp>
#include <parley/telemetry.hpp>

#include <memory>
#include <string>

namespace prometheus {
class Collectable;
} // namespace prometheus

namespace parley {

// The exporter to Prometheus: the library parley_prometheus, which links prometheus-cpp.

/// The metrics for `Exposer::RegisterCollectable` of prometheus-cpp, or anything else that
/// collects.
///
/// @par Thread safety   it may be collected from any thread, at the same time
/// @par Lifetime        keeps the telemetry; an `Exposer` keeps a weak_ptr to the collectable
PARLEY_EXPORT std::shared_ptr<prometheus::Collectable>
prometheus_collectable(std::shared_ptr<const telemetry> counted);

/// The metrics in the text format of Prometheus, version 0.0.4: the answer to `GET /metrics`, with
/// the content type `text/plain; version=0.0.4`.
PARLEY_EXPORT std::string prometheus_text(const telemetry& counted);

} // namespace parley
