#include "transport/close_frame.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstddef>

namespace parley {

std::string close_text(std::string reason) {
    constexpr std::size_t most = 123;
    if (reason.size() <= most) return reason;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0u) == 0x80u)
        --end;
    reason.resize(end);
    return reason;
}

std::string masked_close_frame(unsigned code) {
    std::array<unsigned char, 4> key;
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) return {};
    std::string frame("\x88\x82", 2); // final, close; masked, two bytes
    for (const unsigned char byte : key)
        frame += static_cast<char>(byte);
    frame += static_cast<char>((code >> 8 & 0xffu) ^ key[0]);
    frame += static_cast<char>((code & 0xffu) ^ key[1]);
    return frame;
}

} // namespace parley
