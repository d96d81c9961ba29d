#pragma once

#include <concepts>
#include <iosfwd>
#include <string_view>
#include <type_traits>

namespace parley {

/// An enumeration with a name for each of its values: every public one of this library.
template <class T>
concept named = std::is_enum_v<T> && requires(T value) {
    { to_string(value) } -> std::same_as<std::string_view>;
};

/// Prints the enumerator's own name: `std::cerr << errc::not_sent` writes `not_sent`. For
/// `fmt::print` and `fmt::format` include `parley/fmt.hpp`.
template <named T, class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, T value) {
    return out << to_string(value);
}

} // namespace parley
