#include "core/log.hpp"

#include "core/text.hpp"

#include <cstddef>

namespace parley {

namespace {
constexpr std::size_t longest_line = 2'000;
}

void logger::write(log_level level, std::string_view line) const {
    if (!enabled(level)) return;
    sink_(level, shorten_and_escape(line, longest_line));
}

} // namespace parley
