#include <parley/prometheus.hpp>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

namespace parley {

namespace {

using prometheus::ClientMetric;

prometheus::MetricType type_of(metric_type type) {
    switch (type) {
    case metric_type::counter:
        return prometheus::MetricType::Counter;
    case metric_type::gauge:
        return prometheus::MetricType::Gauge;
    case metric_type::histogram:
        return prometheus::MetricType::Histogram;
    }
    return prometheus::MetricType::Untyped;
}

ClientMetric::Histogram histogram_of(const metric_series& from, const std::vector<double>& bounds) {
    ClientMetric::Histogram made;
    made.sample_sum = from.value;
    made.sample_count = from.buckets.back();
    for (std::size_t at = 0; at < from.buckets.size(); ++at) {
        ClientMetric::Bucket bucket;
        bucket.cumulative_count = from.buckets[at];
        bucket.upper_bound =
            at < bounds.size() ? bounds[at] : std::numeric_limits<double>::infinity();
        made.bucket.push_back(bucket);
    }
    return made;
}

ClientMetric metric_of(const metric_series& from, const metric_family& family) {
    ClientMetric made;
    for (const auto& label : from.labels)
        made.label.push_back({label.name, label.value});
    made.counter.value = made.gauge.value = from.value;
    if (family.type == metric_type::histogram) made.histogram = histogram_of(from, family.bounds);
    return made;
}

std::vector<prometheus::MetricFamily> families_of(const telemetry& counted) {
    std::vector<prometheus::MetricFamily> all;
    for (const auto& family : counted.collect()) {
        prometheus::MetricFamily made;
        made.name = family.name;
        made.help = family.help;
        made.type = type_of(family.type);
        for (const auto& one : family.series)
            made.metric.push_back(metric_of(one, family));
        all.push_back(std::move(made));
    }
    return all;
}

class collectable : public prometheus::Collectable {
public:
    explicit collectable(std::shared_ptr<const telemetry> counted) : counted_(std::move(counted)) {}
    std::vector<prometheus::MetricFamily> Collect() const override {
        return families_of(*counted_);
    }

private:
    const std::shared_ptr<const telemetry> counted_;
};

} // namespace

std::shared_ptr<prometheus::Collectable>
prometheus_collectable(std::shared_ptr<const telemetry> counted) {
    return std::make_shared<collectable>(std::move(counted));
}

std::string prometheus_text(const telemetry& counted) {
    return prometheus::TextSerializer().Serialize(families_of(counted));
}

} // namespace parley
