#include "core/log.hpp"

#include "core/text.hpp"

#include <cstddef>
#include <string>

namespace parley {

namespace {
constexpr std::size_t longest_line = 2'000;
}

void logger::write(log_level level, std::string_view line) const {
    if (!enabled(level)) return;
    sink_(level, shorten_and_escape(line, longest_line));
}

void report(const logger& log, const std::exception_ptr& thrown, std::string_view before) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        log.write(log_level::error, std::string(before) + error.what());
    } catch (...) {
        log.write(log_level::error, std::string(before) + "something that is no std::exception");
    }
}

} // namespace parley
