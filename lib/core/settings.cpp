#include "core/settings.hpp"

#include <parley/error.hpp>

#include <fmt/core.h>

namespace parley {

namespace {

constexpr auto unbounded = std::numeric_limits<std::uint64_t>::max();

} // namespace

std::string setting_fault(std::string_view name, std::uint64_t value, std::uint64_t least,
                          std::uint64_t most) {
    if (value >= least && value <= most) return {};
    const auto bounds = most == unbounded ? fmt::format("{} or more", least)
                                          : fmt::format("between {} and {}", least, most);
    return fmt::format("The setting {} must be {}; it is {}.", name, bounds, value);
}

std::string setting_fault(std::string_view name, std::chrono::milliseconds value,
                          std::chrono::milliseconds least) {
    if (value >= least) return {};
    return fmt::format("The setting {} must be {} ms or more; it is {} ms.", name, least.count(),
                       value.count());
}

std::string setting_fault(std::string_view name, std::chrono::seconds offset) {
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(longest_setting);
    if (offset >= -most && offset <= most) return {};
    return fmt::format("The setting {} must be between {} s and {} s; it is {} s.", name,
                       -most.count(), most.count(), offset.count());
}

void refuse_setting(std::string sentence) {
    throw_error(error_info(errc::invalid_configuration, std::move(sentence)));
}

} // namespace parley
