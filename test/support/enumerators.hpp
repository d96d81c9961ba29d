#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::test {

/// What the compiler calls that value: the enumerator's own name, or something with a bracket when
/// there is none.
template <auto value>
constexpr std::string_view spelled() {
    const std::string_view here = __PRETTY_FUNCTION__;
    constexpr std::string_view before = "value = ";
    const auto begin = here.find(before) + before.size();
    const auto name = here.substr(begin, here.find_first_of(";]", begin) - begin);
    const auto last_colon = name.rfind(':');
    return name.front() == '(' ? name : name.substr(last_colon + 1);
}

/// An enumerator and its name in the source.
template <class Enum>
struct enumerator {
    Enum value;
    std::string_view name;
};

template <class Enum, int first, std::size_t... offset>
std::vector<enumerator<Enum>> enumerators_of(std::index_sequence<offset...>) {
    std::vector<enumerator<Enum>> found;
    const auto look = [&found](Enum value, std::string_view name) {
        if (name.front() != '(') found.push_back({value, name});
    };
    (look(static_cast<Enum>(first + static_cast<int>(offset)),
          spelled<static_cast<Enum>(first + static_cast<int>(offset))>()),
     ...);
    return found;
}

/// All there are with values from `first` on, as the compiler knows them: no list of ours.
template <class Enum, int first = 0, int count = 32>
std::vector<enumerator<Enum>> enumerators() {
    return enumerators_of<Enum, first>(std::make_index_sequence<static_cast<std::size_t>(count)>());
}

} // namespace parley::test
