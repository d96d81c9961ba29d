#include "websocket/masked_frame.hpp"

#include "core/random_bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace parley {

namespace {

using mask_key = std::array<unsigned char, 4>;

/// `first`: FIN, the reserved bits and the opcode.
char* put_head(char* at, unsigned first, std::uint64_t size) {
    *at++ = static_cast<char>(first);
    unsigned length_bytes = 0;
    if (size < 126) {
        *at++ = static_cast<char>(0x80u | size); // masked
    } else {
        length_bytes = size <= 0xffff ? 2 : 8;
        *at++ = static_cast<char>(0x80u | (length_bytes == 2 ? 126u : 127u));
    }
    while (length_bytes-- > 0)
        *at++ = static_cast<char>(size >> (8 * length_bytes) & 0xffu);
    return at;
}

void put_masked(char* to, std::string_view payload, const mask_key& key) {
    std::array<unsigned char, 8> twice{};
    std::memcpy(twice.data(), key.data(), key.size());
    std::memcpy(twice.data() + key.size(), key.data(), key.size());
    std::uint64_t mask = 0;
    std::memcpy(&mask, twice.data(), sizeof mask);
    std::size_t done = 0;
    for (std::uint64_t word = 0; payload.size() - done >= sizeof word; done += sizeof word) {
        std::memcpy(&word, payload.data() + done, sizeof word);
        word ^= mask;
        std::memcpy(to + done, &word, sizeof word);
    }
    for (; done < payload.size(); ++done)
        to[done] = static_cast<char>(static_cast<unsigned char>(payload[done]) ^ key[done % 4]);
}

} // namespace

bool append_masked_frame(std::string& to, frame_opcode opcode, std::string_view payload,
                         bool compressed) {
    mask_key key{};
    if (!draw_random(key)) return false;
    const unsigned first = 0x80u | (compressed ? 0x40u : 0u) | static_cast<unsigned>(opcode);
    std::array<char, 10> head{};
    const auto head_size =
        static_cast<std::size_t>(put_head(head.data(), first, payload.size()) - head.data());
    const auto before = to.size();
    to.resize(before + head_size + key.size() + payload.size());
    char* at = to.data() + before;
    std::memcpy(at, head.data(), head_size);
    std::memcpy(at + head_size, key.data(), key.size());
    put_masked(at + head_size + key.size(), payload, key);
    return true;
}

bool append_masked_close(std::string& to, unsigned code) {
    const std::array<char, 2> payload{static_cast<char>(code >> 8 & 0xffu),
                                      static_cast<char>(code & 0xffu)};
    return append_masked_frame(to, frame_opcode::close, {payload.data(), code == 0 ? 0u : 2u});
}

} // namespace parley
