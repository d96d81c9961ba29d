#include "core/log.hpp"

#include "core/text.hpp"

#include <atomic>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

namespace parley {

namespace {

constexpr std::size_t longest_line = 2'000;
constexpr unsigned most_failures_in_a_row = 3;

} // namespace

struct logger::guarded_sink {
    explicit guarded_sink(log_sink given) : call(std::move(given)) {}

    bool listens() const noexcept {
        return in_a_row.load(std::memory_order_relaxed) < most_failures_in_a_row;
    }

    void write(log_level level, std::string_view line) noexcept {
        if (!listens()) return;
        try {
            call(level, line);
            in_a_row.store(0, std::memory_order_relaxed);
        } catch (...) {
            failures.fetch_add(1, std::memory_order_relaxed);
            in_a_row.fetch_add(1, std::memory_order_relaxed);
        }
    }

    const log_sink call;
    std::atomic<unsigned> in_a_row{0};
    std::atomic<std::uint64_t> failures{0};
};

struct logger::shared_sink {
    void operator()(log_level level, std::string_view line) const { to->write(level, line); }

    std::shared_ptr<guarded_sink> to;
};

logger::logger(log_sink sink, log_level threshold) : threshold_(threshold) {
    if (const auto* known = sink.target<shared_sink>())
        sink_ = known->to;
    else if (sink)
        sink_ = std::make_shared<guarded_sink>(std::move(sink));
}

bool logger::enabled(log_level level) const noexcept {
    return sink_ && level >= threshold_ && sink_->listens();
}

void logger::write(log_level level, std::string_view line) const noexcept {
    if (!enabled(level)) return;
    try {
        sink_->write(level, shorten_and_escape(line, longest_line));
    } catch (const std::bad_alloc&) { // a line that there is no memory for is not worth an end
    }
}

log_sink logger::sink() const { return sink_ ? log_sink(shared_sink{sink_}) : log_sink(); }

std::uint64_t logger::failures() const noexcept {
    return sink_ ? sink_->failures.load(std::memory_order_relaxed) : 0;
}

void report(const logger& log, const std::exception_ptr& thrown, std::string_view before) noexcept {
    try {
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
            log.write(log_level::error, std::string(before) + error.what());
        } catch (...) {
            log.write(log_level::error,
                      std::string(before) + "an exception that is not a std::exception");
        }
    } catch (const std::bad_alloc&) { // likewise
    }
}

} // namespace parley
