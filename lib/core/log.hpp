#pragma once

#include <parley/log.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

namespace parley {

/// A log_sink and what it wants to hear. Copies share the sink, and so do the loggers that are made
/// of `sink()`: what one of them lets out, all of them count.
///
///     if (log_.enabled(log_level::debug))
///         log_.write(log_level::debug, fmt::format("ping, {} ms silent", silent.count()));
class logger {
public:
    logger() = default;
    logger(log_sink sink, log_level threshold);

    /// False when nobody listens: ask before you format.
    bool enabled(log_level level) const noexcept;

    /// One line. Control characters and invalid UTF-8 are spelled out, and a very long line is cut.
    /// What the sink throws ends here, and so does a want of memory.
    void write(log_level level, std::string_view line) const noexcept;

    /// For the parts of its owner; empty without one.
    log_sink sink() const;
    /// How often the sink threw.
    std::uint64_t failures() const noexcept;

private:
    struct guarded_sink;
    struct shared_sink;

    std::shared_ptr<guarded_sink> sink_;
    log_level threshold_ = log_level::info;
};

/// One line of an exception that nobody else hears of, whatever its type: `before` and its text.
void report(const logger& log, const std::exception_ptr& thrown,
            std::string_view before = {}) noexcept;

/// Takes every step, one after the other: what one throws is logged, and the next is taken. For
/// ends, which must come to theirs.
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
