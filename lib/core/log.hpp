#pragma once

#include <parley/log.hpp>

#include <exception>
#include <string_view>
#include <utility>

namespace parley {

/// A log_sink and what it wants to hear. Copies share the sink.
///
///     if (log_.enabled(log_level::debug))
///         log_.write(log_level::debug, fmt::format("ping, {} ms silent", silent.count()));
class logger {
public:
    logger() = default;
    logger(log_sink sink, log_level threshold) : sink_(std::move(sink)), threshold_(threshold) {}

    /// False when nobody listens: ask before you format.
    bool enabled(log_level level) const noexcept { return sink_ && level >= threshold_; }

    /// One line. Control characters and invalid UTF-8 are spelled out, and a very long line is cut.
    void write(log_level level, std::string_view line) const;

private:
    log_sink sink_;
    log_level threshold_ = log_level::info;
};

/// One line of an exception that nobody else hears of, whatever its type: `before` and its text.
void report(const logger& log, const std::exception_ptr& thrown, std::string_view before = {});

} // namespace parley
