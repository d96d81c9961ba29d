#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {

inline double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Of all threads of this process.
inline double cpu_s() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

inline double resident_kib() {
    std::size_t all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024.0;
}

/// What a scenario has to say, as one JSON object on one line.
class outcome {
public:
    outcome& set(std::string_view name, double value) {
        char text[64];
        std::snprintf(text, sizeof text, "%.17g", value);
        return raw(name, text);
    }
    outcome& set(std::string_view name, std::uint64_t value) {
        return raw(name, std::to_string(value));
    }
    outcome& set(std::string_view name, const std::vector<double>& values) {
        std::string list;
        for (const double value : values) {
            char text[64];
            std::snprintf(text, sizeof text, "%s%.6f", list.empty() ? "" : ",", value);
            list += text;
        }
        return raw(name, "[" + list + "]");
    }
    /// The 50th and 99th percentile, and a hundred of them for a picture.
    outcome& latencies(std::vector<double> us) {
        std::sort(us.begin(), us.end());
        const auto at = [&](double part) {
            return us.empty()
                       ? 0.0
                       : us[static_cast<std::size_t>(part * static_cast<double>(us.size() - 1))];
        };
        std::vector<double> hundred;
        for (int i = 0; i < 100; ++i)
            hundred.push_back(at((i + 0.5) / 100.0));
        return set("p50_us", at(0.5)).set("p99_us", at(0.99)).set("percentiles_us", hundred);
    }

    void print() const { std::printf("{%s}\n", members_.c_str()); }

private:
    outcome& raw(std::string_view name, const std::string& value) {
        if (!members_.empty()) members_ += ',';
        members_.append("\"").append(name).append("\":").append(value);
        return *this;
    }

    std::string members_;
};

/// Wall and CPU time from its making on.
class stopwatch {
public:
    double elapsed_s() const { return now_s() - wall_; }
    double used_s() const { return cpu_s() - cpu_; }
    void report(outcome& to) const { to.set("elapsed_s", elapsed_s()).set("cpu_s", used_s()); }

private:
    double wall_ = now_s();
    double cpu_ = cpu_s();
};

} // namespace bench
