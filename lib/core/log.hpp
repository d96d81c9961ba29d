#pragma once

#include <parley/log.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

namespace parley {

/// A log_sink and its threshold. Copies share the sink and its failures, and so do loggers that are
/// made of `sink()`.
///
///     if (log_.enabled(log_level::debug))
///         log_.write(log_level::debug, fmt::format("ping, {} ms silent", silent.count()));
class logger {
public:
    logger() = default;
    logger(log_sink sink, log_level threshold);

    /// False when the line would be dropped: ask before you format it.
    bool enabled(log_level level) const noexcept;

    /// Writes one line. Control characters and invalid UTF-8 are escaped, a very long line is cut.
    /// Exceptions of the sink and bad_alloc are dropped.
    void write(log_level level, std::string_view line) const noexcept;

    /// A sink that writes to this logger; empty without one.
    log_sink sink() const;
    /// How often the sink threw.
    std::uint64_t failures() const noexcept;

private:
    struct guarded_sink;
    struct shared_sink;

    std::shared_ptr<guarded_sink> sink_;
    log_level threshold_ = log_level::info;
};

/// Logs an exception of any type that has no other receiver: `before` and its text.
void report(const logger& log, const std::exception_ptr& thrown,
            std::string_view before = {}) noexcept;

/// Performs every step, one after the other. An exception of a step is logged, and the next step
/// follows: used for ends, which must complete.
template <class... Step>
void take_all(const logger& log, const Step&... steps) noexcept {
    const auto take = [&log](const auto& step) {
        try {
            step();
        } catch (...) {
            report(log, std::current_exception());
        }
    };
    (take(steps), ...);
}

} // namespace parley
