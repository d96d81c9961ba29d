#pragma once

#include <chrono>
#include <concepts>
#include <type_traits>
#include <utility>

namespace parley::detail {

/// A duration in another unit, without overflow: a value beyond its range becomes its last one. The
/// greatest value of any unit, which means never, so stays the greatest. A finer duration is cut
/// off towards 0.
template <class To, std::integral Rep, class Period>
constexpr To saturated(std::chrono::duration<Rep, Period> value) noexcept {
    using from = std::chrono::duration<Rep, Period>;
    using factor = std::ratio_divide<Period, typename To::period>;
    static_assert(factor::num == 1 || factor::den == 1, "one unit is a multiple of the other");
    if (value == from::max()) return To::max();
    using wide = std::common_type_t<Rep, typename To::rep>;
    if constexpr (factor::den == 1) {
        constexpr auto most = To::max().count() / static_cast<typename To::rep>(factor::num);
        constexpr auto least = To::min().count() / static_cast<typename To::rep>(factor::num);
        if (std::cmp_greater(value.count(), most)) return To::max();
        if (std::cmp_less(value.count(), least)) return To::min();
        return To(static_cast<typename To::rep>(static_cast<wide>(value.count()) *
                                                static_cast<wide>(factor::num)));
    } else {
        const auto whole = value.count() / static_cast<wide>(factor::den);
        if (std::cmp_greater(whole, To::max().count())) return To::max();
        if (std::cmp_less(whole, To::min().count())) return To::min();
        return To(static_cast<typename To::rep>(whole));
    }
}

} // namespace parley::detail
