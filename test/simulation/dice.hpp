#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley::simulation {

/// One stream of chance (SplitMix64): the same on every machine, which the distributions of the
/// standard library are not.
class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        auto z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    /// In [0, n).
    std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }
    /// In [low, high].
    std::size_t between(std::size_t low, std::size_t high) noexcept {
        return low + below(high - low + 1);
    }
    /// In [0, 1).
    double real() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
    bool percent(double of_hundred) noexcept { return real() * 100.0 < of_hundred; }

    std::chrono::milliseconds ms(std::size_t low, std::size_t high) noexcept {
        return std::chrono::milliseconds(between(low, high));
    }

    template <class T>
    const T& pick(const std::vector<T>& from) noexcept {
        return from[below(from.size())];
    }

private:
    std::uint64_t state_;
};

} // namespace parley::simulation
