#include "transport/masked_frame.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace parley {

namespace {

using mask_key = std::array<unsigned char, 4>;

// To ask for each costs more than a small frame does.
std::optional<mask_key> next_key() {
    struct store {
        std::array<unsigned char, 512> bytes;
        std::size_t left;
    };
    static_assert(sizeof(store::bytes) % sizeof(mask_key) == 0);
    thread_local store drawn{};
    if (drawn.left == 0) {
        if (RAND_bytes(drawn.bytes.data(), static_cast<int>(drawn.bytes.size())) != 1)
            return std::nullopt;
        drawn.left = drawn.bytes.size();
    }
    mask_key key{};
    drawn.left -= key.size();
    std::memcpy(key.data(), drawn.bytes.data() + drawn.left, key.size());
    return key;
}

char* put_head(char* at, frame_opcode opcode, std::uint64_t size) {
    *at++ = static_cast<char>(0x80u | static_cast<unsigned>(opcode)); // final
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

bool append_masked_frame(std::string& to, frame_opcode opcode, std::string_view payload) {
    const auto key = next_key();
    if (!key) return false;
    std::array<char, 10> head{};
    const auto head_size =
        static_cast<std::size_t>(put_head(head.data(), opcode, payload.size()) - head.data());
    const auto before = to.size();
    to.resize(before + head_size + key->size() + payload.size());
    char* at = to.data() + before;
    std::memcpy(at, head.data(), head_size);
    std::memcpy(at + head_size, key->data(), key->size());
    put_masked(at + head_size + key->size(), payload, *key);
    return true;
}

std::string masked_close_frame(unsigned code) {
    const std::array<char, 2> payload{static_cast<char>(code >> 8 & 0xffu),
                                      static_cast<char>(code & 0xffu)};
    std::string frame;
    append_masked_frame(frame, frame_opcode::close, {payload.data(), payload.size()});
    return frame;
}

std::string close_text(std::string reason) {
    constexpr std::size_t most = 123;
    if (reason.size() <= most) return reason;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0u) == 0x80u)
        --end;
    reason.resize(end);
    return reason;
}

} // namespace parley
