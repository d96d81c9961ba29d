#include "server/frames.hpp"

#include <openssl/evp.h>

#include <stdexcept>
#include <vector>
#include <zlib.h>

namespace bench {

namespace {

constexpr std::size_t period_bytes = 256u << 10;

/// The frames of `count` equal messages, with context takeover (RFC 7692 section 7.2.1).
std::vector<std::string> compressed_frames(std::string_view message, std::size_t count) {
    z_stream state{};
    if (deflateInit2(&state, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("zlib does not start");
    std::vector<std::string> frames;
    for (std::size_t i = 0; i < count; ++i) {
        std::string out(message.size() + 64, '\0');
        std::string in(message);
        state.next_in = reinterpret_cast<unsigned char*>(in.data());
        state.avail_in = static_cast<unsigned>(in.size());
        state.next_out = reinterpret_cast<unsigned char*>(out.data());
        state.avail_out = static_cast<unsigned>(out.size());
        deflate(&state, Z_SYNC_FLUSH);
        out.resize(out.size() - state.avail_out - 4); // without 00 00 ff ff
        frames.push_back(frame(out, 1, true));
    }
    deflateEnd(&state);
    return frames;
}

} // namespace

std::string frame(std::string_view payload, std::uint8_t opcode, bool compressed) {
    std::string out(1, static_cast<char>(0x80u | (compressed ? 0x40u : 0u) | opcode));
    const auto size = payload.size();
    if (size < 126) {
        out += static_cast<char>(size);
    } else if (size < 65536) {
        out += {static_cast<char>(126), static_cast<char>(size >> 8), static_cast<char>(size)};
    } else {
        out += static_cast<char>(127);
        for (int shift = 56; shift >= 0; shift -= 8)
            out += static_cast<char>(size >> shift);
    }
    return out.append(payload);
}

std::optional<client_frame> parse_frame(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() < 2) return std::nullopt;
    std::uint64_t payload = at(1) & 0x7fu;
    std::size_t header = 2;
    if (payload >= 126) {
        const std::size_t digits = payload == 126 ? 2 : 8;
        header += digits;
        if (bytes.size() < header) return std::nullopt;
        payload = 0;
        for (std::size_t i = 2; i < header; ++i)
            payload = payload << 8 | at(i);
    }
    const bool masked = (at(1) & 0x80u) != 0;
    const std::size_t key = header;
    if (masked) header += 4;
    if (bytes.size() < header || bytes.size() - header < payload) return std::nullopt;
    client_frame found;
    found.opcode = static_cast<std::uint8_t>(at(0) & 0x0fu);
    found.compressed = (at(0) & 0x40u) != 0;
    found.size = header + static_cast<std::size_t>(payload);
    found.payload = bytes.substr(header, static_cast<std::size_t>(payload));
    if (masked)
        for (std::size_t i = 0; i < found.payload.size(); ++i)
            found.payload[i] = static_cast<char>(found.payload[i] ^ bytes[key + i % 4]);
    return found;
}

std::string accept_key(std::string_view key) {
    const std::string salted = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(salted.data(), salted.size(), digest, &size, EVP_sha1(), nullptr);
    unsigned char text[64];
    const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
    return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
}

burst_frames::burst_frames(const std::function<std::string(std::size_t)>& message,
                           bool compressed) {
    std::string steady;
    if (compressed) {
        auto frames = compressed_frames(message(0), 4);
        if (frames[2] != frames[3]) throw std::runtime_error("the compressed frames do not settle");
        steady = frames[2];
        head_ = frames[0] + frames[1];
        head_messages_ = 2;
    }
    frame_size_ = compressed ? steady.size() : frame(message(0)).size();
    for (std::size_t number = 0; period_.size() < period_bytes; ++number) {
        const std::string next = compressed ? steady : frame(message(number));
        if (next.size() != frame_size_) throw std::runtime_error("the messages differ in length");
        period_ += next;
    }
}

} // namespace bench
