#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace parley {

// The checks of the public structs of settings. Each struct has a table with a row for each member
// (setting_tables.hpp), by which every constructor checks first, through `checked`. A test compares
// the tables with the structs, so that no member is forgotten.

/// "Never" is often written as the largest number there is: a longer duration becomes this one.
/// Neither sums of such durations nor their nanoseconds overflow.
inline constexpr std::chrono::milliseconds longest_setting = std::chrono::hours(24 * 365 * 10);

/// A number or a duration, and its bounds; the highest value of the type means no upper bound.
template <class Owner, class T>
struct bounded_setting {
    T Owner::* where;
    std::string_view name;
    T least;
    T most = std::numeric_limits<T>::max();
};
template <class Owner>
struct bounded_setting<Owner, std::chrono::milliseconds> {
    std::chrono::milliseconds Owner::* where;
    std::string_view name;
    std::chrono::milliseconds least{1};
    std::chrono::milliseconds most = std::chrono::milliseconds::max();
};
template <class Owner, class T, class... Bounds>
bounded_setting(T Owner::*, const char*, Bounds...) -> bounded_setting<Owner, T>;

/// An offset of either sign, by no more than `longest_setting`.
template <class Owner>
struct offset_setting {
    std::chrono::seconds Owner::* where;
    std::string_view name;
};

/// One value of an enumeration that ends with `last`.
template <class Owner, class T>
struct chosen_setting {
    T Owner::* where;
    std::string_view name;
    T last;
};
template <class Owner, class T>
chosen_setting(T Owner::*, const char*, T) -> chosen_setting<Owner, T>;

/// A struct of settings, with a table of its own.
template <class Owner, class T>
struct setting_group {
    T Owner::* where;
    std::string_view name;
};
template <class Owner, class T>
setting_group(T Owner::*, const char*) -> setting_group<Owner, T>;

/// A text, a switch, a function or an executor, which its user checks.
template <class Owner, class T>
struct free_setting {
    static_assert(!std::is_arithmetic_v<T> || std::is_same_v<T, bool>, "a number has bounds");
    static_assert(!std::is_enum_v<T>, "an enumeration has a last value");
    static_assert(!std::is_same_v<T, std::chrono::milliseconds>, "a duration has bounds");
    static_assert(!std::is_same_v<T, std::chrono::seconds>, "a duration has bounds");

    T Owner::* where;
    std::string_view name;
};
template <class Owner, class T>
free_setting(T Owner::*, const char*) -> free_setting<Owner, T>;

/// `rows`: a tuple of the above.
template <class Config>
struct setting_table;

/// The sentence of `invalid_configuration` for a value out of its bounds; empty for a good one.
std::string setting_fault(std::string_view name, std::uint64_t value, std::uint64_t least,
                          std::uint64_t most);
std::string setting_fault(std::string_view name, std::chrono::milliseconds value,
                          std::chrono::milliseconds least);

std::string setting_fault(std::string_view name, std::chrono::seconds offset);

[[noreturn]] void refuse_setting(std::string sentence);

namespace detail {

template <class Owner, class T>
void check_row(Owner& in, const bounded_setting<Owner, T>& row, const std::string& before) {
    static_assert(std::is_unsigned_v<T>);
    constexpr bool bounded_by_type = sizeof(T) < sizeof(std::uint64_t);
    const bool open = row.most == std::numeric_limits<T>::max() && bounded_by_type;
    auto fault =
        setting_fault(before + std::string(row.name), in.*row.where, row.least,
                      open ? std::numeric_limits<std::uint64_t>::max() : std::uint64_t(row.most));
    if (!fault.empty()) refuse_setting(std::move(fault));
}

template <class Owner>
void check_row(Owner& in, const bounded_setting<Owner, std::chrono::milliseconds>& row,
               const std::string& before) {
    auto& value = in.*row.where;
    auto fault = setting_fault(before + std::string(row.name), value, row.least);
    if (!fault.empty()) refuse_setting(std::move(fault));
    value = std::min(value, longest_setting);
}

template <class Owner>
void check_row(Owner& in, const offset_setting<Owner>& row, const std::string& before) {
    auto fault = setting_fault(before + std::string(row.name), in.*row.where);
    if (!fault.empty()) refuse_setting(std::move(fault));
}

template <class Owner, class T>
void check_row(Owner& in, const chosen_setting<Owner, T>& row, const std::string& before) {
    using number = std::make_unsigned_t<std::underlying_type_t<T>>;
    auto fault = setting_fault(before + std::string(row.name), static_cast<number>(in.*row.where),
                               0, static_cast<number>(row.last));
    if (!fault.empty()) refuse_setting(std::move(fault));
}

template <class Owner, class T>
void check_row(Owner&, const free_setting<Owner, T>&, const std::string&) {}

template <class Owner, class T>
void check_row(Owner& in, const setting_group<Owner, T>& row, const std::string& before) {
    const auto inside = before + std::string(row.name) + '.';
    std::apply([&](const auto&... each) { (check_row(in.*row.where, each, inside), ...); },
               setting_table<T>::rows);
}

} // namespace detail

/// The settings, with no duration longer than `longest_setting`; `invalid_configuration` for one
/// that is out of its bounds. `before` comes before the names of the members: `options.`.
template <class Config>
Config checked(Config settings, const std::string& before = {}) {
    std::apply([&](const auto&... row) { (detail::check_row(settings, row, before), ...); },
               setting_table<Config>::rows);
    return settings;
}

} // namespace parley
