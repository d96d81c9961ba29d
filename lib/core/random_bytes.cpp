#include "core/random_bytes.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace parley {

namespace {

bool fill(std::span<unsigned char> into) {
    return RAND_bytes(into.data(), static_cast<int>(into.size())) == 1;
}

} // namespace

bool draw_random(std::span<unsigned char> into) {
    // To ask OpenSSL for each costs more than a small frame does.
    struct store {
        std::array<unsigned char, 512> bytes;
        std::size_t left;
    };
    thread_local store drawn{};
    if (into.size() > drawn.bytes.size()) return fill(into);
    if (into.size() > drawn.left) {
        drawn.left = 0; // a failed call may have written a part
        if (!fill(drawn.bytes)) return false;
        drawn.left = drawn.bytes.size();
    }
    drawn.left -= into.size();
    std::copy_n(drawn.bytes.data() + drawn.left, into.size(), into.begin());
    return true;
}

} // namespace parley
