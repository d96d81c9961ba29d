#pragma once

#include "core/setting_tables.hpp"

#include <chrono>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley::test {

/// Calls `visit(name, row, get)` for each setting of `Config` and of the structs within it, where
/// `get(config)` is the member itself. A group is walked into, and not visited.
template <class Config, class Inner, class Get, class Visit>
void walk_settings(const std::string& before, const Get& get, const Visit& visit) {
    const auto one = [&]<class Row, class T>(const Row& row, T Inner::* where) {
        const auto name = before + std::string(row.name);
        const auto member = [get, where](Config& in) -> T& { return get(in).*where; };
        if constexpr (std::is_same_v<Row, setting_group<Inner, T>>)
            walk_settings<Config, T>(name + '.', member, visit);
        else
            visit(name, row, member);
    };
    std::apply([&](const auto&... row) { (one(row, row.where), ...); }, setting_table<Inner>::rows);
}

template <class Config, class Visit>
void for_each_setting(const Visit& visit) {
    walk_settings<Config, Config>({}, [](Config& in) -> Config& { return in; }, visit);
}

/// A value to try, and whether the constructors have to take it.
template <class T>
struct tried_value {
    T value;
    bool allowed;
};

template <class Owner, class T>
std::vector<tried_value<T>> values_to_try(const bounded_setting<Owner, T>& row) {
    std::vector<tried_value<T>> all;
    const auto add = [&](T value) {
        all.push_back({value, value >= row.least && value <= row.most});
    };
    constexpr auto greatest = std::numeric_limits<T>::max();
    for (const T value : {T(0), T(1), row.least, row.most, greatest})
        add(value);
    if (row.most < greatest) add(static_cast<T>(row.most + 1));
    return all;
}

template <class Owner>
std::vector<tried_value<std::chrono::milliseconds>>
values_to_try(const bounded_setting<Owner, std::chrono::milliseconds>& row) {
    using std::chrono::milliseconds;
    std::vector<tried_value<milliseconds>> all;
    for (const auto value : {milliseconds(0), milliseconds(1), milliseconds(-1), row.least,
                             milliseconds::min(), longest_setting, milliseconds::max()})
        all.push_back({value, value >= row.least});
    return all;
}

template <class Owner>
std::vector<tried_value<std::chrono::seconds>> values_to_try(const offset_setting<Owner>&) {
    using std::chrono::seconds;
    const auto most = std::chrono::duration_cast<seconds>(longest_setting);
    return {{seconds(0), true},      {seconds(-1), true},        {most, true},
            {-most, true},           {most + seconds(1), false}, {-most - seconds(1), false},
            {seconds::max(), false}, {seconds::min(), false}};
}

template <class Owner, class T>
std::vector<tried_value<T>> values_to_try(const chosen_setting<Owner, T>& row) {
    const auto last = static_cast<int>(row.last);
    return {{T(0), true}, {row.last, true}, {T(last + 1), false}, {T(-1), false}};
}

template <class Owner, class T>
std::vector<tried_value<T>> values_to_try(const free_setting<Owner, T>&) {
    return {};
}

/// Calls `attempt(name, config, allowed)` for each value to try of each setting; the other settings
/// are those of `base`.
template <class Config, class Attempt>
void try_settings(const Config& base, const Attempt& attempt) {
    for_each_setting<Config>([&](const std::string& name, const auto& row, const auto& member) {
        for (const auto& [value, allowed] : values_to_try(row)) {
            auto config = base;
            member(config) = value;
            attempt(name, std::move(config), allowed);
        }
    });
}

} // namespace parley::test
