#include "dialect/parley/field.hpp"

#include <algorithm>

namespace parley::wire {

static_assert(std::ranges::is_sorted(field_names, {}, &std::string_view::size)); // none is missing

std::string_view name_of(field which) noexcept {
    return which == field::none ? "?" : field_names[static_cast<std::size_t>(which)];
}

field field_named(std::string_view name) noexcept {
    const auto same_size =
        std::ranges::equal_range(field_names, name.size(), {}, &std::string_view::size);
    const auto found = std::ranges::find(same_size, name);
    return found == same_size.end() ? field::none : static_cast<field>(found - field_names.begin());
}

} // namespace parley::wire
