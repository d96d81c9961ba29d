#pragma once

#include <parley/telemetry.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace parley::test {

/// The series of a family that are not 0, each as a line: the values of its labels, then its own
/// value, or of a histogram `COUNT x SUM ms`.
inline std::vector<std::string> metric_lines(const std::vector<metric_family>& all,
                                             const std::string& name) {
    std::vector<std::string> lines;
    for (const auto& family : all) {
        if (family.name != name) continue;
        for (const auto& one : family.series) {
            const bool histogram = family.type == metric_type::histogram;
            if (histogram ? one.buckets.back() == 0 : one.value == 0) continue;
            std::string line;
            for (const auto& label : one.labels)
                line += label.value + ' ';
            if (histogram)
                line += std::to_string(one.buckets.back()) + " x " +
                        std::to_string(std::lround(one.value * 1'000)) + " ms";
            else
                line += std::to_string(std::lround(one.value));
            lines.push_back(line);
        }
    }
    return lines;
}

} // namespace parley::test
