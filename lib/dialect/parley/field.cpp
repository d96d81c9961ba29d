#include "dialect/parley/field.hpp"

namespace parley::wire {

using detail::field_names;

std::string_view name_of(field which) noexcept {
    return which == field::none ? "?" : field_names[static_cast<std::size_t>(which)];
}

field field_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < field_names.size(); ++i)
        if (field_names[i] == name) return static_cast<field>(i);
    return field::none;
}

} // namespace parley::wire
